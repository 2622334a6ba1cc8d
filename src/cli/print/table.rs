//! Tables for people.

use std::io::{self, IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};

use crate::domain::escape::{Syntax, escape};

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
        let cells = cells.into_iter().map(|cell| cell.to_string());
        self.0
            .add_row(cells.map(|cell| escape(&cell, Syntax::Terminal).into_owned()));
    }

    pub fn write(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        self.0
            .lines()
            .try_for_each(|line| out.write_all(format!("{}\n", line.trim_end()).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up_and_ends_no_line_with_blanks() {
        let mut table = Table::new(["mandate", "amount"]).right(1);
        table.row(["m-1", "499.00"]);
        table.row(["m-20", "5.00"]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
         mandate   amount
        ──────────────────
         m-1       499.00
         m-20        5.00
        ");
    }
}
