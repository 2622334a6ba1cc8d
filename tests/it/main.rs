//! Integration tests, in one binary.

mod classify;
mod signzy;
