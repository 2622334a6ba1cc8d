//! Integration tests, in one binary.

mod juspay;
