//! The providers' documented bytes: each request and answer as their pages have it, and what follows from it.

// For clippy: what helps a test is a test.
#![cfg(test)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::unnecessary_wraps,
    reason = "tests count, move times about, leave tasks behind, and build the fields of rows"
)]

mod classify;
mod fuzz;
mod juspay;
mod outcome;
mod redaction;
mod signzy;
mod steps;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "these tests use a part of it")]
mod support;
