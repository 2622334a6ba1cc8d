//! When salaries arrive. An account that was empty is full again then, and not an hour later.
//!
//! Nothing here is learned from payers. What learns can take the place of [`Paydays`]: it is asked for the next day on or after
//! a day, and for the first day of the next salary.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Paydays that are no further apart than this belong to one salary: a last working day before a weekend, and the 1st.
const ONE_SALARY: u64 = 4;
/// How far to look ahead: from a 1st over the whole next month.
const AHEAD: u64 = 62;

/// The days of the month on which payers are paid.
#[derive(Debug, Clone, Copy)]
pub struct Paydays<'a> {
    /// Days of the month.
    pub days: &'a [u32],
    /// Whether the month's last working day is one too.
    pub last_working_day: bool,
}

impl Paydays<'_> {
    /// The first payday on or after a day.
    pub fn from(self, day: NaiveDate) -> Option<NaiveDate> {
        (0..=AHEAD)
            .filter_map(|ahead| day.checked_add_days(Days::new(ahead)))
            .find(|day| self.is_one(*day))
    }

    /// The first day of the next salary that begins on or after a day.
    pub fn salary_from(self, day: NaiveDate) -> Option<NaiveDate> {
        let begins = |day: NaiveDate| {
            (1..=ONE_SALARY)
                .filter_map(|back| day.checked_sub_days(Days::new(back)))
                .all(|before| !self.is_one(before))
        };
        (0..=AHEAD)
            .filter_map(|ahead| day.checked_add_days(Days::new(ahead)))
            .find(|day| self.is_one(*day) && begins(*day))
    }

    fn is_one(self, day: NaiveDate) -> bool {
        self.days.contains(&day.day()) || self.last_working_day && is_last_working_day(day)
    }
}

/// Monday to Friday and no later one in the month. Holidays are not known here.
fn is_last_working_day(day: NaiveDate) -> bool {
    let works = |day: NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    works(day)
        && !(1..=30u64)
            .filter_map(|ahead| day.checked_add_days(Days::new(ahead)))
            .take_while(|later| later.month() == day.month())
            .any(works)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYDAYS: Paydays<'_> = Paydays {
        days: &[1, 2, 3, 4, 5, 6, 7],
        last_working_day: true,
    };

    fn days(next: impl Fn(NaiveDate) -> Option<NaiveDate>, from: &[&str]) -> Vec<String> {
        from.iter()
            .map(|day| next(day.parse().unwrap()).unwrap().to_string())
            .collect()
    }

    #[test]
    fn the_next_payday_is_the_last_working_day_or_one_of_the_first_seven() {
        // The last working day of October 2026 is Friday the 30th, that of November Monday the 30th.
        let from = [
            "2026-10-08",
            "2026-10-30",
            "2026-10-31",
            "2026-11-07",
            "2026-11-08",
        ];
        let next = [
            "2026-10-30",
            "2026-10-30",
            "2026-11-01",
            "2026-11-07",
            "2026-11-30",
        ];
        assert_eq!(days(|day| PAYDAYS.from(day), &from), next);
    }

    #[test]
    fn a_salary_begins_once_a_month_whatever_weekend_lies_in_it() {
        // The last working day of January 2026 is Friday the 30th, and of May Friday the 29th.
        let from = [
            "2026-01-08",
            "2026-01-31",
            "2026-02-05",
            "2026-05-10",
            "2026-05-30",
        ];
        let next = [
            "2026-01-30",
            "2026-02-27",
            "2026-02-27",
            "2026-05-29",
            "2026-06-30",
        ];
        assert_eq!(days(|day| PAYDAYS.salary_from(day), &from), next);
    }

    #[test]
    fn without_paydays_there_is_none() {
        let none = Paydays {
            days: &[],
            last_working_day: false,
        };
        assert_eq!(none.from("2026-01-08".parse().unwrap()), None);
        assert_eq!(none.salary_from("2026-01-08".parse().unwrap()), None);
    }
}
