//! What follows from every documented answer: its bytes go through the real client, and what comes out of that through
//! the decision under the default policy.

mod juspay;
mod notifications;
mod orders;
mod signzy;
mod support;
