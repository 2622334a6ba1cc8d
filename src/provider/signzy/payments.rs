//! All payments of an eMandate since a day.

use super::Signzy;
use super::lookup::Listing;
use super::payment::{Payment, Standing};
use crate::domain::Outcome;
use crate::provider::{
    ListedPayment, LookupRequest, OtherPayments, PaymentsAnswer, PaymentsRequest, Reply, in_words,
};

impl Signzy {
    pub(super) async fn all_payments(&self, request: &PaymentsRequest<'_>) -> PaymentsAnswer {
        let mandate = request.mandate;
        let listing = LookupRequest {
            at: request.at,
            mandate,
            order_id: "",
            amount: mandate.amount.unwrap_or(mandate.max_amount),
            provider_ref: None,
            payments: OtherPayments::Known(&[]),
            cycle_on: request.since,
            cycle_closes_on: request.since,
            period_from: request.since,
        };
        match self.list(&listing, |_page| false).await {
            Ok(Listing { payments, .. }) => {
                let wanted = payments
                    .iter()
                    .filter(|payment| may_have_taken(payment, request));
                PaymentsAnswer::Listed(wanted.map(listed).collect())
            }
            // It does not know the eMandate, and has no payments of it.
            Err(reply) if reply.wire.http_status == Some(404) && !reply.wire.from_elsewhere => {
                PaymentsAnswer::Listed(Vec::new())
            }
            Err(reply) => PaymentsAnswer::Failed { why: why(&reply) },
        }
    }
}

/// Whether it is a debit that took money, or may yet, on a day that is asked about; one without a day may be.
fn may_have_taken(payment: &Payment, request: &PaymentsRequest<'_>) -> bool {
    !payment.is_registration
        && payment.standing() != Standing::Failed
        && payment.day.is_none_or(|day| day >= request.since)
}

fn listed(payment: &Payment) -> ListedPayment {
    ListedPayment {
        id: payment.id.to_string(),
        status: payment.status.clone(),
        amount: payment.amount,
        day: payment.day,
    }
}

fn why(reply: &Reply<Outcome>) -> String {
    match &reply.outcome {
        Outcome::Call(failure) => in_words(failure),
        Outcome::Contradicted(contradiction) => format!(
            "{} of a payment in the list is {}, and {} was asked for",
            contradiction.field, contradiction.theirs, contradiction.ours
        ),
        Outcome::Charged { .. }
        | Outcome::Pending
        | Outcome::Failed(_)
        | Outcome::Refused(_)
        | Outcome::AlreadyExists
        | Outcome::NotFound
        | Outcome::Reversed(_)
        | Outcome::Unrecognized(_) => "the list of its payments cannot be read".to_owned(),
    }
}
