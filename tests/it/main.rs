//! Everything that needs a database, a provider or a process of ours, as one binary: one module a subject.

// For clippy: what helps a test is a test.
#![cfg(test)]

mod classify;
mod engine;
mod juspay;
mod postgres;
mod process;
mod schema;
mod signzy;
mod support;
