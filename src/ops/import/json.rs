//! Rows out of JSON Lines: one object a line, its keys the columns, its values texts.

use std::io::Read;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Number, Value};

use super::ImportError;
use super::columns;
use super::encoding::first_wrong_byte;
use super::lines::Lines;
use super::raw_row::{Line, RawRow, trimmed};
use super::report::Problem;
use crate::domain::shown::Shown;
use crate::domain::{Amount, Currency, identifier};

/// How many digits a number keeps on its way through a program that is not careful.
const KEPT_DIGITS: usize = 15;

pub(super) fn next_json<R: Read>(lines: &mut Lines<R>) -> Result<Line, ImportError> {
    if lines.line().is_empty() {
        return Ok(Line::End);
    }
    let line = lines.number();
    if let Some(byte) = first_wrong_byte(lines.line()) {
        let at = format!("line {line}");
        return Err(ImportError::NotUtf8 { at, byte });
    }
    let is_list = lines.line().trim_ascii_start().starts_with(b"[");
    let parsed: Result<Entries, _> = serde_json::from_slice(lines.line());
    lines.end_row();
    lines.advance_to_text().map_err(ImportError::Read)?;
    let Entries(entries) = match parsed {
        Ok(entries) => entries,
        Err(error) if error.is_eof() && goes_on(lines.line()) => {
            return Err(ImportError::Shape(format!(
                "line {line} begins an object that goes on on the next line: write one object a line (`jq -c .` does it)"
            )));
        }
        Err(_) if is_list => {
            let why = "is a list: write one object a line, without brackets around it";
            return Ok(Line::Bad(Problem::new(line, None, why.to_owned())));
        }
        Err(error) => return Ok(Line::Bad(Problem::new(line, None, not_an_object(&error)))),
    };
    let currency = entries.iter().find_map(|(key, value)| {
        let code = value.as_str().filter(|_| key == "currency")?;
        Currency::parse(trimmed(code)).ok()
    });
    let mut row = RawRow {
        line,
        cells: Vec::with_capacity(entries.len()),
        problems: Vec::new(),
    };
    for (key, value) in entries {
        row.add_json(&key, value, currency.unwrap_or(Currency::INR));
    }
    Ok(Line::Row(row))
}

/// Whether a line belongs to the object above it, and begins none itself.
fn goes_on(next: &[u8]) -> bool {
    let start = next.trim_ascii();
    !start.is_empty() && !start.starts_with(b"{")
}

fn not_an_object(error: &serde_json::Error) -> String {
    let words = json_words(error);
    if error.is_eof() {
        format!("is not a whole JSON object: write one object a line ({words})")
    } else if words.starts_with("trailing") {
        "has something behind its object: write one object a line, without commas between them"
            .to_owned()
    } else {
        format!("is not a JSON object: {words}")
    }
}

impl RawRow {
    fn add_json(&mut self, key: &str, value: Value, currency: Currency) {
        let Some(column) = columns::find(key) else {
            self.problems.push(columns::unknown(self.line, key));
            return;
        };
        let text = match value {
            Value::Null => return,
            Value::String(text) => trimmed(&text).to_owned(),
            Value::Object(_) if column == "metadata" => value.to_string(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let reason = not_text(column, &value, currency);
                self.problems
                    .push(Problem::new(self.line, Some(column), reason));
                return;
            }
        };
        if !text.is_empty() {
            self.cells.push((column, text));
        }
    }
}

/// What to write in place of a value that is no text. What is named is accepted when it is written.
fn not_text(column: &str, value: &Value, currency: Currency) -> String {
    let number = match value {
        Value::Number(number) => Some(number),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    let example = match column {
        "amount" | "max_amount" => {
            let meant = number.and_then(|number| as_amount(number, currency));
            format!("{:?}", meant.unwrap_or_else(|| Amount::example(currency)))
        }
        "ref" | "mandate_id" | "customer_id" => match number.and_then(as_id) {
            Some(meant) => format!("{meant:?}"),
            None => {
                return "is not text, and a number may be rounded: write the id as text, in quotes"
                    .to_owned();
            }
        },
        "starts_on" | "ends_on" => r#""2026-12-31""#.to_owned(),
        "debit_at" => r#""06:00""#.to_owned(),
        "cron" => r#""0 6 1 * *""#.to_owned(),
        "metadata" => return r#"is not an object: write one such as {"udf1": "text"}"#.to_owned(),
        _ => return "is not text: write text in quotes".to_owned(),
    };
    let what = if number.is_some() {
        "a number"
    } else {
        "not text"
    };
    format!("is {what}: write it as text, such as {example}")
}

/// The amount that a number is, if all of its digits are there and it is one.
fn as_amount(number: &Number, currency: Currency) -> Option<String> {
    let text = number.to_string();
    let plain = text.strip_suffix(".0").unwrap_or(&text);
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    let is_whole = number.is_u64() || digits <= KEPT_DIGITS;
    let amount = Amount::parse(plain, currency).ok()?;
    is_whole.then(|| amount.decimal())
}

fn as_id(number: &Number) -> Option<String> {
    let text = number.as_u64()?.to_string();
    identifier::check_own(&text).ok()?;
    Some(text)
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
                    "the key {} is there twice",
                    Shown(&key)
                )));
            }
            entries.push((key, value));
        }
        Ok(Entries(entries))
    }
}
