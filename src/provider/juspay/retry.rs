//! `POST /ecr/mandate/retry`: Juspay resumes an order where it failed, with the notification or with the debit.

use crate::domain::{Call, Outcome};
use crate::provider::{Reply, RetryRequest};

use super::Juspay;
use super::order::Order;

/// The body ("Mandate Retry API").
#[derive(Debug, serde::Serialize)]
struct Body<'a> {
    order_id: &'a str,
    mandate_id: &'a str,
}

impl Juspay {
    pub(super) async fn mandate_retry(&self, request: &RetryRequest<'_>) -> Reply<Outcome> {
        let body = Body {
            order_id: request.order_id,
            mandate_id: &request.mandate.provider_mandate_id,
        };
        let call = self
            .post(&["ecr", "mandate", "retry"], request.mandate)
            .json(&body);
        let deadline = Some(request.deadline);
        let sent = self.http.send_before(call, request.at, deadline).await;
        let order = Order {
            reading: self.reading(request.mandate),
            id: Some(request.order_id),
            debit: Some((request.mandate, request.amount)),
            currency: request.amount.currency(),
            call: Call::Retry,
        };
        order.reply_to(sent)
    }
}
