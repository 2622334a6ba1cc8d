//! Rows out of a file: CSV with a header, or JSON Lines. A file whose first text is `{` is JSON Lines.

use std::io::Read;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::ImportError;
use super::columns;
use super::lines::Lines;
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

/// The rows of a file.
pub(super) enum Rows<R> {
    Csv(Box<CsvRows<R>>),
    Json(Lines<R>),
}

impl<R: Read> Rows<R> {
    /// Looks at the first line, and checks it if it is a CSV header.
    pub(super) fn open(input: R) -> Result<Self, ImportError> {
        let mut lines = Lines::new(input);
        if !lines.advance_to_text().map_err(ImportError::Read)? {
            return Err(ImportError::Empty);
        }
        if lines.line().trim_ascii_start().starts_with(b"{") {
            return Ok(Self::Json(lines));
        }
        CsvRows::open(lines).map(|rows| Self::Csv(Box::new(rows)))
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
        let header: Vec<String> = rows
            .record
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
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

    fn next(&mut self) -> Result<Line, ImportError> {
        if !self.advance()? {
            return Ok(Line::End);
        }
        let line = self.line();
        if self.record.len() != self.columns.len() {
            let (found, expected) = (self.record.len(), self.columns.len());
            let why = format!(
                "has {found} fields where the header has {expected}: is a quote or a comma missing?"
            );
            return Ok(Line::Bad(Problem::new(line, None, why)));
        }
        let mut row = RawRow {
            line,
            cells: Vec::with_capacity(self.columns.len()),
            problems: Vec::new(),
        };
        for (column, cell) in self.columns.iter().zip(&self.record) {
            match std::str::from_utf8(cell) {
                Ok("") => {}
                Ok(text) => row.cells.push((column, text.to_owned())),
                Err(_not_utf8) => row.bad(column, "is not UTF-8 text"),
            }
        }
        Ok(Line::Row(row))
    }
}

impl RawRow {
    fn bad(&mut self, column: &str, reason: impl Into<String>) {
        self.problems
            .push(Problem::new(self.line, Some(column), reason.into()));
    }

    fn add_json(&mut self, key: &str, value: Value) {
        let Some(column) = columns::find(key) else {
            self.problems.push(columns::unknown(self.line, key));
            return;
        };
        let text = match (column, value) {
            (_, Value::Null) => return,
            (_, Value::String(text)) => text.trim().to_owned(),
            ("metadata", object @ Value::Object(_)) => object.to_string(),
            ("amount" | "max_amount", Value::Number(number)) => {
                return self.bad(
                    column,
                    format!("is a number: write it as text, such as \"{number}\""),
                );
            }
            (_, Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return self.bad(column, "is not text: put it in quotes");
            }
        };
        if !text.is_empty() {
            self.cells.push((column, text));
        }
    }
}

fn next_json<R: Read>(lines: &mut Lines<R>) -> Result<Line, ImportError> {
    if lines.line().is_empty() {
        return Ok(Line::End);
    }
    let line = lines.number();
    let parsed: Result<Entries, _> = serde_json::from_slice(lines.line());
    lines.end_row();
    lines.advance_to_text().map_err(ImportError::Read)?;
    Ok(match parsed {
        Err(error) => Line::Bad(Problem::new(
            line,
            None,
            format!("is not a JSON object: {}", json_words(&error)),
        )),
        Ok(Entries(entries)) => {
            let mut row = RawRow {
                line,
                cells: Vec::with_capacity(entries.len()),
                problems: Vec::new(),
            };
            for (key, value) in entries {
                row.add_json(&key, value);
            }
            Line::Row(row)
        }
    })
}

/// What is wrong with a JSON text. Without its own line numbers: they would be taken for the file's.
pub(super) fn json_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The entries of a JSON object in their order. Unlike a map it refuses a key that is there twice: which of two
/// amounts was meant is not ours to choose.
struct Entries(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with the columns as its keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} is there twice"
                )));
            }
            entries.push((key, value));
        }
        Ok(Entries(entries))
    }
}
