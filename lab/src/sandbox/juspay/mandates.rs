//! `POST /mandates/{mandate_id}`, one command at a time, and the list of a customer's mandates.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use judge::{Rail, Timestamp};
use mandated::domain::ProviderKind;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::answers;
use super::super::mandate::{Mandate, Status};
use super::super::received::Received;
use super::super::state::State;
use super::{check_headers, notifications, number, txns};

/// Carries out a command.
pub(in super::super) fn command(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let form = received.form();
    let mandate = state
        .mandates
        .get(id)
        .filter(|mandate| mandate.terms.provider == ProviderKind::Juspay)
        .ok_or_else(|| Answer::json(400, answers::MANDATE_NOT_FOUND))?;
    check_headers(
        received,
        &state.juspay.merchant_id,
        mandate,
        None,
        &mut state.ledger,
    );
    let command = form.get("command").map(String::as_str).unwrap_or_default();
    if command == "pre_debit_notify" {
        return notifications::notify(state, received, id, &form);
    }
    let mandate = state
        .mandates
        .get_mut(id)
        .ok_or_else(|| Answer::json(400, answers::MANDATE_NOT_FOUND))?;
    match command {
        "check_status" => Ok(Answer::value(200, &described(mandate))),
        "pause" => pause(mandate, &form, received.now),
        "resume" => resume(mandate),
        "revoke" => revoke(mandate),
        "cancel_recurring_transaction" => cancel(mandate, &form, received.now),
        _ => Err(answers::bad_command("Invalid command")),
    }
}

/// Not allowed in that status.
fn not_allowed(mandate: &Mandate) -> Answer {
    let message = format!("Mandate is in {} state", mandate.status.word());
    answers::refused(
        "invalid_request_error",
        "invalid_request",
        &message,
        "INVALID_ACTION",
    )
}

fn date(form: &BTreeMap<String, String>, name: &str) -> Result<Option<Timestamp>, Answer> {
    let Some(text) = form.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    txns::epoch(text).map(Some).ok_or_else(|| {
        answers::refused(
            "Bad Request",
            "Invalid",
            &format!("Invalid {name}"),
            "INVALID_INPUT",
        )
    })
}

/// "At `pause_end_date` it returns to ACTIVE by itself."
fn pause(
    mandate: &mut Mandate,
    form: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Answer, Answer> {
    let starts = date(form, "pause_start_date")?.unwrap_or(now);
    let ends = date(form, "pause_end_date")?;
    if mandate.status != Status::Active {
        return Err(not_allowed(mandate));
    }
    mandate.status = Status::Paused;
    mandate.paused_until = ends;
    let text = |at: Timestamp| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = json!({
        "mandate_status": mandate.status.word(),
        "mandate_id": mandate.id(),
        "pause_start_date": text(starts),
        "pause_end_date": ends.map(text),
        "response_message": "Mandate is Paused.",
    });
    Ok(Answer::value(200, &body))
}

fn resume(mandate: &mut Mandate) -> Result<Answer, Answer> {
    if mandate.status != Status::Paused {
        return Err(not_allowed(mandate));
    }
    mandate.status = Status::Active;
    mandate.paused_until = None;
    let body = json!({
        "mandate_status": mandate.status.word(),
        "mandate_id": mandate.id(),
        "response_message": "Mandate is Resumed.",
    });
    Ok(Answer::value(200, &body))
}

fn revoke(mandate: &mut Mandate) -> Result<Answer, Answer> {
    if mandate.status == Status::Revoked {
        return Err(not_allowed(mandate));
    }
    mandate.status = Status::Revoked;
    mandate.paused_until = None;
    let body = json!({ "mandate_status": mandate.status.word(), "mandate_id": mandate.id() });
    Ok(Answer::value(200, &body))
}

fn cancel(
    mandate: &mut Mandate,
    form: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Answer, Answer> {
    let id = form
        .get("order_id")
        .ok_or_else(|| answers::bad_command("Please send order_id"))?;
    let nothing = || Answer::json(400, answers::NOTHING_TO_CANCEL);
    let order = mandate.orders.get_mut(id).ok_or_else(nothing)?;
    if !order.cancel(now) {
        return Err(nothing());
    }
    let body = json!({
        "order_id": order.id,
        "txn_uuid": txns::txn_uuid(order),
        "txn_status": "JUSPAY_DECLINED",
        "response_message": "Transaction successfully terminated at Juspay end.",
    });
    Ok(Answer::value(200, &body))
}

fn described(mandate: &Mandate) -> Value {
    let (method, method_type, mandate_type) = match mandate.terms.rail {
        Rail::Upi => ("UPI", "UPI", "EMANDATE"),
        Rail::Card => ("VISA", "CARD", "MANDATE"),
        Rail::Enach => ("JP_ICICI", "NB", "EMANDATE"),
    };
    json!({
        "mandate_id": mandate.id(),
        "status": mandate.status.word(),
        "customer_id": mandate.terms.customer_id,
        "frequency": "ASPRESENTED",
        "amount_rule": "VARIABLE",
        "max_amount": mandate.terms.max_amount.map(number),
        "currency": mandate.terms.currency.to_string(),
        "revokable_by_customer": true,
        "block_fund": false,
        "mandate_type": mandate_type,
        "payment_info": { "payment_method": method, "payment_method_type": method_type },
    })
}

/// `GET /customers/{customer_id}/mandates`.
pub(in super::super) fn list(state: &mut State, received: &Received, customer: &str) -> Answer {
    let mut found: Vec<&Mandate> = state
        .mandates
        .values()
        .filter(|mandate| mandate.terms.provider == ProviderKind::Juspay)
        .filter(|mandate| mandate.terms.customer_id == customer)
        .collect();
    found.sort_by_key(|mandate| mandate.id());
    for mandate in &found {
        check_headers(
            received,
            &state.juspay.merchant_id,
            mandate,
            None,
            &mut state.ledger,
        );
    }
    let list: Vec<Value> = found.into_iter().map(described).collect();
    let body = json!({ "object": "list", "total": list.len(), "count": list.len(), "offset": 0, "list": list });
    Answer::value(200, &body)
}
