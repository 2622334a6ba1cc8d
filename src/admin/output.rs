//! What people and programs get to see: tables, JSON lines, progress, failures.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

const STYLE: TableStyle = NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));

/// A table for people.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    pub fn new<const N: usize>(headers: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(STYLE).set_header(headers);
        // On a terminal long cells are broken; in a file or a pipe lines stay whole, for grep.
        let arrangement = if io::stdout().is_terminal() {
            ContentArrangement::Dynamic
        } else {
            ContentArrangement::Disabled
        };
        table.set_content_arrangement(arrangement);
        Self(table)
    }

    /// Aligns a column of numbers to the right; columns are counted from 0.
    #[must_use]
    pub fn right(mut self, column: usize) -> Self {
        if let Some(column) = self.0.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }

    pub fn row<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: ToString,
    {
        self.0
            .add_row(cells.into_iter().map(|cell| cell.to_string()));
    }

    pub fn write(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.0
            .lines()
            .try_for_each(|line| writeln!(out, "{}", line.trim_end()))
    }
}

/// One JSON object on a line of its own.
pub fn write_json(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// A progress bar on standard error if that is a terminal; nothing otherwise. With `None` the end is not known.
pub fn progress(length: Option<u64>, what: &'static str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{msg} {bar:30} {human_pos}/{human_len} ({per_sec}, {eta} left)",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {msg} {human_pos} ({per_sec})",
        ),
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(what)
}

/// A failure with its causes and, after a blank line, what to do about it.
pub fn write_failure(
    out: &mut (impl Write + ?Sized),
    error: &anyhow::Error,
    hint: Option<&str>,
) -> io::Result<()> {
    writeln!(out, "error: {error}")?;
    let mut above = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Some errors already end with their cause.
        if !above.ends_with(&cause) {
            writeln!(out, "caused by: {cause}")?;
        }
        above = cause;
    }
    if let Some(hint) = hint {
        writeln!(out, "\nhint: {hint}")?;
    }
    Ok(())
}

/// Whether a failure is only that nobody reads our output any more.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |cause: &(dyn Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_lines_up_and_ends_no_line_with_blanks() {
        let mut table = Table::new(["mandate", "amount"]).right(1);
        table.row(["m-1", "499.00"]);
        table.row(["m-20", "5.00"]);
        insta::assert_snapshot!(text(|out| table.write(out)), @r"
         mandate   amount
        ──────────────────
         m-1       499.00
         m-20        5.00
        ");
    }

    #[test]
    fn json_is_one_line_each() {
        let written = text(|out| {
            write_json(out, &serde_json::json!({ "a": "x\ny" }))?;
            write_json(out, &1)
        });
        assert_eq!(written, "{\"a\":\"x\\ny\"}\n1\n");
    }

    #[test]
    fn a_failure_shows_its_causes_once_and_a_hint() {
        let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let error = anyhow::Error::new(cause).context("connect to Postgres");
        let written = text(|out| write_failure(out, &error, Some("is database.url right?")));
        insta::assert_snapshot!(written, @r"
        error: connect to Postgres
        caused by: connection refused

        hint: is database.url right?
        ");
        let same = anyhow::anyhow!("no route").context("connect: no route");
        assert_eq!(
            text(|out| write_failure(out, &same, None)),
            "error: connect: no route\n"
        );
    }

    #[test]
    fn only_a_closed_pipe_is_a_closed_pipe() {
        let closed = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe))
            .context("print the jobs");
        let other = anyhow::Error::from(io::Error::from(io::ErrorKind::NotFound));
        assert!(is_closed_pipe(&closed) && !is_closed_pipe(&other));
    }
}
