//! `GET /eMandates/{id}`, its payments, one payment.

use mandated::domain::ProviderKind;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::india;
use super::super::mandate::Mandate;
use super::super::received::Received;
use super::super::state::State;
use super::{no_such_mandate, reference, stamp, wrapped};

fn known<'a>(state: &'a State, id: &str) -> Result<&'a Mandate, Answer> {
    state
        .mandate(ProviderKind::Signzy, id)
        .ok_or_else(no_such_mandate)
}

/// The eMandate.
pub(in super::super) fn mandate(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let mandate = known(state, id)?;
    let next = mandate.terms.cycle_days.get(mandate.cycles_begun);
    let next = next.map(|cycle| mandate.moved.get(cycle).unwrap_or(cycle));
    let subscription = json!({
        "subReferenceId": reference(mandate),
        "customerName": "A Customer",
        "customerEmail": null,
        "customerPhone": null,
        "mode": "NPCI_SBC",
        "cardNumber": null,
        "status": mandate.status.word(),
        "firstChargeDate": mandate.terms.cycle_days.first(),
        "addedOn": stamp(received.now),
        "scheduledOn": next.map(|day| stamp(india::time(*day, 7, 0))),
        "currentCycle": mandate.cycles_begun,
        "authLink": null,
        "bankAccountNumber": null,
        "bankAccountHolder": null,
        "umrn": null,
    });
    Ok(wrapped(
        "Subscription Details",
        "subscription",
        &subscription,
    ))
}

/// Its payments, newest first; `lastId` asks for older ones, `count` for how many.
pub(in super::super) fn payments(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let mandate = known(state, id)?;
    let number = |name: &str| {
        received
            .query
            .get(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    // Older ones than that, by when they were made.
    let newest_first = || mandate.payments.iter().rev();
    let passed = number("lastId").map_or(0, |last| {
        let position = newest_first().position(|payment| payment.id == last);
        position.map_or(usize::MAX, |position| position.saturating_add(1))
    });
    let count = number("count")
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(10);
    let page: Vec<_> = newest_first().skip(passed).take(count).collect();
    let last = page.last().map(|payment| payment.id);
    let payments: Vec<Value> = page
        .into_iter()
        .map(|payment| payment.described(mandate))
        .collect();
    let body = json!({ "result": {
        "status": "OK", "message": "Subscription Payments", "payments": payments, "lastId": last,
    } });
    Ok(Answer::value(200, &body))
}

/// One payment.
pub(in super::super) fn payment(
    state: &mut State,
    _received: &Received,
    (id, payment): (&str, &str),
) -> Result<Answer, Answer> {
    let mandate = known(state, id)?;
    let found = mandate
        .payments
        .iter()
        .find(|known| known.id.to_string() == payment);
    let found = found.ok_or_else(|| super::signzy_error(404, "Payment not found"))?;
    Ok(wrapped(
        "Subscription Payment",
        "payment",
        &found.described(mandate),
    ))
}
