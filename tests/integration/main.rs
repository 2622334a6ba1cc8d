//! The parts together, on a real Postgres and against the sandbox: one module a subject.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::similar_names,
    clippy::too_many_lines,
    clippy::unnecessary_wraps,
    reason = "tests count, move times about, leave tasks behind, and build the fields of rows"
)]

mod accounts;
mod audit;
mod cli;
mod cluster;
mod config;
mod deploy;
mod doctor;
mod engine;
mod environment;
mod guards;
mod import;
mod log;
mod operator_requests;
mod ops;
mod plans;
mod pooler;
mod process;
mod readme;
mod recover;
mod resolve;
mod schema;
mod secrets;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "these tests use a part of it")]
mod support;
