//! A second debit of a mandate in one calendar period.
//!
//! Razorpay, "Execute subsequent payments" (UPI): "if the billing frequency is monthly, you can execute only one successful debit per
//! month on that token"; a late one makes the next payment fail. `LotusPay`, "Mandate frequencies" (NACH): one debit a calendar month for
//! MNTH, WEEK one every seven days; failed debits do not count. Card networks say nothing of it.

use chrono::{NaiveDate, TimeDelta};

use crate::calendar::{PeriodLength, india};
use crate::facts::{Mandate, Rail, Timestamp};
use crate::verdict::{Breach, Rule};

/// A debit that went through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Debited {
    /// The day on which it was presented.
    pub(crate) on: NaiveDate,
    /// When the money moved.
    pub(crate) at: Timestamp,
    pub(crate) cycle: NaiveDate,
    /// Whether a call of the merchant's had it presented at that moment: then it knows of it.
    pub(crate) by_merchant: bool,
}

/// By then the merchant knows of a debit that its provider made by itself: UPI is looked up within a day, NACH settles within three.
const KNOWN_AFTER: TimeDelta = TimeDelta::days(4);

/// The debit that a presentation would be the second to, and whether the merchant can have known of it.
pub(crate) fn breach(
    mandate: &Mandate,
    debits: &[Debited],
    at: Timestamp,
) -> Option<(Option<Breach>, Debited)> {
    let day = india::day(at);
    let length = mandate.period?;
    let is_second = |debit: &&Debited| match mandate.rail {
        Rail::Upi => length.has_both(debit.on, day),
        Rail::Enach => {
            let is_weekly = length == PeriodLength::Week;
            let apart = day.signed_duration_since(debit.on).num_days();
            length.has_both(debit.on, day) || is_weekly && apart < 7
        }
        Rail::Card => false,
    };
    let first = *debits.iter().find(is_second)?;
    let is_known = first.by_merchant || at.signed_duration_since(first.at) >= KNOWN_AFTER;
    let breach = is_known.then(|| {
        let detail = format!(
            "debited on {day}, in the period of the debit of {}",
            first.on
        );
        Breach::of(Rule::SecondInPeriod, detail)
    });
    Some((breach, first))
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{at, day, mandate};
    use super::*;

    fn of(rail: Rail, word: &str, debited: u32, time: &str) -> Option<bool> {
        let mandate = Mandate {
            period: PeriodLength::of_word(word),
            ..mandate(rail, None)
        };
        let debit = Debited {
            on: day(debited),
            at: at(&format!("{debited:02} 08:00")),
            cycle: day(debited),
            by_merchant: false,
        };
        let second = breach(&mandate, &[debit], at(time));
        second.map(|(breach, _)| breach.is_some())
    }

    #[test]
    fn a_period_has_one_debit() {
        for rail in [Rail::Upi, Rail::Enach] {
            assert_eq!(of(rail, "monthly", 2, "31 08:00"), Some(true), "{rail:?}");
            // The 7th is a Wednesday, the 11th a Sunday.
            assert_eq!(of(rail, "weekly", 7, "11 08:00"), Some(true), "{rail:?}");
            assert_eq!(of(rail, "fortnightly", 10, "16 08:00"), None, "{rail:?}");
            assert_eq!(of(rail, "aspresented", 10, "10 08:00"), None, "{rail:?}");
        }
        assert_eq!(of(Rail::Card, "monthly", 2, "31 08:00"), None);
    }

    #[test]
    fn a_debit_that_the_merchant_cannot_know_of_is_not_its_fault() {
        assert_eq!(of(Rail::Upi, "monthly", 2, "02 12:00"), Some(false));
        let mandate = Mandate {
            period: PeriodLength::of_word("daily"),
            ..mandate(Rail::Upi, None)
        };
        let own = Debited {
            on: day(2),
            at: at("02 08:00"),
            cycle: day(2),
            by_merchant: true,
        };
        let second = breach(&mandate, &[own], at("02 12:00"));
        assert!(second.is_some_and(|(breach, _)| breach.is_some()));
    }

    #[test]
    fn weekly_debits_by_nach_are_seven_days_apart() {
        assert_eq!(of(Rail::Enach, "weekly", 7, "13 08:00"), Some(true));
        assert_eq!(of(Rail::Enach, "weekly", 7, "14 08:00"), None);
        assert_eq!(of(Rail::Upi, "weekly", 7, "13 08:00"), None);
    }
}
