//! What an import found wrong and what it did.

use std::fmt;

use serde::Serialize;

use crate::domain::shown::Shown;
use crate::domain::unseen::{name_of_unseen, turns_text};
use crate::store::import::EndedRecovery;

/// How many problems are listed; the rest are counted.
pub const LISTED: usize = 100;

/// One thing that is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line of the file on which the row begins, counted from 1.
    pub line: u64,
    /// The column, or nothing if the row cannot be read at all.
    pub column: Option<String>,
    /// What is wrong with it; reads on after the column's name.
    pub reason: String,
}

/// A reason names at most this much, in characters: the cells in it are shorter already, but lists of names may be long.
const MAX_SHOWN: usize = 600;

impl Problem {
    /// The file is the reader's own, and so is the terminal: what stands in it is shown, but obeyed by nobody.
    pub(super) fn new(line: u64, column: Option<&str>, reason: String) -> Self {
        Self {
            line,
            column: column.map(shown_column),
            reason: cut(escaped(reason)),
        }
    }
}

/// A name as it is, or in quotes with its beginning where it is long or has characters that nobody sees.
fn shown_column(name: &str) -> String {
    let is_seen = name.chars().all(|c| name_of_unseen(c).is_none());
    if is_seen && name.len() <= 60 {
        name.to_owned()
    } else {
        Shown(name).to_string()
    }
}

/// What parsers put into their own words is not escaped yet.
fn escaped(text: String) -> String {
    if text.contains(turns_text) {
        let escape = |c: char| {
            if turns_text(c) {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        };
        text.chars().map(escape).collect()
    } else {
        text
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

/// What an import came to.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether anything was kept: bad rows undo the whole import unless they are to be skipped.
    pub kept: bool,
    /// Mandates that are new; 0 if the import was undone.
    pub imported: u64,
    /// Rows that are in the database already, the same in every column.
    pub unchanged: u64,
    /// Bad rows.
    pub invalid: u64,
    /// What is wrong with them, the first [`LISTED`] in the order of the file.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub unlisted: u64,
    /// Recoveries of the last days: whoever has imported a mandate again should have done it before them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered_before: Vec<EndedRecovery>,
    /// Rows whose first cycle ends before its retries can all be made, those that are in the database already too; and the first of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub short_rooms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_short_room: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Report {
    /// Counts a bad row, and lists what is wrong with it while there is room.
    pub(super) fn add_bad_row(&mut self, problems: Vec<Problem>) {
        self.invalid = self.invalid.saturating_add(1);
        for problem in problems {
            if self.problems.len() < LISTED {
                self.problems.push(problem);
            } else {
                self.unlisted = self.unlisted.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_problems_are_listed_and_the_rest_counted() {
        let mut report = Report::default();
        for line in 1..=150 {
            report.add_bad_row(vec![Problem::new(
                line,
                Some("amount"),
                "is missing".to_owned(),
            )]);
        }
        assert_eq!(
            (report.invalid, report.problems.len(), report.unlisted),
            (150, 100, 50)
        );
        let last = report.problems.last().map(ToString::to_string);
        assert_eq!(last.as_deref(), Some("line 100, amount: is missing"));
    }
}
