//! What an operator does and sees: one file for each command. Commands read and write through [`crate::store`], print to a
//! writer they are given, and never talk to a provider, except for the audit when it is told to, and the doctor.

pub mod accounts;
pub mod audit;
pub mod check_config;
pub mod classify;
pub mod doctor;
pub mod error;
pub mod executions;
pub mod healthcheck;
pub mod http;
pub mod import;
pub mod jobs;
pub mod mandates;
pub mod operate;
pub mod output;
pub mod plan;
pub mod rails;
pub mod resolve;
pub mod text;
pub mod timeline;
mod words;

pub use error::AdminError;
pub use text::Format;
