//! The other side of `mandated`: everything that a merchant's daemon meets and that no daemon is.
//!
//! - [`sandbox`] stands in for the providers, keeps its own ledger and judges what it receives.
//! - `population` is the mandates of a demo or of a chaos run, drawn from a seed.
//! - [`postgres`] is a private server for a run, and the wire to it that can be cut.
//! - `environment` joins the three: what the demo and the chaos play on.
//! - [`memory_store`] does to one row in memory what the SQL does to the tables.
//! - [`demo`] lives through a month; [`chaos`] tries to break the guarantees.
//!
//! The product knows nothing of this crate. This crate drives the product through its public library, and as a process.

pub mod chaos;
pub mod cli;
pub mod demo;
mod environment;
mod figures;
pub mod flow;
mod ledger_comparison;
pub mod memory_store;
mod population;
pub mod postgres;
pub mod sandbox;
pub mod seeded_rng;
