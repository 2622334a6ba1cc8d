//! The calls that debit: a charge of an on-demand eMandate, and the retry of the last failed payment.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::Signzy;
use crate::domain::{Amount, Contradiction, Outcome};
use crate::provider::{ExecuteRequest, Reply, RetryRequest};

impl Signzy {
    /// `POST /eMandates/{id}/charge`. Not idempotent: a lost answer is looked for among the payments.
    pub(super) async fn charge(&self, request: &ExecuteRequest<'_>) -> Reply<Outcome> {
        let call = self
            .request(Method::POST, self.url(request.mandate, &["charge"]))
            .header(CONTENT_TYPE, "application/json")
            .body(format!(r#"{{"amount":{}}}"#, rupees(request.amount)));
        let exchange = self.call_before(call, request.at, request.deadline).await;
        self.debit(request.mandate, request.amount).reply(&exchange)
    }

    /// `POST /eMandates/{id}/retry-charge`: the last failed payment of an eMandate that is `ON_HOLD`, once a day
    /// in India and three times a cycle. The provider debits the amount of that payment.
    pub(super) async fn retry_charge(&self, request: &RetryRequest<'_>) -> Reply<Outcome> {
        let mut call = self.request(Method::POST, self.url(request.mandate, &["retry-charge"]));
        if let Some(day) = request.next_scheduled_on {
            call = call.json(&json!({ "nextScheduledOn": day.format("%Y-%m-%d").to_string() }));
        }
        let exchange = self.call_before(call, request.at, request.deadline).await;
        let reply = self.debit(request.mandate, request.amount).reply(&exchange);
        of_payment(reply, request.provider_ref)
    }
}

/// An answer about another payment than the one that was meant: that one may have been debited, and is no cycle's that we know.
fn of_payment(reply: Reply<Outcome>, meant: Option<&str>) -> Reply<Outcome> {
    match (&reply.provider_ref, meant) {
        (Some(seen), Some(meant)) if seen != meant => {
            let contradiction = Contradiction {
                field: "paymentId",
                ours: meant.to_owned(),
                theirs: seen.clone(),
            };
            Reply {
                outcome: Outcome::Contradicted(contradiction),
                provider_ref: None,
                ..reply
            }
        }
        (Some(_) | None, _) => reply,
    }
}

/// A JSON number with the amount's own digits, never a float: 499.50, and 100 for whole rupees as in the sample.
fn rupees(amount: Amount) -> String {
    let decimal = amount.decimal();
    decimal
        .strip_suffix(".00")
        .map_or(decimal.clone(), str::to_owned)
}
