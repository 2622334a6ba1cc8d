//! Whether the clock of this machine and the database's agree: said once when that changes, and nothing goes on while they do not.

use std::sync::{Mutex, PoisonError};

use tracing::{error, info, warn};

use crate::domain::Timestamp;
use crate::domain::skew::Skew;
use crate::store::StoreError;

/// The clocks as far as this process knows.
#[derive(Debug, Default)]
pub struct ClockHealth(Mutex<Skew>);

impl ClockHealth {
    /// Compares them, and refuses to go on with a clock that nobody shares: it would debit early, call cycles over that have not
    /// begun, and delete what is young.
    pub fn compare(&self, ours: Timestamp, theirs: Timestamp) -> Result<(), StoreError> {
        let apart = ours.signed_duration_since(theirs).abs();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *known;
        *known = before.after(apart);
        let now = *known;
        drop(known);
        if now != before {
            say(now, ours, theirs);
        }
        match now {
            Skew::Small | Skew::Large => Ok(()),
            Skew::TooLarge => Err(StoreError::Clocks { ours, theirs }),
        }
    }
}

fn say(now: Skew, ours: Timestamp, theirs: Timestamp) {
    let skew_ms = ours.signed_duration_since(theirs).num_milliseconds();
    let (machine, database) = (ours.to_rfc3339(), theirs.to_rfc3339());
    match now {
        Skew::Small => info!(
            skew_ms,
            machine, database, "the clocks of this machine and of the database agree again"
        ),
        Skew::Large => warn!(
            skew_ms,
            machine,
            database,
            "the clocks of this machine and of the database differ by more than a minute: set both by NTP; beyond 5 minutes this \
             daemon plans and debits nothing"
        ),
        Skew::TooLarge => error!(
            skew_ms,
            machine,
            database,
            help = "deploy/README.md, \"the clocks differ\"",
            "the clocks of this machine and of the database differ by more than 5 minutes: nothing is planned, debited or deleted \
             here until the one that is wrong is corrected"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_may_differ_by_minutes_and_no_more() {
        let theirs: Timestamp = "2026-01-31T00:30:00Z".parse().unwrap();
        for (ours, good) in [
            ("2026-01-31T00:30:00Z", true),
            ("2026-01-31T00:35:00Z", true),
            ("2026-01-31T00:25:00Z", true),
            ("2026-01-31T00:35:01Z", false),
            ("2026-01-31T00:24:59Z", false),
            ("2027-01-31T00:30:00Z", false),
        ] {
            let compared = ClockHealth::default().compare(ours.parse().unwrap(), theirs);
            assert_eq!(compared.is_ok(), good, "{ours}");
        }
    }
}
