//! `[clock]`

use std::time::Duration;

use serde::Deserialize;

use crate::domain::Timestamp;

/// Which time the engine lives in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    pub mode: ClockMode,
    /// Where simulated time starts.
    pub start: Option<Timestamp>,
    /// Simulated time moves in multiples of this.
    #[serde(with = "humantime_serde")]
    pub step: Duration,
    /// Where simulated time ends.
    pub end: Option<Timestamp>,
}

/// The machine's time, or one that jumps to the next job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ClockMode {
    System,
    Simulated,
}

impl TryFrom<String> for ClockMode {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "system" => Ok(Self::System),
            "simulated" => Ok(Self::Simulated),
            other => Err(format!("{other:?} is none of system, simulated")),
        }
    }
}
