//! The orders of a mandate that there may be, one after the other: Juspay documents no list of them.

use super::Juspay;
use super::order::Order;
use crate::domain::{Amount, Call, Outcome};
use crate::provider::{ListedPayment, PaymentsAnswer, PaymentsRequest, in_words};

impl Juspay {
    /// An order that failed is told too: Juspay may retry it by itself.
    pub(super) async fn all_orders(&self, request: &PaymentsRequest<'_>) -> PaymentsAnswer {
        let mut listed = Vec::new();
        for id in request.orders {
            match self.order_as_listed(request, id).await {
                Ok(order) => listed.extend(order),
                Err(why) => return PaymentsAnswer::Failed { why },
            }
        }
        PaymentsAnswer::Listed(listed)
    }

    /// Nothing where there is no such order.
    async fn order_as_listed(
        &self,
        request: &PaymentsRequest<'_>,
        id: &str,
    ) -> Result<Option<ListedPayment>, String> {
        let mandate = request.mandate;
        let call = self.get_order(id, &mandate.customer_id);
        let sent = self.http.send(call, request.at).await;
        let order = Order {
            reading: self.reading(mandate),
            id: Some(id),
            debit: None,
            currency: mandate.currency,
            call: Call::OrderStatus,
        };
        let (status, amount): (&str, Option<Amount>) = match order.reply_to(sent).outcome {
            Outcome::NotFound => return Ok(None),
            Outcome::Call(failure) => return Err(in_words(&failure)),
            Outcome::Refused(_) | Outcome::AlreadyExists => {
                return Err(format!("the question about order {id} was refused"));
            }
            Outcome::Charged { amount, .. } => ("charged", amount),
            Outcome::Pending => ("pending", None),
            Outcome::Failed(_) => ("failed", None),
            Outcome::Reversed(_) => ("reversed", None),
            Outcome::Unrecognized(_) => ("unrecognized", None),
            Outcome::Contradicted(_) => ("contradicted", None),
        };
        Ok(Some(ListedPayment {
            id: id.to_owned(),
            status: status.to_owned(),
            amount,
            day: None,
        }))
    }
}
