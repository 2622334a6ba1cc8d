//! The judge: it is told what a merchant does to a mandate, and says which rule that breaks.
//!
//! It is written from the circulars and from the providers' pages and uses no line of `mandated`: it has its own
//! [`calendar`], its own types of [`facts`] and its own rules, one file a subject, each with the public title of its
//! source. It does no I/O and has no clock: whoever plays the provider tells it each fact with its time, and writes
//! down the [`Violation`]s that come back.

pub mod calendar;
pub mod facts;
mod judge;
mod record;
mod rules;
mod verdict;

pub use self::calendar::india;
pub use self::facts::{Amount, Mandate, Presenter, Rail, Timestamp};
pub use self::judge::Judge;
pub use self::verdict::{BankRefusal, JudgeVerdict, RetryRefusal, Rule, Violation};
