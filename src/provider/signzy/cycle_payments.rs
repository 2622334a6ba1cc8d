//! Which payments may be of a cycle.

use std::ops::Range;

use chrono::{Days, NaiveDate};

use super::payment::Payment;
use crate::domain::cycle::CycleCloses;
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::{Contradiction, Notify};
use crate::provider::LookupRequest;

/// The days on which the provider's own debit of a cycle may lie, and of no other cycle. It may be a day early, except in a cycle of one
/// day, where that day is the cycle before.
pub(super) fn days_of_watched(request: &LookupRequest<'_>) -> Range<NaiveDate> {
    let is_daily = request.cycle_closes_on.pred_opt() == Some(request.cycle_on);
    let day_before = request.cycle_on.checked_sub_days(Days::new(1));
    let from = day_before.filter(|_| !is_daily).unwrap_or(request.cycle_on);
    let closes_on = request.cycle_closes_on;
    from..last_day_of_watched(request).map_or(closes_on, |last| last.min(closes_on))
}

/// The last day of a watched cycle that another one follows: a payment of that day may be the next cycle's, a day early. None in a cycle
/// of one day.
pub(super) fn last_day_of_watched(request: &LookupRequest<'_>) -> Option<NaiveDate> {
    let next = request
        .mandate
        .terms
        .cycle_after(request.cycle_on, CycleCloses::NextCycle)?;
    let last = next.on.pred_opt();
    last.filter(|last| *last != request.cycle_on && request.mandate.notify == Notify::Provider)
}

/// Nothing says which of two cycles a payment is of: a person must.
pub(super) fn of_any_cycle(payment: &Payment) -> Contradiction {
    Contradiction {
        field: "payments",
        ours: "one that says which cycle it is of".to_owned(),
        theirs: payment.id.to_string(),
    }
}

/// The days on which a charge would take a second payment for the cycle, or for its period.
pub(super) fn days_of_charged(request: &LookupRequest<'_>) -> Range<NaiveDate> {
    request.period_from.min(request.cycle_on)..request.cycle_closes_on
}

/// Whether the merchant presents each cycle: several are open at the same time.
pub(super) fn is_presented(request: &LookupRequest<'_>) -> bool {
    request.mandate.terms.schedule == Schedule::Every(Frequency::Aspresented)
}

/// Whether it is a debit, and none of those that are known.
pub(super) fn is_another(payment: &Payment, known: &[String]) -> bool {
    !payment.is_registration && !known.iter().any(|id| *id == payment.id.to_string())
}

/// Whether its day is one of these; one without a day may be.
pub(super) fn lies_in(payment: &Payment, days: &Range<NaiveDate>) -> bool {
    payment.day.is_none_or(|day| days.contains(&day))
}
