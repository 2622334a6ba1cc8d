//! The payment of a cycle, for a database that has forgotten which charges were made.

use super::Signzy;
use super::cycle_payments::{days_of_watched, is_another, is_presented, lies_in};
use super::lookup::{Listing, none_of_ours, not_one};
use super::payment::{Payment, Standing};
use crate::domain::{Contradiction, Notify, Outcome};
use crate::provider::{LookupRequest, Reply};

impl Signzy {
    /// The one payment of the cycle that collected, or may yet; where there is none, the newest that failed. Two of them, or one of
    /// another amount, are a person's to tell apart: nothing in them says which charge they came of. Presented cycles are open at the same
    /// time, and some may be forgotten: there even one payment does not say which cycle it is of, and one that failed says nothing.
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
        let is_presented = is_presented(request);
        match live.as_slice() {
            [payment] if is_presented && !is_own(payment) => {
                exchange.reply(Outcome::Contradicted(of_any_cycle(payment)))
            }
            [payment] if payment.amount == Some(request.amount) => {
                self.judge_payment(request, exchange, payment).await
            }
            [] => match failed
                .iter()
                .filter(|payment| !is_presented || is_own(payment))
                .max_by_key(|payment| (payment.day, payment.id))
            {
                Some(payment) => self.judge_payment(request, exchange, payment).await,
                None => none_of_ours(&exchange, &payments),
            },
            several => exchange.reply(Outcome::Contradicted(not_one(several))),
        }
    }
}

fn of_any_cycle(payment: &Payment) -> Contradiction {
    Contradiction {
        field: "payments",
        ours: "one that says which presented cycle it is of".to_owned(),
        theirs: payment.id.to_string(),
    }
}
