//! The real Juspay client against a server that answers with the documented bytes.

mod answers;
mod curl;
mod errors;
mod mandates;
mod notifications;
mod sent;
pub(crate) mod support;
pub(crate) mod tables;
mod transport;
