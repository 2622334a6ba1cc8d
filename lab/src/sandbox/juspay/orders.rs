//! `GET /orders/{order_id}`: what became of an order.

use chrono::SecondsFormat;
use judge::{Rail, Rule};
use serde_json::json;

use super::super::answer::Answer;
use super::super::mandate::Mandate;
use super::super::order::Order;
use super::super::received::Received;
use super::super::state::State;
use super::txns::{txn_id, txn_uuid};
use super::{check_headers, number};

/// Answers with the order, or that there is none. The page names the status `NOT_FOUND` but not its HTTP status.
pub(in super::super) fn status(
    state: &mut State,
    received: &Received,
    id: &str,
) -> Result<Answer, Answer> {
    let unknown = || {
        let body = json!({
            "status": "NOT_FOUND", "status_id": 40, "order_id": id,
            "error_code": "NOT_FOUND", "error_message": "Order not found",
            "error_info": {
                "code": "RESOURCE_NOT_FOUND", "category": "USER_ERROR",
                "user_message": "Order not found.", "developer_message": "Order not found.",
            },
        });
        Answer::value(404, &body)
    };
    let State {
        mandates,
        orders,
        ledger,
        juspay,
        ..
    } = state;
    let mandate = orders
        .get(id)
        .and_then(|owner| mandates.get_mut(owner))
        .ok_or_else(unknown)?;
    let order = mandate.orders.remove(id).ok_or_else(unknown)?;
    check_headers(received, &juspay.merchant_id, mandate, Some(id), ledger);
    if received.header("version").is_none() && !received.query.contains_key("version") {
        let detail = "the header version is missing".to_owned();
        ledger.violation(
            received.now,
            (mandate.id(), Some(id)),
            Rule::BadRequest,
            detail,
        );
    }
    ledger.record(mandate.judge.order_looked_up(id, received.now));
    let body = body(mandate, &order, &juspay.merchant_id);
    mandate.orders.insert(order.id.clone(), order);
    Ok(Answer::value(200, &body))
}

fn status_id(status: &str) -> i32 {
    match status {
        "CHARGED" => 21,
        "JUSPAY_DECLINED" => 22,
        "PENDING_VBV" => 23,
        "AUTHENTICATION_FAILED" => 26,
        "AUTHORIZATION_FAILED" => 27,
        "AUTHORIZING" => 28,
        _ => 20,
    }
}

fn body(mandate: &Mandate, order: &Order, merchant_id: &str) -> serde_json::Value {
    let status = order.status();
    let failure = order.failure();
    let failed = failure.as_ref();
    let charged = order.charged_at.is_some();
    let resp_code = failed.map_or(charged.then_some("TXN_SUCCESS"), |d| d.resp_code.as_deref());
    let bank_code = failed.map_or("", |d| d.bank_error_code.as_ref());
    let bank_message = failed.map_or("", |d| d.bank_error_message.as_ref());
    let created = order.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (method_type, object_type) = match mandate.terms.rail {
        Rail::Upi => ("UPI", "EMANDATE_PAYMENT"),
        Rail::Card => ("CARD", "MANDATE_PAYMENT"),
        Rail::Enach => ("NB", "EMANDATE_PAYMENT"),
    };
    let txn_id = txn_id(order, merchant_id);
    let amount = number(order.amount);
    let currency = order.amount.currency().to_string();
    json!({
        "id": format!("ordeh_{}", order.id),
        "merchant_id": merchant_id,
        "order_id": order.id,
        "customer_id": order.customer_id,
        "amount": amount,
        "currency": currency,
        "status": status,
        "status_id": status_id(&status),
        "date_created": created,
        "txn_id": txn_id,
        "txn_uuid": txn_uuid(order),
        "payment_method_type": method_type,
        "resp_code": resp_code,
        "resp_message": failed.and_then(|d| d.resp_message.as_deref()),
        "resp_category": failed.and_then(|d| d.resp_category.as_deref()),
        "bank_error_code": bank_code,
        "bank_error_message": bank_message,
        "refunded": false,
        "amount_refunded": 0,
        "effective_amount": amount,
        "offers": [],
        "txn_detail": {
            "txn_id": txn_id, "order_id": order.id, "txn_uuid": txn_uuid(order), "status": status,
            "error_code": bank_code, "error_message": bank_message,
            "txn_object_type": object_type, "source_object": "MANDATE",
            "source_object_id": mandate.id(), "gateway": "DUMMY", "gateway_id": 100,
            "txn_amount": amount, "net_amount": amount, "currency": currency,
            "express_checkout": false, "redirect": false, "created": created,
        },
        "payment_gateway_response": {
            "txn_id": txn_id, "resp_code": bank_code, "resp_message": bank_message, "created": created,
        },
        "additional_info": { "mandate_retry_info": retry_info(mandate, order) },
    })
}

/// Juspay's own retry counters, all of them text.
fn retry_info(mandate: &Mandate, order: &Order) -> serde_json::Value {
    let retries = order.attempts.len().saturating_sub(1);
    json!({
        "is_retried_order": (retries > 0).to_string(),
        "retries_done_count": retries.to_string(),
        "allowed_retry": order.is_alive(mandate).to_string(),
    })
}
