//! `[failures]`

use std::path::PathBuf;

use serde::Deserialize;

/// The operator's own rules for failure classes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    pub file: Option<PathBuf>,
}
