//! Faults: daemons that are killed or stopped, and a database or provider that fails.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::similar_names,
    clippy::unnecessary_wraps,
    reason = "tests count, move times about, leave tasks behind, and build the fields of rows"
)]

mod crash;
mod database;
mod forgotten;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "these tests use a part of it")]
mod support;
