//! A row as it stands in the file, be it CSV or JSON.

use super::report::Problem;

/// The cells of one row that are not empty, and what is wrong with the others.
#[derive(Debug)]
pub(super) struct RawRow {
    pub(super) line: u64,
    pub(super) cells: Vec<(&'static str, String)>,
    pub(super) problems: Vec<Problem>,
}

/// One row, or why there is none.
#[derive(Debug)]
pub(super) enum Line {
    Row(RawRow),
    /// It cannot be taken apart into cells.
    Bad(Problem),
    End,
}

/// A cell without the white space, no-break spaces and marks around it that spreadsheets leave and nobody means.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}
