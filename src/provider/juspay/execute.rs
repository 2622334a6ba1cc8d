//! `POST /txns`: the debit, with every documented field that a mandate may carry.

use crate::domain::{Call, Outcome};
use crate::provider::{ExecuteNotice, ExecuteRequest, Reply};

use super::Juspay;
use super::metadata::own_fields;
use super::order::Order;

impl Juspay {
    pub(super) async fn txns(&self, request: &ExecuteRequest<'_>) -> Reply<Outcome> {
        let call = self
            .post(&["txns"], request.mandate)
            .form(&form(request, &self.settings.merchant_id));
        let deadline = Some(request.deadline);
        let sent = self.http.send_before(call, request.at, deadline).await;
        let order = Order {
            reading: self.reading(request.mandate),
            id: Some(request.order_id),
            debit: Some((request.mandate, request.amount)),
            currency: request.amount.currency(),
            call: Call::Execute,
        };
        order.reply_to(sent)
    }
}

fn form(request: &ExecuteRequest<'_>, merchant_id: &str) -> Vec<(String, String)> {
    let mandate = request.mandate;
    let mut form = vec![
        ("order.order_id".to_owned(), request.order_id.to_owned()),
        ("order.amount".to_owned(), request.amount.decimal()),
        (
            "order.currency".to_owned(),
            request.amount.currency().to_string(),
        ),
        ("order.customer_id".to_owned(), mandate.customer_id.clone()),
        ("mandate_id".to_owned(), mandate.provider_mandate_id.clone()),
    ];
    match request.notice {
        ExecuteNotice::Reference(reference) => {
            form.push(("mandate.notification_id".to_owned(), reference.to_owned()));
        }
        ExecuteNotice::ExecuteAt(at) => form.push((
            "mandate.execution_date".to_owned(),
            at.timestamp().to_string(),
        )),
        ExecuteNotice::Exempt => {}
    }
    form.push(("merchant_id".to_owned(), merchant_id.to_owned()));
    form.push(("format".to_owned(), "json".to_owned()));
    form.extend(own_fields(&mandate.metadata));
    if !mandate.description.is_empty() && !form.iter().any(|(name, _)| name == "order.description")
    {
        form.push(("order.description".to_owned(), mandate.description.clone()));
    }
    form
}
