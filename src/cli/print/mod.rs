//! How commands print: text for people, JSON for programs.

mod progress_bar;
mod table;
pub mod times_and_amounts;

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

pub use progress_bar::ProgressBar;
pub use table::Table;

use crate::domain::escape::{Syntax, escape};

/// Prints one line and no more, whatever is in what it shows: every sentence of a command goes through here, every table through
/// [`Table`], every value for programs through [`write_json`].
macro_rules! print_line {
    ($out:expr) => {
        $crate::cli::print::line($out, format_args!(""))
    };
    ($out:expr, $($words:tt)+) => {
        $crate::cli::print::line($out, format_args!($($words)+))
    };
}

/// The line of [`print_line`].
pub(in crate::cli) fn line(
    out: &mut (impl Write + ?Sized),
    words: fmt::Arguments<'_>,
) -> io::Result<()> {
    out.write_all(escape(&words.to_string(), Syntax::Terminal).as_bytes())?;
    out.write_all(b"\n")
}

/// For whom to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables and sentences.
    Text,
    /// One JSON value a line.
    Json,
}

/// What an operation came to: one JSON object for programs, and the text that people read.
pub trait Print: Serialize {
    /// Prints the text.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()>;

    /// Prints the one or the other.
    fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        match format {
            Format::Json => write_json(out, self),
            Format::Text => self.write_text(out),
        }
    }
}

/// One JSON object on a line of its own.
pub fn write_json(
    out: &mut (impl Write + ?Sized),
    value: &(impl Serialize + ?Sized),
) -> io::Result<()> {
    let json = serde_json::to_string(value)?;
    out.write_all(escape(&json, Syntax::Json).as_bytes())?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_one_line_each() {
        let mut out = Vec::new();
        write_json(&mut out, &serde_json::json!({ "a": "x\ny" })).unwrap();
        write_json(&mut out, &1).unwrap();
        assert_eq!(out, b"{\"a\":\"x\\ny\"}\n1\n");
    }

    #[test]
    fn a_line_stays_one_line_and_moves_no_terminal() {
        let mut out = Vec::new();
        print_line!(&mut out, "{}", "a\u{1b}[2J\r\nb\u{202e}").unwrap();
        write_json(&mut out, "\u{9b}2J\u{202e}").unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "a\\u{1b}[2J\\r\\nb\\u{202e}\n\"\\u009b2J\\u202e\"\n");
    }
}
