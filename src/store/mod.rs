//! The SQL that makes the pure core durable.

pub mod audit;
pub mod import;
pub mod listing;
pub mod mandates;
pub mod policies;
pub mod present;
pub mod timeline;
