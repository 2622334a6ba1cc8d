//! What a merchant may ask of an eMandate: charge, cancel, retry, activate.
//!
//! The bodies of refusals are documented nowhere; Cashfree's, which Signzy fronts, are `"status":"ERROR"` with a
//! message, under an HTTP status that is documented nowhere either.

use chrono::NaiveDate;
use judge::facts::PaymentRetry;
use judge::{RetryRefusal, Rule, Timestamp};
use mandated::domain::{Amount, Notify, ProviderKind};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::answers;
use super::super::facts;
use super::super::india;
use super::super::juspay::number;
use super::super::ledger::Ledger;
use super::super::mandate::{Mandate, Status};
use super::super::received::Received;
use super::super::state::State;
use super::{no_such_mandate, reference, schedule, stamp, wrapped};
use crate::seeded_rng::SeededRng;

fn refused(mandate: &Mandate, message: &str) -> Answer {
    let statuses = [200, 400, 422];
    let lot = SeededRng::about(0, "status of a refusal")
        .text(mandate.id())
        .below(3);
    let status = usize::try_from(lot)
        .ok()
        .and_then(|lot| statuses.get(lot))
        .copied();
    let body = json!({ "status": "ERROR", "subStatus": mandate.status.word(), "message": message });
    Answer::value(status.unwrap_or(422), &body)
}

/// The body, if there is one: an object, sent as JSON.
fn body(received: &Received, mandate: &Mandate, ledger: &mut Ledger) -> Result<Value, Answer> {
    if received.body.trim().is_empty() {
        return Ok(json!({}));
    }
    if !received.is("application/json") {
        let detail = "the content type is not application/json".to_owned();
        ledger.violation(received.now, (mandate.id(), None), Rule::BadRequest, detail);
    }
    serde_json::from_str(&received.body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| answers::signzy_error(422, "Badly formed JSON"))
}

/// `nextScheduledOn`: the day on which the next cycle is to be charged, in the future.
fn next_scheduled_on(body: &Value, received: &Received) -> Result<Option<NaiveDate>, Answer> {
    let Some(value) = body.get("nextScheduledOn") else {
        return Ok(None);
    };
    let day = value
        .as_str()
        .and_then(|text| text.parse::<NaiveDate>().ok());
    day.filter(|day| *day > india::day(received.now))
        .map(Some)
        .ok_or_else(|| {
            answers::signzy_error(400, "nextScheduledOn must be a future date, yyyy-MM-dd")
        })
}

fn move_next_cycle(mandate: &mut Mandate, to: Option<NaiveDate>) {
    let next = mandate.terms.cycle_days.get(mandate.cycles_begun).copied();
    if let (Some(cycle), Some(to)) = (next, to) {
        mandate.moved.insert(cycle, to);
    }
}

/// `POST …/charge`: `ON_DEMAND` only. It has no idempotency key: two calls are two payments.
pub(in super::super) fn charge(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let State {
        world,
        mandates,
        ledger,
        ..
    } = state;
    let mandate = emandate(mandates, id)?;
    let body = body(received, mandate, ledger)?;
    let amount = body
        .get("amount")
        .filter(|value| value.is_number())
        .and_then(|value| Amount::parse(&value.to_string(), mandate.terms.currency).ok())
        .ok_or_else(|| answers::signzy_error(400, "wrong element in type"))?;
    if mandate.terms.notify == Notify::Provider {
        return Err(refused(
            mandate,
            "Charge is allowed for on-demand subscriptions only",
        ));
    }
    if mandate.status != Status::Active {
        let message = format!("Subscription is in {} state", mandate.status.word());
        return Err(refused(mandate, &message));
    }
    let now = received.now;
    let over = (mandate.judge).debit_requested(None, &facts::amount(amount), now);
    if !over.is_empty() {
        ledger.record(over);
        return Err(refused(mandate, "Amount is more than the maximum amount"));
    }
    let Some(cycle) = mandate.judge.cycle_of(india::day(now)) else {
        ledger.record(mandate.judge.charge_requested(now));
        return Err(refused(mandate, "Subscription has not started"));
    };
    let payment = schedule::payment(mandate, amount, cycle, now, world);
    mandate.payments.push(payment);
    let index = mandate.payments.len().saturating_sub(1);
    schedule::present(mandate, index, now, world);
    let payment = mandate
        .payments
        .last()
        .map_or(Value::Null, |payment| payment.described(mandate));
    Ok(wrapped("Subscription charge pending", "payment", &payment))
}

/// `POST …/charge/{payment}/cancel`: "only payment in INITIALIZED".
pub(in super::super) fn cancel_charge(
    state: &mut State,
    _received: &Received,
    (id, payment): (&str, &str),
) -> Result<Answer, Answer> {
    let mandate = emandate(&mut state.mandates, id)?;
    let index = mandate
        .payments
        .iter()
        .position(|known| known.id.to_string() == payment)
        .ok_or_else(|| answers::signzy_error(404, "Payment not found"))?;
    let cancelled = mandate
        .payments
        .get_mut(index)
        .filter(|payment| payment.status() == "INITIALIZED");
    let Some(payment) = cancelled else {
        return Err(refused(
            mandate,
            "Only an initialized payment can be cancelled",
        ));
    };
    payment.cancelled = true;
    let payment = mandate
        .payments
        .get(index)
        .map_or(Value::Null, |payment| payment.described(mandate));
    let body =
        json!({ "status": "OK", "message": "Subscription charge cancelled", "payment": payment });
    Ok(Answer::value(200, &body))
}

/// `POST …/retry-charge`: "retry the last failed payment for an eMandate in ONHOLD state".
pub(in super::super) fn retry(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let State {
        world,
        mandates,
        ledger,
        ..
    } = state;
    let mandate = emandate(mandates, id)?;
    let body = body(received, mandate, ledger)?;
    let moved = next_scheduled_on(&body, received)?;
    if mandate.status != Status::OnHold {
        return Err(refused(mandate, "Subscription is not in ON_HOLD state"));
    }
    let Some(index) = mandate.payments.len().checked_sub(1) else {
        return Err(refused(mandate, "There is no payment to retry"));
    };
    if let Some(message) = refusal(mandate, index, received.now, ledger) {
        return Err(refused(mandate, message));
    }
    let today = india::day(received.now);
    if let Some(payment) = mandate.payments.get_mut(index) {
        payment.retried.push(today);
        let payment_id = payment.id.to_string();
        mandate.judge.payment_retried(&payment_id, received.now);
    }
    schedule::present(mandate, index, received.now, world);
    move_next_cycle(mandate, moved);
    // The page shows SUCCESS at once, Cashfree's own page PENDING: both happen. The status of the eMandate in the
    // answer is in both that from before.
    let before = mandate.status.word();
    let at_once = mandate.rng(world, "retry at once").day(today).below(4) == 0;
    if at_once {
        schedule::resolve(mandate, index, ledger);
    }
    let payment = mandate.payments.get(index).ok_or_else(no_such_mandate)?;
    let body = json!({
        "status": "OK",
        "subStatus": before,
        "payment": {
            "paymentId": payment.id,
            "amount": number(payment.amount),
            "status": payment.status(),
            "addedOn": stamp(payment.added_at),
            "retryAttempts": payment.retried.len(),
        },
    });
    Ok(Answer::value(200, &body))
}

/// Cashfree, "Retry Subscription Charge": why a payment is not retried, if it is not.
fn refusal(
    mandate: &Mandate,
    index: usize,
    now: Timestamp,
    ledger: &mut Ledger,
) -> Option<&'static str> {
    let payment = mandate.payments.get(index)?;
    let verdict = mandate.judge.payment_retry_requested(PaymentRetry {
        payment_id: &payment.id.to_string(),
        pending: payment.status() == "PENDING",
        at: now,
    });
    ledger.record(verdict.violations);
    match verdict.refusal {
        Some(RetryRefusal::RetriedToday) => Some("Only one retry is allowed per day"),
        Some(RetryRefusal::StillPending) => Some("Payment is pending"),
        Some(RetryRefusal::RetriesSpent) => Some("Maximum retries are done for this cycle"),
        None if payment.status() != "FAILED" => Some("There is no failed payment to retry"),
        None => (mandate.judge.cycle_of(india::day(now)) != Some(payment.cycle))
            .then_some("The cycle of the payment is over"),
    }
}

/// `POST …/activate`: takes an eMandate off hold without a debit.
pub(in super::super) fn activate(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let State {
        mandates, ledger, ..
    } = state;
    let mandate = emandate(mandates, id)?;
    let body = body(received, mandate, ledger)?;
    let moved = next_scheduled_on(&body, received)?;
    if mandate.status != Status::OnHold {
        return Err(refused(mandate, "Subscription is not in ON_HOLD state"));
    }
    mandate.status = Status::Active;
    move_next_cycle(mandate, moved);
    let body = json!({
        "status": "OK",
        "subStatus": mandate.status.word(),
        "subscriptionResponse": { "subReferenceId": reference(mandate) },
    });
    Ok(Answer::value(200, &body))
}

/// `POST …/cancel`: for good.
pub(in super::super) fn cancel(
    state: &mut State,
    _received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let mandate = emandate(&mut state.mandates, id)?;
    if matches!(
        mandate.status,
        Status::Cancelled | Status::CustomerCancelled
    ) {
        return Err(refused(mandate, "Subscription is cancelled already"));
    }
    mandate.status = Status::Cancelled;
    for payment in mandate
        .payments
        .iter_mut()
        .filter(|payment| payment.status() == "INITIALIZED")
    {
        payment.cancelled = true;
    }
    let body = json!({ "result": { "status": "OK", "message": "Subscription Cancelled" } });
    Ok(Answer::value(200, &body))
}

fn emandate<'a>(
    mandates: &'a mut std::collections::HashMap<String, Mandate>,
    id: &str,
) -> Result<&'a mut Mandate, Answer> {
    mandates
        .get_mut(id)
        .filter(|mandate| mandate.terms.provider == ProviderKind::Signzy)
        .ok_or_else(no_such_mandate)
}
