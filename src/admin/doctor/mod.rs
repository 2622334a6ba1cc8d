//! `doctor`: everything that a daemon stands on, looked at once, with what to do about what is wrong.

mod database;
mod provider;
mod work;

use std::io::{self, Write};

use serde::Serialize;

use super::output::write_json;
use super::text::Format;

pub use database::database;
pub use provider::{Patient, provider};
pub use work::work;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work, or what it promises does not hold.
    Failed,
}

impl Grade {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub grade: Grade,
    pub about: String,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            grade: Grade::Ok,
            about: about.into(),
            found: found.into(),
            fix: None,
        }
    }

    pub fn warning(
        about: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            grade: Grade::Warning,
            fix: Some(fix.into()),
            ..Self::ok(about, found)
        }
    }

    pub fn failed(
        about: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            grade: Grade::Failed,
            ..Self::warning(about, found, fix)
        }
    }
}

/// Prints them, a line each and what to do below it; how many have failed.
pub fn write(out: &mut dyn Write, findings: &[Finding], format: Format) -> io::Result<usize> {
    let width = findings
        .iter()
        .map(|finding| finding.about.chars().count())
        .max()
        .unwrap_or_default();
    for finding in findings {
        if format == Format::Json {
            write_json(out, finding)?;
            continue;
        }
        let Finding {
            grade,
            about,
            found,
            fix,
        } = finding;
        writeln!(out, "{:<7}  {about:<width$}  {found}", grade.as_str())?;
        if let Some(fix) = fix {
            writeln!(out, "{:7}  {:width$}  -> {fix}", "", "")?;
        }
    }
    let failed = findings
        .iter()
        .filter(|finding| finding.grade == Grade::Failed);
    Ok(failed.count())
}
