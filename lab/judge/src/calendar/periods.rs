//! The periods in which a rail takes one successful debit of a mandate.

use chrono::{Datelike, NaiveDate, Weekday};

use super::india::next_day;

/// How long a period is, on the calendar's own grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodLength {
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the 1st to the 15th, and from the 16th on.
    HalfMonth,
    /// So many months, counted from January.
    Months(u32),
}

impl PeriodLength {
    /// That of a frequency, in Juspay's words in lower case. Nothing where the word says nothing of a second debit.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "daily" => Self::Day,
            "weekly" => Self::Week,
            "fortnightly" | "twicemonthly" => Self::HalfMonth,
            "monthly" => Self::Months(1),
            "bimonthly" => Self::Months(2),
            "quarterly" => Self::Months(3),
            "halfyearly" => Self::Months(6),
            "yearly" => Self::Months(12),
            _ => return None,
        })
    }

    /// Whether two days lie in one period: no period begins after the earlier one, up to the later one.
    pub fn has_both(self, one: NaiveDate, other: NaiveDate) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        let later = std::iter::successors(Some(next_day(first)), |day| Some(next_day(*day)));
        !later
            .take_while(|day| *day <= last)
            .any(|day| self.begins_on(day))
    }

    fn begins_on(self, day: NaiveDate) -> bool {
        match self {
            Self::Day => true,
            Self::Week => day.weekday() == Weekday::Mon,
            Self::HalfMonth => day.day() == 1 || day.day() == 16,
            Self::Months(months) => {
                day.day() == 1 && day.month0().checked_rem(months).unwrap_or(0) == 0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_those_of_the_calendar() {
        for (word, one, other, same) in [
            ("daily", "2027-02-05", "2027-02-05", true),
            ("daily", "2027-02-05", "2027-02-06", false),
            ("weekly", "2027-02-01", "2027-02-07", true),
            ("weekly", "2027-02-07", "2027-02-08", false),
            ("fortnightly", "2027-02-15", "2027-02-16", false),
            ("twicemonthly", "2027-02-28", "2027-02-16", true),
            ("monthly", "2027-01-31", "2027-02-01", false),
            ("monthly", "2027-02-28", "2027-02-01", true),
            ("bimonthly", "2027-01-31", "2027-02-01", true),
            ("bimonthly", "2027-02-28", "2027-03-01", false),
            ("quarterly", "2027-03-31", "2027-04-01", false),
            ("halfyearly", "2027-01-01", "2027-06-30", true),
            ("yearly", "2027-12-31", "2028-01-01", false),
        ] {
            let length = PeriodLength::of_word(word).unwrap();
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(length.has_both(one, other), same, "{word} {one} {other}");
            assert_eq!(length.has_both(other, one), same, "{word} {other} {one}");
        }
        for word in ["onetime", "aspresented", "often"] {
            assert_eq!(PeriodLength::of_word(word), None, "{word}");
        }
    }
}
