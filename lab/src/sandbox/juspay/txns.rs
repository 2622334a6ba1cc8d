//! `POST /txns`: makes an order and debits it, now or when the payer has been notified.

use std::collections::BTreeMap;

use chrono::DateTime;
use judge::facts::Scheduled;
use judge::{Presenter, Rule, Timestamp};
use mandated::domain::{Amount, Currency, Notify, ProviderKind};
use serde::Serialize;

use super::super::answer::Answer;
use super::super::answers;
use super::super::attempt::Attempt;
use super::super::collection;
use super::super::decline::Decline;
use super::super::facts;
use super::super::mandate::{Mandate, Status};
use super::super::notice::SandboxNotice;
use super::super::order::Order;
use super::super::received::Received;
use super::super::state::State;
use super::check_headers;
use crate::seeded_rng::SeededRng;

/// "Among other accepted values are EUR, USD, GBP."
const CURRENCIES: [&str; 4] = ["INR", "EUR", "USD", "GBP"];

/// What a well-formed request asks for.
struct TransactionForm {
    order_id: String,
    customer_id: String,
    mandate_id: String,
    amount: Amount,
    notification_id: Option<String>,
    execution_date: Option<Timestamp>,
}

/// Answers a call, or refuses it as documented.
pub(in super::super) fn create(state: &mut State, received: &Received) -> Result<Answer, Answer> {
    let form = received.form();
    let field = |name: &str| form.get(name).filter(|value| !value.is_empty());
    match field("merchant_id") {
        None => return Err(answers::missing_field("merchant_id")),
        Some(given) if *given != state.juspay.merchant_id => {
            return Err(Answer::json(400, answers::INVALID_MERCHANT));
        }
        Some(_) => {}
    }
    let wanted = read(&form)?;
    if state.orders.contains_key(&wanted.order_id) {
        return Err(Answer::json(400, answers::DUPLICATE_ORDER));
    }
    check(state, received, &wanted, &form)?;
    let State {
        world,
        mandates,
        ledger,
        orders,
        juspay,
        ..
    } = state;
    let mandate = mandates
        .get_mut(&wanted.mandate_id)
        .ok_or_else(|| Answer::json(400, answers::MANDATE_NOT_FOUND))?;
    let notice = notice(mandate, &wanted);
    let provider_notifies = mandate.terms.notify == Notify::Provider
        && matches!(notice, SandboxNotice::Missing | SandboxNotice::Unknown(_));
    let now = received.now;
    let mut order = Order::new(
        &wanted.order_id,
        wanted.amount,
        &wanted.customer_id,
        notice,
        now,
    );
    if wanted.customer_id != mandate.terms.customer_id {
        let decline = Decline::invalid_customer(answers::INVALID_CUSTOMER);
        mandate.judge.order_initiated(&order.id, now);
        order.attempts.push(Attempt::refused(now, now, decline));
    } else if provider_notifies {
        let asked = wanted.execution_date;
        collection::notify_and_schedule(mandate, &mut order, asked, now, (world, ledger));
        if let (Some(notification), Some(execution_date)) = (order.notice.reference(), asked) {
            ledger.record(mandate.judge.debit_scheduled(Scheduled {
                order_id: &order.id,
                notification,
                execution_date,
                at: now,
            }));
        }
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
    let answer = Answer::value(200, &Transaction::of(&order, &juspay.merchant_id));
    orders.insert(order.id.clone(), wanted.mandate_id);
    mandate.orders.insert(order.id.clone(), order);
    Ok(answer)
}

fn read(form: &BTreeMap<String, String>) -> Result<TransactionForm, Answer> {
    let field = |name: &str| form.get(name).filter(|value| !value.is_empty()).cloned();
    let mandatory = |name: &str| field(name).ok_or_else(|| answers::missing_field(name));
    let amount = field("order.amount").ok_or_else(|| Answer::json(400, answers::NO_AMOUNT))?;
    let currency = field("order.currency").unwrap_or_else(|| "INR".to_owned());
    let known = CURRENCIES.contains(&currency.as_str());
    let currency = Currency::parse(&currency)
        .ok()
        .filter(|_| known)
        .ok_or_else(|| Answer::json(400, answers::CURRENCY_NOT_VALID))?;
    let execution_date = match field("mandate.execution_date") {
        None => None,
        Some(text) => Some(epoch(&text).ok_or_else(|| {
            let message = "Invalid execution_date: not a UNIX epoch";
            answers::refused("Bad Request", "Invalid", message, "INVALID_INPUT")
        })?),
    };
    Ok(TransactionForm {
        order_id: mandatory("order.order_id")?,
        customer_id: mandatory("order.customer_id")?,
        mandate_id: mandatory("mandate_id")?,
        amount: Amount::parse(&amount, currency)
            .map_err(|_invalid| Answer::json(400, answers::INVALID_AMOUNT))?,
        notification_id: field("mandate.notification_id"),
        execution_date,
    })
}

/// "UNIX EPOCH timestamp format": whole seconds.
pub(super) fn epoch(text: &str) -> Option<Timestamp> {
    DateTime::from_timestamp(text.parse().ok()?, 0)
}

/// Whether the mandate may be debited like this.
fn check(
    state: &mut State,
    received: &Received,
    wanted: &TransactionForm,
    form: &BTreeMap<String, String>,
) -> Result<(), Answer> {
    let merchant_id = &state.juspay.merchant_id;
    let mandate = state
        .mandates
        .get(&wanted.mandate_id)
        .filter(|mandate| mandate.terms.provider == ProviderKind::Juspay)
        .ok_or_else(|| Answer::json(400, answers::MANDATE_NOT_FOUND))?;
    check_headers(
        received,
        merchant_id,
        mandate,
        Some(&wanted.order_id),
        &mut state.ledger,
    );
    let about = (mandate.id(), Some(wanted.order_id.as_str()));
    if form.get("format").map(String::as_str) != Some("json") {
        let detail = "the field format is not json".to_owned();
        state
            .ledger
            .violation(received.now, about, Rule::BadRequest, detail);
    }
    if wanted.amount.currency() != mandate.terms.currency {
        return Err(Answer::json(400, answers::OTHER_CURRENCY));
    }
    let most = mandate
        .terms
        .max_amount
        .ok_or_else(|| Answer::json(400, answers::NO_MAX_AMOUNT))?;
    let amount = facts::amount(wanted.amount);
    let over = (mandate.judge).debit_requested(Some(&wanted.order_id), &amount, received.now);
    if !over.is_empty() {
        state.ledger.record(over);
        return Err(answers::over_maximum(most));
    }
    if mandate.status != Status::Active {
        return Err(answers::not_active(mandate.status.word()));
    }
    Ok(())
}

fn notice(mandate: &Mandate, wanted: &TransactionForm) -> SandboxNotice {
    match &wanted.notification_id {
        Some(reference) if mandate.notifications.contains_key(reference) => {
            SandboxNotice::Merchant(reference.clone())
        }
        Some(reference) => SandboxNotice::Unknown(reference.clone()),
        None if mandate.judge.wants_notification() => SandboxNotice::Missing,
        None => SandboxNotice::Exempt,
    }
}

/// The body of `/txns` and of the retry API, in the order of their pages.
#[derive(Serialize)]
pub(super) struct Transaction {
    order_id: String,
    status: String,
    payment: Payment,
    txn_uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resp_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resp_code: Option<String>,
    offer_details: OfferDetails,
    txn_id: String,
}

#[derive(Serialize)]
struct Payment {
    authentication: Authentication,
}

#[derive(Serialize)]
struct Authentication {
    url: String,
    method: &'static str,
}

#[derive(Serialize)]
struct OfferDetails {
    offers: [(); 0],
}

impl Transaction {
    pub(super) fn of(order: &Order, merchant_id: &str) -> Self {
        let failure = order.failure();
        let text = |value: Option<std::borrow::Cow<'static, str>>| value.map(String::from);
        let (resp_code, resp_message) = failure.map_or((None, None), |decline| {
            (text(decline.resp_code), text(decline.resp_message))
        });
        let txn_uuid = txn_uuid(order);
        let url = format!(
            "https://api.juspay.in/v2/pay/finish/{merchant_id}/{txn_uuid}/{}",
            order.id
        );
        Self {
            order_id: order.id.clone(),
            status: order.status(),
            payment: Payment {
                authentication: Authentication { url, method: "GET" },
            },
            txn_uuid,
            resp_message,
            resp_code,
            offer_details: OfferDetails { offers: [] },
            txn_id: txn_id(order, merchant_id),
        }
    }
}

/// "`txn_id` = merchantId-orderId-attemptCounter".
pub(super) fn txn_id(order: &Order, merchant_id: &str) -> String {
    format!("{merchant_id}-{}-{}", order.id, order.txn_number())
}

pub(super) fn txn_uuid(order: &Order) -> String {
    let number = u64::try_from(order.txn_number()).unwrap_or(0);
    format!(
        "moz{:016x}",
        SeededRng::about(number, "txn").text(&order.id).draw()
    )
}
