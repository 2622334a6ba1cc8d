//! Signzy's eNACH (which fronts Cashfree): the raw key in `Authorization`, bodies now in `result` and now bare.

pub(super) mod lookups;
pub(super) mod recovery;
pub(super) mod schedule;

use serde_json::{Value, json};

use super::answer::Answer;
use super::answers::signzy_error;
use super::juspay::number;
use super::mandate::Mandate;
use super::payment::Payment;
use super::received::Received;
use super::{Timestamp, india};

impl Payment {
    fn described(&self, mandate: &Mandate) -> Value {
        let failure = match (self.status(), self.attempts.last()) {
            ("FAILED", Some(attempt)) => attempt.answer.as_ref().err(),
            _ => None,
        };
        json!({
            "paymentId": self.id,
            "cfOrderId": self.id.saturating_add(500_000_000),
            "referenceId": self.id.saturating_add(700_000_000),
            "subReferenceId": reference(mandate),
            "currency": self.amount.currency().to_string(),
            "amount": number(self.amount),
            "cycle": self.number,
            "status": self.status(),
            "remarks": "",
            "addedOn": stamp(self.added_at),
            "scheduledOn": self.scheduled_at.map(stamp),
            "initiatedOn": self.attempts.first().map(|attempt| stamp(attempt.at)),
            "retryAttempts": self.retried.len(),
            "failureReason": failure.map(|decline| decline.bank_error_message.as_ref()),
        })
    }
}

/// "API Keys... in the Authorization header", without a scheme. Nothing if the caller may come in.
pub(super) fn authorise(received: &Received, key: &str) -> Option<Answer> {
    (received.header("authorization") != Some(key))
        .then(|| signzy_error(401, "Missing or incorrect credentials"))
}

/// A time the way Signzy writes it: `yyyy-MM-dd HH:mm:ss` in India, without a zone.
fn stamp(at: Timestamp) -> String {
    india::local(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Ids are numbers where they can be.
fn reference(mandate: &Mandate) -> Value {
    mandate
        .id()
        .parse::<u64>()
        .map_or_else(|_text| json!(mandate.id()), |number| json!(number))
}

fn no_such_mandate() -> Answer {
    signzy_error(404, "eMandate not found")
}

/// `{"result": …}` around a body.
fn wrapped(message: &str, key: &str, value: &Value) -> Answer {
    Answer::value(
        200,
        &json!({ "result": { "status": "OK", "message": message, key: value } }),
    )
}
