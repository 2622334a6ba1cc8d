//! The hours in which a rail may be debited.

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::Instant;

/// Local time ranges, the same every day. Half-open: the end is outside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "WindowsText", into = "WindowsText")]
pub struct Windows {
    time_zone: Tz,
    ranges: Vec<(NaiveTime, NaiveTime)>,
}

/// As it stands in the configuration and in a policy: `["13:01-16:59", "21:31-09:59"]`; none means always.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WindowsText {
    /// An IANA name.
    pub time_zone: String,
    /// `HH:MM-HH:MM`; one whose end is not after its start runs over midnight.
    pub ranges: Vec<String>,
}

/// Part of a window: from an instant to the window's end, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub opens: Instant,
    /// The first instant that is outside again; nothing where the rail has no windows.
    pub closes: Option<Instant>,
}

impl Windows {
    /// Whether an instant lies in a window.
    pub fn contains(&self, _at: Instant) -> bool {
        todo!()
    }

    /// The rest of the window around an instant, or the next window.
    pub fn at_or_after(&self, _at: Instant) -> Option<Span> {
        todo!()
    }

    /// The latest instant inside a window that is not after the given one.
    pub fn at_or_before(&self, _at: Instant) -> Option<Instant> {
        todo!()
    }

    /// Where its times are counted.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }
}

impl TryFrom<WindowsText> for Windows {
    type Error = String;
    fn try_from(_text: WindowsText) -> Result<Self, String> {
        todo!()
    }
}

impl From<Windows> for WindowsText {
    fn from(_windows: Windows) -> Self {
        todo!()
    }
}
