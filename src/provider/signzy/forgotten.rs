//! The payment of a cycle, for a database that has forgotten which charges were made.

use super::Signzy;
use super::cycle_payments::{days_of_watched, is_another, lies_in};
use super::lookup::{Listing, none_of_ours, not_one};
use super::payment::{Payment, Standing};
use crate::domain::{Notify, Outcome};
use crate::provider::{LookupRequest, Reply};

impl Signzy {
    /// The one payment of the cycle that collected, or may yet; where there is none, the newest that failed. Two of them, or one of
    /// another amount, are a person's to tell apart: nothing in them says which charge they came of.
    pub(super) async fn forgotten_payment(
        &self,
        request: &LookupRequest<'_>,
        known: &[String],
    ) -> Reply<Outcome> {
        let Listing { payments, exchange } = match self.list(request, |_page| false).await {
            Ok(listing) => listing,
            Err(reply) => return *reply,
        };
        let cycle = match request.mandate.notify {
            Notify::Provider => days_of_watched(request),
            Notify::Separate | Notify::None => request.cycle_on..request.cycle_closes_on,
        };
        let is_own =
            |payment: &Payment| request.provider_ref == Some(payment.id.to_string().as_str());
        let ours = payments.iter().filter(|payment| {
            is_own(payment) || is_another(payment, known) && lies_in(payment, &cycle)
        });
        let (failed, live): (Vec<&Payment>, Vec<&Payment>) =
            ours.partition(|payment| payment.standing() == Standing::Failed);
        match live.as_slice() {
            [payment] if payment.amount == Some(request.amount) => {
                self.judge_payment(request, exchange, payment).await
            }
            [] => match failed
                .iter()
                .max_by_key(|payment| (payment.day, payment.id))
            {
                Some(payment) => self.judge_payment(request, exchange, payment).await,
                None => none_of_ours(&exchange, &payments),
            },
            several => exchange.reply(Outcome::Contradicted(not_one(several))),
        }
    }
}
