//! The options that every command has which is kept for good.

use clap::Args;

use crate::ops::accounts::Attribution;

/// Who does it, and why.
#[derive(Debug, Args)]
pub struct Justification {
    /// Who does it: a name, no address.
    #[arg(long = "by", value_name = "WHO")]
    pub who: String,
    /// Why. It is kept for good, and shown with what it led to.
    #[arg(long, value_name = "WHY")]
    pub reason: String,
}

impl Justification {
    pub(super) fn attribution(&self) -> Attribution<'_> {
        Attribution {
            who: &self.who,
            reason: &self.reason,
        }
    }
}
