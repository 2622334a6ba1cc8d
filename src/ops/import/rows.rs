//! Rows out of a file: CSV with a header, or JSON Lines. A file whose first text is `{` is JSON Lines.

use std::io::Read;

use super::ImportError;
use super::columns;
use super::encoding::first_wrong_byte;
use super::json::next_json;
use super::lines::Lines;
use super::raw_row::{Line, RawRow, trimmed};
use super::report::Problem;

const ARRAY: &str = "the file is a JSON array: write one object a line, without brackets around and commas between them \
    (`jq -c '.[]'` does it)";

/// The rows of a file.
pub(super) enum Rows<R> {
    Csv(Box<CsvRows<R>>),
    Json(Lines<R>),
}

impl<R: Read> Rows<R> {
    /// Looks at the first line, and checks it if it is a CSV header.
    pub(super) fn open(input: R) -> Result<Self, ImportError> {
        let mut lines = Lines::new(input);
        let begun = lines.advance_to_text();
        if let Some(what) = lines.not_text() {
            return Err(ImportError::Shape(what.to_owned()));
        }
        if !begun.map_err(ImportError::Read)? {
            return Err(ImportError::Empty);
        }
        match lines.line().trim_ascii_start().first() {
            Some(b'{') => Ok(Self::Json(lines)),
            Some(b'[') => Err(ImportError::Shape(ARRAY.to_owned())),
            Some(_) | None => CsvRows::open(lines).map(|rows| Self::Csv(Box::new(rows))),
        }
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Line, ImportError> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Json(lines) => next_json(lines),
        }
    }
}

/// The rows below a CSV header.
pub(super) struct CsvRows<R> {
    reader: csv::Reader<Lines<R>>,
    columns: Vec<&'static str>,
    /// How many lines lie above those that the reader counts.
    above: u64,
    record: csv::ByteRecord,
}

impl<R: Read> CsvRows<R> {
    fn open(lines: Lines<R>) -> Result<Self, ImportError> {
        let above = lines.number().saturating_sub(1);
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // A carriage return alone ends no line: two rows on one line could not be told apart.
            .terminator(csv::Terminator::Any(b'\n'))
            .trim(csv::Trim::All)
            .from_reader(lines);
        let mut rows = Self {
            reader,
            columns: Vec::new(),
            above,
            record: csv::ByteRecord::new(),
        };
        rows.advance()?;
        rows.check_encoding(rows.line())?;
        let header: Vec<String> = rows
            .record
            .iter()
            .map(|name| trimmed(&String::from_utf8_lossy(name)).to_owned())
            .collect();
        rows.columns = columns::check_header(rows.line(), &header).map_err(ImportError::Header)?;
        Ok(rows)
    }

    fn advance(&mut self) -> Result<bool, ImportError> {
        let more = self
            .reader
            .read_byte_record(&mut self.record)
            .map_err(|error| ImportError::Read(error.into()))?;
        self.reader.get_mut().end_row();
        Ok(more)
    }

    /// The line on which the current record begins: its own position counts blank lines before it.
    fn line(&self) -> u64 {
        let inside = self
            .record
            .iter()
            .flatten()
            .filter(|byte| **byte == b'\n')
            .count();
        let inside = u64::try_from(inside).unwrap_or(0);
        let end = self.reader.position().line().saturating_add(self.above);
        end.saturating_sub(1).saturating_sub(inside)
    }

    /// One byte that is none of UTF-8, and all letters of the file beyond ASCII are in doubt.
    fn check_encoding(&self, line: u64) -> Result<(), ImportError> {
        let wrong = |(at, cell)| Some((at, first_wrong_byte(cell)?));
        match self.record.iter().enumerate().find_map(wrong) {
            None => Ok(()),
            Some((at, byte)) => {
                let column = self.columns.get(at);
                let column = column.map_or_else(String::new, |name| format!(", {name}"));
                let at = format!("line {line}{column}");
                Err(ImportError::NotUtf8 { at, byte })
            }
        }
    }

    /// The next row that has anything in it: spreadsheets write separators alone for rows that once held something.
    fn next(&mut self) -> Result<Line, ImportError> {
        loop {
            if !self.advance()? {
                return Ok(Line::End);
            }
            let line = self.line();
            self.check_encoding(line)?;
            let cells: Vec<&str> = self
                .record
                .iter()
                .map(|cell| trimmed(std::str::from_utf8(cell).unwrap_or_default()))
                .collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                return Ok(self.row(line, &cells));
            }
        }
    }

    fn row(&self, line: u64, cells: &[&str]) -> Line {
        let (found, expected) = (cells.len(), self.columns.len());
        if found != expected {
            let why = format!(
                "has {found} fields where the header has {expected}: is a quote or a comma missing?"
            );
            return Line::Bad(Problem::new(line, None, why));
        }
        let filled = self.columns.iter().zip(cells);
        let filled = filled.filter(|(_, cell)| !cell.is_empty());
        Line::Row(RawRow {
            line,
            cells: filled
                .map(|(column, cell)| (*column, (*cell).to_owned()))
                .collect(),
            problems: Vec::new(),
        })
    }
}
