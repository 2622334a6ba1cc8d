//! What a payer's account holds: an income on payday that is spent over the month, and small ones in between.
//!
//! Money arrives at the start of a part of the day and nothing changes inside of one, so that several attempts within a
//! part all meet the same balance. What a debit collects is not taken from it: the balance would then depend on the
//! order in which a payer's orders are played, and one seed would give more than one result.

use chrono::{Datelike, Days, Months, NaiveDate, Timelike, Weekday};
use judge::Timestamp;

use super::Profile;
use crate::sandbox::india;
use crate::seeded_rng::SeededRng;

/// The hours in India at which the parts of a day start.
const PARTS: [u32; 4] = [0, 6, 13, 17];

/// A month's income is between these, in minor units of whichever currency.
const INCOME: (u32, u32) = (800_000, 6_000_000);

/// A small income is between these, in minor units.
const SMALL: (u32, u32) = (20_000, 300_000);

/// When a payer's income arrives.
#[derive(Debug, Clone, Copy)]
enum Payday {
    /// Monday to Friday; the sandbox knows no holidays.
    LastWorkingDay,
    OfMonth(u32),
    Weekly(Weekday),
}

/// What the account of a payer holds, in minor units.
pub(super) fn holds(seed: u64, profile: &Profile, payer: &str, at: Timestamp) -> i64 {
    let rng = SeededRng::about(seed, "account").text(payer);
    let lot = rng.text("kind").below(1000);
    let always = u32::from(profile.always);
    if lot < always {
        return i64::MAX;
    }
    if lot < always.saturating_add(u32::from(profile.never)) {
        return 0;
    }
    let (day, part) = part_of(at);
    left_of_income(profile, &rng, (day, part)).saturating_add(small_incomes(
        profile,
        &rng,
        (day, part),
    ))
}

/// The day in India, and which part of it, counted from 0.
fn part_of(at: Timestamp) -> (NaiveDate, usize) {
    let local = india::local(at);
    let begun = PARTS.iter().filter(|hour| **hour <= local.hour()).count();
    (local.date(), begun.saturating_sub(1))
}

/// Most is spent soon after payday; in the end nothing is left until the next one.
fn left_of_income(profile: &Profile, rng: &SeededRng, (day, part): (NaiveDate, usize)) -> i64 {
    let payday = payday(rng.text("payday"));
    // Some banks book incomes at midnight, some in the morning.
    let booked = usize::from(rng.text("booked").below(2) == 1);
    let yesterday = day.pred_opt().unwrap_or(NaiveDate::MIN);
    let paid_on = payday.last(if part < booked && payday.last(day) == day {
        yesterday
    } else {
        day
    });
    let (least, most) = profile.lasts;
    let month = rng.text("income").between(INCOME.0, INCOME.1);
    let lasts = rng.text("lasts").day(paid_on).between(least, most);
    let (income, lasts) = match payday {
        Payday::LastWorkingDay | Payday::OfMonth(_) => (month, lasts),
        Payday::Weekly(_) => (quarter(month), quarter(lasts).max(1)),
    };
    let age = day.signed_duration_since(paid_on).num_days();
    let lasts = i64::from(lasts);
    let rest = lasts.saturating_sub(age).max(0);
    i64::from(income)
        .saturating_mul(rest.saturating_mul(rest))
        .checked_div(lasts.saturating_mul(lasts))
        .unwrap_or(0)
}

/// A small income is gone after the part of the day that follows its own.
fn small_incomes(profile: &Profile, rng: &SeededRng, (day, part): (NaiveDate, usize)) -> i64 {
    let before = match part.checked_sub(1) {
        Some(earlier) => (day, earlier),
        None => (
            day.pred_opt().unwrap_or(NaiveDate::MIN),
            PARTS.len().saturating_sub(1),
        ),
    };
    [before, (day, part)]
        .into_iter()
        .map(|(day, part)| {
            rng.text("small")
                .day(day)
                .number(u64::try_from(part).unwrap_or(0))
        })
        .filter_map(|mut rng| {
            rng.per_mille(profile.small_incomes)
                .then(|| i64::from(rng.text("amount").between(SMALL.0, SMALL.1)))
        })
        .fold(0, i64::saturating_add)
}

const fn quarter(number: u32) -> u32 {
    number >> 2
}

/// Most are paid on the last working day or in the first week, some on the 10th or the 15th, some every week.
fn payday(mut rng: SeededRng) -> Payday {
    match rng.below(100) {
        0..35 => Payday::LastWorkingDay,
        35..50 => Payday::OfMonth(1),
        50..75 => Payday::OfMonth(rng.text("day").between(2, 7)),
        75..83 => Payday::OfMonth(10),
        83..90 => Payday::OfMonth(15),
        90..95 => Payday::Weekly(Weekday::Fri),
        _ => Payday::Weekly(Weekday::Sat),
    }
}

impl Payday {
    /// The last payday that is not after a day.
    fn last(self, day: NaiveDate) -> NaiveDate {
        let previous_month = day.checked_sub_months(Months::new(1)).unwrap_or(day);
        match self {
            Self::Weekly(weekday) => {
                let since = day.weekday().days_since(weekday);
                day.checked_sub_days(Days::new(u64::from(since)))
                    .unwrap_or(day)
            }
            Self::OfMonth(number) => {
                let in_month = |day: NaiveDate| day.with_day(number).unwrap_or(day);
                Some(in_month(day))
                    .filter(|payday| *payday <= day)
                    .unwrap_or_else(|| in_month(previous_month))
            }
            Self::LastWorkingDay => Some(last_working_day(day))
                .filter(|payday| *payday <= day)
                .unwrap_or_else(|| last_working_day(previous_month)),
        }
    }
}

/// Of the month of a day.
fn last_working_day(day: NaiveDate) -> NaiveDate {
    let last = day
        .with_day(1)
        .and_then(|first| first.checked_add_months(Months::new(1)))
        .and_then(|next| next.pred_opt())
        .unwrap_or(day);
    let weekend = last.weekday().num_days_from_monday().saturating_sub(4);
    last.checked_sub_days(Days::new(u64::from(weekend)))
        .unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn earners(seed: u64) -> impl Iterator<Item = (String, Payday)> {
        (0..400).map(move |n| {
            let payer = format!("m{n}");
            let payday = payday(
                SeededRng::about(seed, "account")
                    .text(&payer)
                    .text("payday"),
            );
            (payer, payday)
        })
    }

    #[test]
    fn the_last_payday_is_found() {
        let month_end = Payday::LastWorkingDay;
        // The 31st of January 2026 is a Saturday, the 31st of May a Sunday.
        assert_eq!(month_end.last(day("2026-01-30")), day("2026-01-30"));
        assert_eq!(month_end.last(day("2026-01-29")), day("2025-12-31"));
        assert_eq!(month_end.last(day("2026-05-31")), day("2026-05-29"));
        let tenth = Payday::OfMonth(10);
        assert_eq!(tenth.last(day("2026-03-10")), day("2026-03-10"));
        assert_eq!(tenth.last(day("2026-03-09")), day("2026-02-10"));
        let friday = Payday::Weekly(Weekday::Fri);
        assert_eq!(friday.last(day("2026-01-08")), day("2026-01-02"));
        assert_eq!(friday.last(day("2026-01-09")), day("2026-01-09"));
    }

    #[test]
    fn a_balance_jumps_on_payday_and_falls_until_the_next() {
        let profile = Profile {
            always: 0,
            never: 0,
            small_incomes: 0,
            ..Profile::DEMO
        };
        for (payer, payday) in earners(4) {
            let at = |day: NaiveDate| holds(4, &profile, &payer, india::time(day, 12, 0));
            let mut days = day("2026-01-01").iter_days().take(120);
            let mut before = at(day("2025-12-31"));
            assert!(days.all(|day| {
                let now = at(day);
                let expected = if payday.last(day) == day {
                    now > 0
                } else {
                    now <= before
                };
                before = now;
                expected
            }));
        }
    }

    #[test]
    fn within_a_part_of_the_day_nothing_changes_and_between_parts_it_does() {
        let mut changed = 0;
        for (payer, _) in earners(3) {
            let at = |hour, minute| {
                let at = india::time(day("2026-01-05"), hour, minute);
                holds(3, &Profile::DEMO, &payer, at)
            };
            assert_eq!(at(0, 0), at(5, 59));
            assert_eq!(at(6, 0), at(12, 59));
            assert_eq!(at(13, 0), at(16, 59));
            assert_eq!(at(17, 0), at(23, 59));
            changed += u32::from(at(12, 59) != at(13, 0));
        }
        assert!(changed > 5, "{changed}");
    }

    #[test]
    fn some_always_have_enough_and_some_never() {
        let count = |wanted: i64| {
            let held = |day: NaiveDate, payer: &str| {
                holds(5, &Profile::DEMO, payer, india::time(day, 9, 0)) == wanted
            };
            let days = || day("2026-01-01").iter_days().take(60);
            earners(5)
                .filter(|(payer, _)| days().all(|day| held(day, payer)))
                .count()
        };
        assert!((70..125).contains(&count(i64::MAX)));
        assert!((12..40).contains(&count(0)));
    }
}
