//! To which cycle a day belongs.

use chrono::NaiveDate;

/// The cycles of a mandate: each begins on its day in India and ends where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycles {
    /// In order, each once. Empty where the merchant presents the cycles.
    days: Vec<NaiveDate>,
}

impl Cycles {
    /// Cycles that begin on these days; without any, the merchant presents each cycle when it likes.
    pub fn on(mut days: Vec<NaiveDate>) -> Self {
        days.sort_unstable();
        days.dedup();
        Self { days }
    }

    /// Whether the merchant presents the cycles, so that there is no telling when one ends.
    pub fn are_presented(&self) -> bool {
        self.days.is_empty()
    }

    /// The cycle that a day belongs to, named by its own day: the latest that has begun. Where the merchant presents
    /// the cycles, each day is one. Nothing before the first.
    pub fn of(&self, day: NaiveDate) -> Option<NaiveDate> {
        if self.are_presented() {
            return Some(day);
        }
        let begun = self.days.partition_point(|first| *first <= day);
        self.days.get(begun.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_belongs_to_the_latest_cycle_that_has_begun() {
        let cycles = Cycles::on(vec![
            day("2026-01-20"),
            day("2026-01-05"),
            day("2026-01-05"),
        ]);
        for (asked, cycle) in [
            ("2026-01-04", None),
            ("2026-01-05", Some("2026-01-05")),
            ("2026-01-19", Some("2026-01-05")),
            ("2026-01-20", Some("2026-01-20")),
            ("2027-06-30", Some("2026-01-20")),
        ] {
            assert_eq!(cycles.of(day(asked)), cycle.map(day), "{asked}");
        }
    }

    #[test]
    fn each_day_is_a_cycle_where_the_merchant_presents_them() {
        let cycles = Cycles::on(Vec::new());
        assert!(cycles.are_presented());
        assert_eq!(cycles.of(day("2026-01-04")), Some(day("2026-01-04")));
    }
}
