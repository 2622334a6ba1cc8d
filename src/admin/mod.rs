//! What an operator does and sees: commands, tables, the listener.

pub mod check_config;
pub mod healthcheck;
pub mod http;
pub mod output;
