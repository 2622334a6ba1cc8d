//! The file of `mandates import`, read for the sandbox: the same columns, as CSV with a header or as JSON Lines.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use judge::Rail;
use judge::calendar::{Recurrence, Term};
use mandated::domain::{Amount, Currency, Notify, ProviderKind};

use super::Registration;

/// How far ahead cycles are worked out.
const HORIZON_DAYS: u64 = 400;

/// Why a file of mandates cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("read mandates from {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}, row {row}: {why}")]
    Row {
        path: PathBuf,
        row: usize,
        why: String,
    },
}

/// Reads the mandates of a file. Those of the account `signzy_account`, and eNACH that the provider notifies, are
/// Signzy's. Cycles are worked out from `from` on.
///
/// # Errors
/// The file cannot be read, or a row of it: all or nothing.
pub fn read_mandates(
    path: &Path,
    signzy_account: &str,
    from: NaiveDate,
) -> Result<Vec<Registration>, FileError> {
    let text = std::fs::read_to_string(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse_mandates(path, &text, signzy_account, from)
}

/// The same from text that is in memory; `path` names it in errors.
///
/// # Errors
/// A row of it cannot be read: all or nothing.
pub fn parse_mandates(
    path: &Path,
    text: &str,
    signzy_account: &str,
    from: NaiveDate,
) -> Result<Vec<Registration>, FileError> {
    rows(text)
        .enumerate()
        .map(|(index, row)| {
            row.and_then(|row| registration(&row, signzy_account, from))
                .map_err(|why| FileError::Row {
                    path: path.to_owned(),
                    row: index.saturating_add(1),
                    why,
                })
        })
        .collect()
}

/// One mandate's columns that are not empty.
type Row = HashMap<String, String>;

fn rows(text: &str) -> Box<dyn Iterator<Item = Result<Row, String>> + '_> {
    if text.trim_start().starts_with('{') {
        return Box::new(
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(json_row),
        );
    }
    let reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    Box::new(reader.into_deserialize::<Row>().map(|row| {
        row.map(|mut row| {
            row.retain(|_, value| !value.is_empty());
            row
        })
        .map_err(|error| error.to_string())
    }))
}

fn json_row(line: &str) -> Result<Row, String> {
    let values: HashMap<String, serde_json::Value> =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        value @ (serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_)) => Some(value.to_string()),
    };
    Ok(values
        .into_iter()
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect())
}

fn registration(row: &Row, signzy_account: &str, from: NaiveDate) -> Result<Registration, String> {
    let text = |name: &str| row.get(name).map(String::as_str);
    let needed = |name: &str| text(name).ok_or_else(|| format!("{name} is missing"));
    let rail = needed("rail")?;
    let rail =
        Rail::of_word(rail).ok_or_else(|| format!("rail {rail:?} is not upi, card or enach"))?;
    let notify = needed("notify")?;
    let notify = Notify::parse(notify)
        .ok_or_else(|| format!("notify {notify:?} is not separate, provider or none"))?;
    let currency =
        Currency::parse(text("currency").unwrap_or("INR")).map_err(|error| error.to_string())?;
    let amount = |name: &str| {
        text(name)
            .map(|text| Amount::parse(text, currency).map_err(|error| format!("{name}: {error}")))
            .transpose()
    };
    let signzy =
        needed("account")? == signzy_account || (rail, notify) == (Rail::Enach, Notify::Provider);
    let price = amount("amount")?;
    Ok(Registration {
        provider: if signzy {
            ProviderKind::Signzy
        } else {
            ProviderKind::Juspay
        },
        mandate_id: needed("mandate_id")?.to_owned(),
        customer_id: text("customer_id").unwrap_or_default().to_owned(),
        rail,
        notify,
        amount: price,
        max_amount: amount("max_amount")?.or(price),
        currency,
        category: text("category").map(str::to_owned),
        cycle_days: cycle_days(row, from)?,
        frequency: text("frequency").map(str::to_owned),
    })
}

/// By the judge's calendar, not by that of the product. Days are counted in the mandate's own time zone.
fn cycle_days(row: &Row, from: NaiveDate) -> Result<Vec<NaiveDate>, String> {
    let text = |name: &str| row.get(name).map(String::as_str);
    let date = |name: &str| {
        text(name)
            .map(|text| {
                text.parse::<NaiveDate>()
                    .map_err(|error| format!("{name} {text:?}: {error}"))
            })
            .transpose()
    };
    let recurrence = match (text("frequency"), text("cron")) {
        (Some(word), _) => {
            Recurrence::of_word(word).ok_or_else(|| format!("frequency {word:?} is not known"))?
        }
        (None, Some(cron)) => Recurrence::Cron(
            cron.parse()
                .map_err(|error| format!("cron {cron:?}: {error}"))?,
        ),
        (None, None) => return Err("frequency or cron is missing".to_owned()),
    };
    let term = Term {
        recurrence,
        starts_on: date("starts_on")?.ok_or("starts_on is missing")?,
        ends_on: date("ends_on")?,
    };
    let horizon = from
        .checked_add_days(Days::new(HORIZON_DAYS))
        .unwrap_or(NaiveDate::MAX);
    Ok(term.cycle_days(from, horizon))
}
