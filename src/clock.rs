//! The only place that reads a clock. Business times come from here and are passed on; leases use the database's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;

use crate::domain::Timestamp;

/// The time that the engine lives in.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A time that only moves when it is moved.
    Simulated(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at an instant.
    pub fn simulated(start: Timestamp) -> Self {
        Self::Simulated(Arc::new(AtomicI64::new(start.timestamp_micros())))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => chrono::Utc::now(),
            Self::Simulated(micros) => {
                DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or_default()
            }
        }
    }

    /// Moves a simulated clock forward; never back, and never the machine's.
    pub fn advance_to(&self, instant: Timestamp) {
        if let Self::Simulated(micros) = self {
            micros.fetch_max(instant.timestamp_micros(), Ordering::SeqCst);
        }
    }

    /// Puts a simulated clock forward or back, as happens to a machine's.
    pub fn step_to(&self, instant: Timestamp) {
        if let Self::Simulated(micros) = self {
            micros.store(instant.timestamp_micros(), Ordering::SeqCst);
        }
    }

    pub const fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }
}
