//! `POST /ecr/mandate/retry`: "will trigger the transactions from the location they last failed".

use judge::facts::OrderRetry;
use judge::{Presenter, Rule};
use mandated::domain::ProviderKind;
use serde::Deserialize;

use super::super::answer::Answer;
use super::super::answers;
use super::super::collection;
use super::super::mandate::Mandate;
use super::super::notice::SandboxNotice;
use super::super::order::Order;
use super::super::received::Received;
use super::super::state::State;
use super::txns::Transaction;
use crate::seeded_rng::SeededRng;

#[derive(Deserialize)]
struct Request {
    order_id: String,
    mandate_id: String,
}

/// The mandate that a retry is about.
pub(in super::super) fn mandate_id(received: &Received) -> Option<String> {
    serde_json::from_str::<Request>(&received.body)
        .ok()
        .map(|request| request.mandate_id)
}

/// The failure that the page prints. Its HTTP status is printed nowhere: a caller must read it whichever it is.
fn nothing_to_retry(mandate: &Mandate) -> Answer {
    let statuses = [200, 400, 500];
    let lot = SeededRng::about(0, "status of a refused retry")
        .text(mandate.id())
        .below(3);
    let status = usize::try_from(lot)
        .ok()
        .and_then(|lot| statuses.get(lot))
        .copied();
    Answer::json(status.unwrap_or(500), answers::NOTHING_TO_RETRY)
}

/// Retries an order that has failed and may be retried.
pub(in super::super) fn retry(state: &mut State, received: &Received) -> Result<Answer, Answer> {
    let request: Request = serde_json::from_str(&received.body)
        .map_err(|_unreadable| answers::missing_field("order_id"))?;
    let State {
        world,
        mandates,
        ledger,
        juspay,
        ..
    } = state;
    let mandate = mandates
        .get_mut(&request.mandate_id)
        .filter(|mandate| mandate.terms.provider == ProviderKind::Juspay)
        .ok_or_else(|| Answer::json(400, answers::MANDATE_NOT_FOUND))?;
    let now = received.now;
    let mut breach = |detail: &str| {
        let about = (request.mandate_id.as_str(), Some(request.order_id.as_str()));
        ledger.violation(now, about, Rule::BadRequest, detail.to_owned());
    };
    if !received.is("application/json") {
        breach("the content type is not application/json");
    }
    // The page's sample carries neither header; one that is sent must be the right one.
    for (name, wanted) in [
        ("x-merchantid", &juspay.merchant_id),
        ("x-routing-id", &mandate.terms.customer_id),
    ] {
        if received.header(name).is_some_and(|given| given != wanted) {
            breach(&format!("{name} is not {wanted:?}"));
        }
    }
    let Some(mut order) = mandate.orders.remove(&request.order_id) else {
        return Err(nothing_to_retry(mandate));
    };
    ledger.record(mandate.judge.order_retry_requested(OrderRetry {
        order_id: &order.id,
        pending: order.is_pending(),
        at: now,
    }));
    let retried = order.is_retryable(mandate);
    if retried {
        if notification_failed(&order) {
            collection::notify_and_schedule(mandate, &mut order, None, now, (world, ledger));
        } else {
            collection::present(
                mandate,
                &mut order,
                (Presenter::Merchant, now),
                world,
                ledger,
            );
        }
        collection::settle(mandate, &mut order, now, world, ledger);
    }
    let answer = Answer::value(200, &Transaction::of(&order, &juspay.merchant_id));
    mandate.orders.insert(order.id.clone(), order);
    if retried {
        Ok(answer)
    } else {
        Err(nothing_to_retry(mandate))
    }
}

/// "If Notification had failed, it will retry notification first."
fn notification_failed(order: &Order) -> bool {
    match &order.notice {
        SandboxNotice::Provider(notification) => !notification.delivered,
        SandboxNotice::Exempt
        | SandboxNotice::Missing
        | SandboxNotice::Unknown(_)
        | SandboxNotice::Merchant(_) => false,
    }
}
