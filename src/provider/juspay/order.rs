//! What became of an order: the table of statuses, and the reading of every answer about one.

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;

use crate::domain::outcome::{CallFailure, Counter};
use crate::domain::{Amount, Call, Currency, Mandate, Outcome};
use crate::provider::http::Sent;
use crate::provider::{Answered, LookupRequest, Reading, Reply};

use super::Juspay;
use super::answer::{Judgement, JuspayAnswer, Refusal};
use super::compared::contradiction;

/// The version of the order API that is read here ("Juspay Order Status API": date, in the header `version`).
const API_VERSION: &str = "2023-06-30";

/// What a status word means for the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Charged,
    Pending,
    Failed,
    Reversed,
    /// Only a person can judge it.
    Unrecognized,
    /// The order is not known there.
    Missing,
    /// The call failed, not the order.
    Error,
    /// A word that is documented nowhere: pending, never success, never failure.
    Unheard,
}

impl Standing {
    /// Whether the word is a documented status of an order that exists.
    const fn is_of_the_order(self) -> bool {
        match self {
            Self::Charged | Self::Pending | Self::Failed | Self::Reversed | Self::Unrecognized => {
                true
            }
            Self::Missing | Self::Error | Self::Unheard => false,
        }
    }
}

/// The meaning of a status, by its word: the id 40 stands for two of them ("Juspay Appendix", "Transaction Status";
/// "Backend Response Codes" for those from 31 on).
pub(super) fn standing(status: &str) -> Standing {
    match status {
        "CHARGED" => Standing::Charged,
        "NEW" | "CREATED" | "STARTED" | "PENDING_VBV" | "VBV_SUCCESSFUL" | "AUTHORIZED"
        | "AUTHORIZING" | "COD_INITIATED" | "VOID_INITIATED" | "CAPTURE_INITIATED"
        | "TO_BE_CHARGED" => Standing::Pending,
        // One page spells it with an S.
        "AUTHENTICATION_FAILED"
        | "AUTHORIZATION_FAILED"
        | "AUTHORISATION_FAILED"
        | "JUSPAY_DECLINED" => Standing::Failed,
        "AUTO_REFUNDED" | "VOIDED" => Standing::Reversed,
        "PARTIAL_CHARGED" | "CAPTURE_FAILED" | "VOID_FAILED" => Standing::Unrecognized,
        "NOT_FOUND" => Standing::Missing,
        _ if status.eq_ignore_ascii_case("ERROR") => Standing::Error,
        _ => Standing::Unheard,
    }
}

/// The order that a call is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) reading: Reading<'a>,
    /// Nothing where any order will do.
    pub(super) id: Option<&'a str>,
    /// Whose it is and what it takes; nothing where any will do.
    pub(super) debit: Option<(&'a Mandate, Amount)>,
    pub(super) currency: Currency,
    pub(super) call: Call,
}

impl Juspay {
    /// `GET /orders/{order_id}`.
    pub(super) async fn order_status(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        let call = self.get_order(request.order_id, &request.mandate.customer_id);
        let sent = self.http.send(call, request.at).await;
        let order = Order {
            reading: self.reading(request.mandate),
            id: Some(request.order_id),
            debit: Some((request.mandate, request.amount)),
            currency: request.amount.currency(),
            call: Call::OrderStatus,
        };
        order.reply_to(sent)
    }

    pub(super) fn get_order(&self, id: &str, customer: &str) -> RequestBuilder {
        self.get(&["orders", id], customer)
            .header("version", API_VERSION)
            // Asked for, although there is no body.
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
    }
}

impl Order<'_> {
    /// Reads what came back about the order, if anything did.
    pub(super) fn reply_to(self, sent: Sent) -> Reply<Outcome> {
        match sent.result {
            Ok(answered) => self.reply(&answered, sent.latency),
            Err(failure) => Reply::unanswered(Outcome::Call, failure, sent.latency),
        }
    }

    /// Reads an answer about the order.
    pub(super) fn reply(self, answered: &Answered, latency: Duration) -> Reply<Outcome> {
        let answer = JuspayAnswer::read(answered);
        let outcome = match answer.judge() {
            Judgement::Call(failure) => Outcome::Call(failure),
            judgement if self.call == Call::OrderStatus => self.looked_up(&answer, judgement),
            Judgement::Refused(refusal) => self.refused(&answer, refusal),
            Judgement::Processed { status } => self.by_status(&answer, &status),
        };
        let wire = answer.wire(latency, outcome.failure());
        let txn = txn_id(&answer);
        Reply {
            counter: self.counter(&answer),
            provider_ref: txn,
            ..Reply::new(outcome, wire)
        }
    }

    /// A look-up that is refused says nothing about the order, except that it is unknown.
    fn looked_up(self, answer: &JuspayAnswer, judgement: Judgement) -> Outcome {
        match judgement {
            Judgement::Call(failure) => Outcome::Call(failure),
            Judgement::Processed { status } if standing(&status).is_of_the_order() => {
                self.by_status(answer, &status)
            }
            Judgement::Processed { .. } | Judgement::Refused(_) if is_missing(answer) => {
                Outcome::NotFound
            }
            Judgement::Processed { status } => self.by_status(answer, &status),
            Judgement::Refused(_) => Outcome::Call(answer.unproven()),
        }
    }

    fn refused(self, answer: &JuspayAnswer, refusal: Refusal) -> Outcome {
        match refusal {
            Refusal::Duplicate => Outcome::AlreadyExists,
            Refusal::NotProcessed => Outcome::Refused(answer.failure(self.reading)),
        }
    }

    fn by_status(self, answer: &JuspayAnswer, status: &str) -> Outcome {
        if let Some(wanted) = self.id
            && answer.states("order_id")
            && answer.text("order_id").as_deref() != Some(wanted)
        {
            return Outcome::Call(CallFailure::Unknown {
                why: format!("an answer about another order than {wanted}"),
            });
        }
        if let Some((mandate, due)) = self.debit
            && let Some(contradiction) =
                contradiction(answer, mandate, (amount(answer, self.currency), due))
        {
            return Outcome::Contradicted(contradiction);
        }
        let failure = || answer.failure(self.reading);
        match standing(status) {
            Standing::Charged => self.charged(answer),
            Standing::Pending => Outcome::Pending,
            Standing::Failed => Outcome::Failed(failure()),
            Standing::Reversed => Outcome::Reversed(failure()),
            Standing::Unrecognized => Outcome::Unrecognized(failure()),
            meant @ (Standing::Missing | Standing::Error | Standing::Unheard) => {
                // Error envelopes are documented with a 4xx; with a 200 only their words can say what they are.
                let refusal = if self.call == Call::OrderStatus {
                    None
                } else {
                    answer.refusal()
                };
                match refusal {
                    Some(refusal) => self.refused(answer, refusal),
                    None if meant == Standing::Unheard => Outcome::Pending,
                    None => Outcome::Call(answer.unproven()),
                }
            }
        }
    }

    /// Success is what the order's own status says, and an amount that is there must be one.
    fn charged(self, answer: &JuspayAnswer) -> Outcome {
        let amount = amount(answer, self.currency);
        if amount.is_none() && answer.states("amount") || !answer.states("status") {
            return Outcome::Call(answer.unproven());
        }
        let txn = txn_id(answer);
        Outcome::Charged { amount, txn }
    }

    /// How often the order was tried. A transaction is `merchantId-orderId-N` ("Juspay Order & Transaction"), and
    /// `mandate_retry_info` counts the retries that Juspay made by itself.
    fn counter(self, answer: &JuspayAnswer) -> Counter {
        let named = answer.text("order_id");
        let order_id = self.id.or(named.as_deref()).unwrap_or_default();
        let nth = txn_id(answer).and_then(|txn| {
            let (front, n) = txn.rsplit_once('-')?;
            front
                .strip_suffix(order_id)?
                .ends_with('-')
                .then(|| n.parse().ok())?
        });
        let retry_info =
            |key: &str| answer.text(&format!("additional_info.mandate_retry_info.{key}"));
        let retried = retry_info("retries_done_count")
            .and_then(|count| count.parse::<i64>().ok())
            .map(|count| count.saturating_add(1));
        Counter {
            attempts: nth.max(retried),
            no_retry_allowed: retry_info("allowed_retry")
                .is_some_and(|word| word.eq_ignore_ascii_case("false")),
        }
    }
}

/// An unknown order is a 400 with the status `NOT_FOUND` ("Juspay Order Status API", error codes). A 404 without such
/// words is documented as a wrong URL, and proves nothing about the order.
fn is_missing(answer: &JuspayAnswer) -> bool {
    let names_the_merchant = answer
        .messages
        .iter()
        .any(|message| message.contains("merchant_id"));
    match answer.status.as_deref() {
        Some("NOT_FOUND") => true,
        _ if names_the_merchant => false,
        _ => {
            answer.has_code("RESOURCE_NOT_FOUND")
                || answer.http_status == 404 && !answer.is_from_elsewhere()
        }
    }
}

/// The amount, exactly as its digits stand in the answer; nothing where there is none or it cannot be one.
fn amount(answer: &JuspayAnswer, currency: Currency) -> Option<Amount> {
    let currency = match answer.text("currency") {
        Some(code) => Currency::parse(&code).ok()?,
        None => currency,
    };
    let text = answer.text("amount")?;
    // JSON numbers carry decimals that the currency may not have: 300.0 is 300.
    let text = match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text,
    };
    Amount::parse(&text, currency).ok()
}

fn txn_id(answer: &JuspayAnswer) -> Option<String> {
    answer
        .text("txn_id")
        .or_else(|| answer.text("txn_detail.txn_id"))
}
