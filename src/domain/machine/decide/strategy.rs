//! When to try again: the strategies of a policy turned into times, each with the reason for it.
//!
//! What learns from payers can be one more strategy: it is asked what all are asked ([`StrategyInput`]), and everything that it answers is
//! moved into a lawful window and measured against the budgets by whoever asks.

use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::domain::Timestamp;
use crate::domain::backoff::{after, backoff_delay};
use crate::domain::cycle::Cycle;
use crate::domain::payday::Paydays;
use crate::domain::policy::Strategy;
use crate::domain::reason::TimeChoice;
use crate::domain::zone::instant;

/// What a strategy is asked: when to try for the next time.
#[derive(Debug, Clone, Copy)]
pub(super) struct StrategyInput {
    /// Attempts so far, at least one.
    pub(super) tried: u16,
    /// Whether there is only one left. It is the most patient one.
    pub(super) is_last: bool,
    pub(super) now: Timestamp,
    /// Not before this: what the answer, the rail or the provider asks for.
    pub(super) from: Timestamp,
    /// Before this: the end of the notification or of the cycle.
    pub(super) latest: Timestamp,
    /// Where times of day are counted.
    pub(super) zone: Tz,
}

/// The time that a strategy gives for the next try, before it is moved into a window, and why it is this one.
pub(super) fn strategy_time(
    strategy: &Strategy,
    input: StrategyInput,
) -> Option<(Timestamp, TimeChoice)> {
    match strategy {
        Strategy::Backoff { initial, max } => {
            let delay = backoff_delay(*initial, *max, input.tried.saturating_sub(1));
            let at = after(input.now, delay).max(input.from);
            Some((at, TimeChoice::AfterBackoff))
        }
        Strategy::NextDayPart { day_parts } => {
            Some((next_day_part(day_parts, input)?, TimeChoice::NextDayPart))
        }
        Strategy::Payday {
            day_parts,
            days,
            last_working_day,
            day_part_first,
        } => {
            let paydays = Paydays {
                days,
                last_working_day: *last_working_day,
            };
            payday(day_parts, paydays, *day_part_first, input)
        }
        Strategy::AfterReset { at } => {
            let tomorrow = input.local(input.now).checked_add_days(Days::new(1))?;
            let reset = instant(input.zone, tomorrow.and_time(*at))?;
            Some((reset.max(input.from), TimeChoice::AfterReset))
        }
        Strategy::None => None,
    }
}

/// Another part of the day first; then a payday that can be reached; then another part of the day, the last of them at last.
fn payday(
    parts: &[NaiveTime],
    paydays: Paydays<'_>,
    day_part_first: bool,
    input: StrategyInput,
) -> Option<(Timestamp, TimeChoice)> {
    let soon = next_day_part(parts, input)?;
    if day_part_first && input.tried <= 1 && !input.is_last {
        return Some((soon, TimeChoice::AnotherDayPart));
    }
    let salary = || {
        let at = reached(parts, |day| paydays.salary_from(day), input)?;
        Some((at, TimeChoice::NextSalary))
    };
    let payday = || {
        let at = reached(parts, |day| paydays.from(day), input)?;
        Some((at, TimeChoice::Payday))
    };
    if input.is_last {
        let last = || {
            let at = last_day_part(parts, input)?;
            Some((at, TimeChoice::Latest))
        };
        return salary()
            .or_else(payday)
            .or_else(last)
            .or(Some((soon, TimeChoice::AnotherDayPart)));
    }
    payday().or(Some((soon, TimeChoice::AnotherDayPart)))
}

/// The first part of a day that is chosen from the days that come, if that is in time.
fn reached(
    parts: &[NaiveTime],
    choose: impl Fn(NaiveDate) -> Option<NaiveDate>,
    input: StrategyInput,
) -> Option<Timestamp> {
    let first = *parts.first()?;
    let today = input.local(input.from);
    // Today's first part may be over: then the choice begins tomorrow.
    (0..=1u64)
        .filter_map(|days| choose(today.checked_add_days(Days::new(days))?))
        .filter_map(|day| instant(input.zone, day.and_time(first)))
        .find(|at| input.allows(*at))
}

fn next_day_part(parts: &[NaiveTime], input: StrategyInput) -> Option<Timestamp> {
    let today = input.local(input.from);
    (0..=1u64)
        .filter_map(|days| today.checked_add_days(Days::new(days)))
        .flat_map(|day| times_of(parts, day, input.zone))
        .find(|at| *at > input.now && *at >= input.from)
}

/// The last part of a day that is still in time.
fn last_day_part(parts: &[NaiveTime], input: StrategyInput) -> Option<Timestamp> {
    let last = input.local(input.latest);
    (0..=1u64)
        .filter_map(|days| last.checked_sub_days(Days::new(days)))
        .flat_map(|day| times_of(parts, day, input.zone).rev())
        .find(|at| input.allows(*at))
}

fn times_of(
    parts: &[NaiveTime],
    day: NaiveDate,
    zone: Tz,
) -> impl DoubleEndedIterator<Item = Timestamp> {
    parts
        .iter()
        .filter_map(move |part| instant(zone, day.and_time(*part)))
}

impl StrategyInput {
    fn allows(self, at: Timestamp) -> bool {
        at > self.now && at >= self.from && at < self.latest
    }

    fn local(self, at: Timestamp) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }
}

/// When a new order is best debited after failures of a class, where that is not as soon as can be: on a payday. The last order
/// is the most patient: it waits for the next salary, or for the cycle's last days. Not on its very last: a debit there leaves
/// no room for anything ("Razorpay Docs, create subsequent payments").
pub(super) fn new_order_time(
    strategy: &Strategy,
    is_last: bool,
    from: Timestamp,
    cycle: &Cycle,
    zone: Tz,
) -> Option<(Timestamp, TimeChoice)> {
    let Strategy::Payday {
        day_parts,
        days,
        last_working_day,
        ..
    } = strategy
    else {
        return None;
    };
    let latest = cycle.closes_at.checked_sub_days(Days::new(1))?;
    let input = StrategyInput {
        tried: 1,
        is_last,
        now: from,
        from,
        latest,
        zone,
    };
    let paydays = Paydays {
        days,
        last_working_day: *last_working_day,
    };
    let (at, why) = payday(day_parts, paydays, false, input)?;
    input.allows(at).then_some((at, why))
}
