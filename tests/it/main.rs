//! Everything that needs a database, a provider or a process of ours, as one binary: one module a subject.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "tests count, move times about, leave tasks behind, and tell long stories"
)]

mod accounts;
mod audit;
mod classify;
mod cli;
mod cluster;
mod config;
mod crash;
mod deploy;
mod doctor;
mod engine;
mod fuzz;
mod guards;
mod import;
mod juspay;
mod lawful;
mod log;
mod operator_requests;
mod ops;
mod plans;
mod process;
mod readme;
mod resolve;
mod schema;
mod secrets;
mod signzy;
mod steps;
mod support;
mod trouble;
