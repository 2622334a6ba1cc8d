//! The real Signzy client against a server that answers with the documented bytes.

mod answers;
mod lookups;
mod mandates;
mod sent;
pub(crate) mod support;
mod transport;
