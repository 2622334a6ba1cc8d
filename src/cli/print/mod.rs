//! How commands print: text for people, JSON for programs.

mod progress_bar;
mod table;
pub mod times_and_amounts;

use std::io::{self, Write};

use serde::Serialize;

pub use progress_bar::ProgressBar;
pub use table::Table;

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
    serde_json::to_writer(&mut *out, value)?;
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
}
