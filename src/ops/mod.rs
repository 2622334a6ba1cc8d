//! What operators do, each by one function that takes a connection or a pool, the configuration where it needs one, and the time, and
//! returns what it came to. Nothing is printed here: the command line prints, and others can do otherwise.
//!
//! Operations read and write through [`crate::store`], and never talk to a provider, except for the change of a mandate, the audit
//! when it is told to, the recovery, and the doctor.

pub mod accounts;
pub mod audit;
pub mod classify;
pub mod doctor;
pub mod error;
pub mod executions;
pub mod healthcheck;
pub mod import;
pub mod jobs;
mod justification;
pub mod mandates;
pub mod migrate;
pub mod plan;
pub mod rails;
pub mod recover;
pub mod resolve;
pub mod timeline;

pub use crate::store::StoreError;
pub use error::OpsError;

/// How far something has come that takes a while: so many of what is counted, and of how many where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub of: Option<u64>,
}

/// An operation that takes a while calls it with every step that is worth telling.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);
