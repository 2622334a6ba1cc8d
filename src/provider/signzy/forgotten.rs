//! The payment of a cycle, for a database that has forgotten which charges were made.

use super::Signzy;
use super::cycle_payments::{
    days_of_watched, is_another, is_presented, last_day_of_watched, lies_in, of_any_cycle,
};
use super::lookup::{Listing, none_of_ours, not_one};
use super::payment::{Payment, Standing};
use crate::domain::{Notify, Outcome};
use crate::provider::{LookupRequest, Reply};

impl Signzy {
    /// The one payment of the cycle that collected, or may yet; where there is none, the newest that failed. Two of them, or one of
    /// another amount, are a person's to tell apart: nothing in them says which charge they came of. Presented cycles are open at the same
    /// time, and some may be forgotten, and what the provider debits on a cycle's last day may be the next one's: there even one payment
    /// does not say which cycle it is of, and one that failed says nothing.
    pub(super) async fn forgotten_payment(
        &self,
        request: &LookupRequest<'_>,
        known: &[String],
    ) -> Reply<Outcome> {
        let Listing { payments, exchange } = match self.list(request, |_page| false).await {
            Ok(listing) => listing,
            Err(reply) => return *reply,
        };
        let from = match request.mandate.notify {
            Notify::Provider => days_of_watched(request).start,
            Notify::Separate | Notify::None => request.cycle_on,
        };
        let cycle = from..request.cycle_closes_on;
        let last_day = last_day_of_watched(request);
        let is_own =
            |payment: &Payment| request.provider_ref == Some(payment.id.to_string().as_str());
        let ours = payments.iter().filter(|payment| {
            is_own(payment) || is_another(payment, known) && lies_in(payment, &cycle)
        });
        let (failed, mut live): (Vec<&Payment>, Vec<&Payment>) =
            ours.partition(|payment| payment.standing() == Standing::Failed);
        let is_presented = is_presented(request);
        // It may be of another cycle: of one that is open too, of the next one, a day early, or of any if it has no day.
        let is_doubtful = |payment: &Payment| {
            let is_of_last_day = last_day.is_some() && payment.day == last_day;
            !is_own(payment) && (is_presented || is_of_last_day || payment.day.is_none())
        };
        if last_day.is_some() && live.iter().any(|payment| !is_doubtful(payment)) {
            live.retain(|payment| !is_doubtful(payment));
        }
        match live.as_slice() {
            [payment] if is_doubtful(payment) => {
                exchange.reply(Outcome::Contradicted(of_any_cycle(payment)))
            }
            [payment] if payment.amount == Some(request.amount) => {
                self.judge_payment(request, exchange, payment, &payments)
                    .await
            }
            [] => match failed
                .iter()
                .filter(|payment| !is_doubtful(payment))
                .max_by_key(|payment| (payment.day, payment.id))
            {
                Some(payment) => {
                    self.judge_payment(request, exchange, payment, &payments)
                        .await
                }
                None => none_of_ours(&exchange, &payments),
            },
            several => exchange.reply(Outcome::Contradicted(not_one(several))),
        }
    }
}
