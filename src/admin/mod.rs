//! What the commands do, one file each. They read and write through [`crate::store`], print to a writer they are
//! given, and never talk to a provider.

pub mod audit;
pub mod error;
pub mod executions;
pub mod import;
pub mod jobs;
pub mod mandates;
pub mod output;
pub mod plan;
pub mod text;
pub mod timeline;

pub use error::AdminError;
pub use text::Format;
