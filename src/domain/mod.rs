//! The pure core: what a banker could read. No database, no network, no clock, no randomness.

#![warn(missing_docs)]

pub mod additional_factor;
pub mod arrows;
pub mod attempt;
pub mod backoff;
pub mod class;
pub mod classify;
pub mod cycle;
pub mod cycle_identity;
pub mod day;
pub mod escape;
pub mod execution;
pub mod identifier;
pub mod ids;
pub mod machine;
pub mod mandate;
pub mod money;
pub mod nearest;
pub mod outcome;
pub mod payday;
pub mod percent;
pub mod period;
pub mod plan;
pub mod policy;
pub mod reason;
pub mod resolve;
pub mod schedule;
pub mod shown;
pub mod skew;
pub mod state;
mod text;
pub mod unseen;
pub mod window;
pub mod zone;

pub use arrows::IllegalTransition;
pub use attempt::{AttemptOutcome, Call, NotificationState};
pub use class::Class;
pub use cycle_identity::CycleIdentity;
pub use execution::Execution;
pub use ids::{AccountId, ExecutionId, LeaseToken, MandateId};
pub use mandate::{Mandate, MandateStatus, Metadata, Notify, ProbeSubject, ProviderKind, Rail};
pub use money::{Amount, Currency};
pub use outcome::{Contradiction, Failure, Outcome};
pub use period::Period;
pub use state::{Event, State, Step};

/// An instant. Business times are passed in; nothing in this folder reads a clock.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
