//! Pre-debit notifications: `pre_debit_notify` and `GET /notifications/{object_reference_id}`.

use std::collections::BTreeMap;

use judge::Timestamp;
use mandated::domain::{Amount, Currency};
use serde::Deserialize;
use serde_json::json;

use super::super::answer::Answer;
use super::super::answers;
use super::super::facts;
use super::super::mandate::{Mandate, Status};
use super::super::notice::Notification;
use super::super::received::Received;
use super::super::state::State;
use super::{check_headers, txns};
use crate::seeded_rng::SeededRng;

/// `source_info`: both are text.
#[derive(Deserialize)]
struct SourceInfo {
    amount: String,
    txn_date: String,
}

/// "Notification already present": the error code is known, the body is the standard envelope.
pub(in super::super) fn already_exists() -> Answer {
    answers::refused(
        "Bad Request",
        "already_exists",
        "Notification already present",
        "ALREADY_EXISTS",
    )
}

/// A well-formed request.
struct NotificationForm {
    reference: String,
    amount: Amount,
    amount_text: String,
    debit_at: Timestamp,
    description: String,
}

fn invalid(message: &str) -> Answer {
    answers::refused("Bad Request", "invalid_info", message, "INVALID_INPUT")
}

fn read(form: &BTreeMap<String, String>, currency: Currency) -> Result<NotificationForm, Answer> {
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let reference = field("object_reference_id");
    // "Length upto 25 and alphanumeric characters only".
    let alphanumeric = reference
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric());
    if !alphanumeric || !(1..=25).contains(&reference.len()) {
        return Err(invalid("Invalid object_reference_id"));
    }
    let source: SourceInfo = serde_json::from_str(&field("source_info"))
        .map_err(|_unreadable| invalid("Invalid source_info"))?;
    let description = field("description");
    // "max 50 chars".
    if description.chars().count() > 50 {
        return Err(invalid("Invalid description"));
    }
    Ok(NotificationForm {
        reference,
        amount: Amount::parse(&source.amount, currency)
            .map_err(|_unreadable| invalid("Invalid amount"))?,
        amount_text: source.amount,
        debit_at: txns::epoch(&source.txn_date).ok_or_else(|| invalid("Invalid txn_date"))?,
        description,
    })
}

/// Notifies the payer of a mandate; the headers have been checked.
pub(super) fn notify(
    state: &mut State,
    received: &Received,
    id: &str,
    form: &BTreeMap<String, String>,
) -> Result<Answer, Answer> {
    let State {
        world,
        mandates,
        ledger,
        references,
        ..
    } = state;
    let mandate = mandates
        .get_mut(id)
        .ok_or_else(|| Answer::json(400, answers::MANDATE_NOT_FOUND))?;
    let wanted = read(form, mandate.terms.currency)?;
    if references.contains_key(&wanted.reference) {
        return Err(already_exists());
    }
    if mandate.status != Status::Active {
        let message = "Please pass active mandate";
        return Err(answers::refused(
            "Bad Request",
            "ineligible_state",
            message,
            "INVALID_ACTION",
        ));
    }
    let now = received.now;
    let (settles_at, delivered) = mandate.notify(world, wanted.debit_at, now);
    let notification = Notification {
        reference: wanted.reference.clone(),
        amount: wanted.amount,
        amount_text: wanted.amount_text,
        debit_at: wanted.debit_at,
        description: wanted.description,
        created_at: now,
        settles_at,
        delivered,
    };
    let requested = facts::notification(&notification);
    ledger.record(mandate.judge.notification_requested(requested));
    let answer = Answer::value(200, &body(mandate, &notification, now));
    references.insert(wanted.reference.clone(), id.to_owned());
    mandate.notifications.insert(wanted.reference, notification);
    Ok(answer)
}

/// Answers with a notification, or that there is none; what Juspay says then is documented nowhere.
pub(in super::super) fn status(
    state: &mut State,
    received: &Received,
    reference: &str,
) -> Result<Answer, Answer> {
    let unknown = || {
        let message = "Notification not found";
        answers::refused(
            "Bad Request",
            "Invalid_Request",
            message,
            "RESOURCE_NOT_FOUND",
        )
    };
    let State {
        mandates,
        references,
        ledger,
        juspay,
        ..
    } = state;
    let mandate = references
        .get(reference)
        .and_then(|owner| mandates.get(owner))
        .ok_or_else(unknown)?;
    check_headers(received, &juspay.merchant_id, mandate, None, ledger);
    let notification = mandate.notifications.get(reference).ok_or_else(unknown)?;
    Ok(Answer::value(
        200,
        &body(mandate, notification, received.now),
    ))
}

fn body(mandate: &Mandate, notification: &Notification, now: Timestamp) -> serde_json::Value {
    let status = notification.status(now);
    let id = SeededRng::about(0, "notification")
        .text(&notification.reference)
        .below(100_000_000);
    let updated = if status == "PENDING" {
        notification.created_at
    } else {
        notification.settles_at
    };
    let mut response = json!({ "provider_ref_id": format!("IN{id:012}") });
    if status == "FAILURE"
        && let Some(response) = response.as_object_mut()
    {
        response.insert("provider_response_code".to_owned(), json!("NU"));
        response.insert(
            "provider_response_message".to_owned(),
            json!("Unable to notify the customer"),
        );
    }
    json!({
        "status": status,
        "source_object": "MANDATE",
        "source_object_id": mandate.id(),
        "source_info": {
            "txn_date": notification.debit_at.timestamp().to_string(),
            "amount": notification.amount_text,
        },
        "provider_response": response,
        "provider_name": "BILLDESK",
        "object_reference_id": notification.reference,
        "object": "notification",
        "notification_type": "SMS",
        "mandate": { "mandate_id": mandate.id() },
        "last_updated": updated.timestamp().to_string(),
        "id": id.to_string(),
        "description": notification.description,
        "date_created": notification.created_at.timestamp().to_string(),
    })
}
