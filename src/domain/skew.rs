//! How far the clock of a machine and the database's may be apart.

use chrono::TimeDelta;

/// Beyond this nothing is planned or debited. Between the 24 hours of the law and our 25 lies one.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(5);

/// From here on somebody should look at them.
const WARN_SKEW: TimeDelta = TimeDelta::minutes(1);

/// What was found lasts until they are nearer than by this: a clock that drifts would cross the border many times.
const MARGIN: TimeDelta = TimeDelta::seconds(10);

/// How far they are apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skew {
    #[default]
    /// As clocks are.
    Small,
    /// Worth a warning.
    Large,
    /// So far that nothing may be done by them.
    TooLarge,
}

impl Skew {
    /// What a distance is; `apart` is not negative.
    pub fn of(apart: TimeDelta) -> Self {
        if apart > MAX_SKEW {
            Self::TooLarge
        } else if apart > WARN_SKEW {
            Self::Large
        } else {
            Self::Small
        }
    }

    /// After having been apart as `self`.
    #[must_use]
    pub fn after(self, apart: TimeDelta) -> Self {
        let now = Self::of(apart);
        let with_margin = apart.checked_add(&MARGIN).map_or(now, Self::of);
        now.max(with_margin.min(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_lasts_until_they_are_clearly_nearer() {
        let mut skew = Skew::Small;
        for (seconds, now) in [
            (60, Skew::Small),
            (61, Skew::Large),
            (55, Skew::Large),
            (50, Skew::Small),
            (301, Skew::TooLarge),
            (295, Skew::TooLarge),
            (290, Skew::Large),
            (301, Skew::TooLarge),
            (0, Skew::Small),
        ] {
            skew = skew.after(TimeDelta::seconds(seconds));
            assert_eq!(skew, now, "{seconds}");
        }
    }
}
