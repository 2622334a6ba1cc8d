//! From text columns to the types of the core. What the constraints forbid is reported, not guessed.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use tracing::error;

use super::StoreError;
use crate::domain::cycle::Terms;
use crate::domain::mandate::check_currency;
use crate::domain::schedule::{CronSchedule, Frequency, Schedule};
use crate::domain::{Amount, Currency, Period, ProviderKind, Rail};

/// Turns a column's word into a value of one of our enums.
pub(super) fn word<T>(
    table: &str,
    id: i64,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| corrupt(table, id, format!("{text:?} is not a word of ours")))
}

pub(super) fn corrupt(table: &str, id: i64, why: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        what: format!("read {table} {id}"),
        why: why.into(),
    }
}

/// The rows that can be read. Of the others each says so in the log, every time: one of them must not hold up everybody else's.
pub(super) fn readable<T>(rows: impl Iterator<Item = Result<T, StoreError>>) -> Vec<T> {
    let log = |problem: &StoreError| error!(error = %problem, "this row is left out");
    rows.filter_map(|row| row.inspect_err(log).ok()).collect()
}

pub(super) fn count(table: &str, id: i64, number: i16) -> Result<u16, StoreError> {
    u16::try_from(number).map_err(|_negative| corrupt(table, id, format!("{number} is negative")))
}

pub(super) fn amount(
    table: &str,
    id: i64,
    minor: i64,
    currency: &str,
) -> Result<Amount, StoreError> {
    let currency =
        Currency::parse(currency).map_err(|error| corrupt(table, id, error.to_string()))?;
    Amount::new(minor, currency).ok_or_else(|| corrupt(table, id, format!("{minor} is no amount")))
}

pub(super) fn period(table: &str, id: i64, name: &str) -> Result<Period, StoreError> {
    name.parse()
        .map_err(|error| corrupt(table, id, format!("period {name:?}: {error}")))
}

/// The currency of a mandate, if its provider collects it on its rail: the table's constraints are not the only guard.
pub(super) fn currency(
    id: i64,
    text: &str,
    provider: ProviderKind,
    rail: Rail,
) -> Result<Currency, StoreError> {
    let bad = |why: String| corrupt("mandate", id, why);
    let currency = Currency::parse(text).map_err(|error| bad(error.to_string()))?;
    check_currency(provider, rail, currency).map_err(|why| bad(format!("{text}: {why}")))?;
    Ok(currency)
}

/// The columns of `mandates` that its cycles follow from.
#[derive(Debug)]
pub(super) struct TermsRow<'a> {
    pub(super) id: i64,
    pub(super) frequency: Option<&'a str>,
    pub(super) cron: Option<&'a str>,
    pub(super) time_zone: &'a str,
    pub(super) starts_on: NaiveDate,
    pub(super) ends_on: Option<NaiveDate>,
    pub(super) debit_at: NaiveTime,
}

pub(super) fn terms(row: &TermsRow<'_>) -> Result<Terms, StoreError> {
    let bad = |why: String| corrupt("mandate", row.id, why);
    let schedule = match (row.frequency, row.cron) {
        (Some(frequency), _) => {
            Schedule::Every(word("mandate", row.id, frequency, Frequency::parse)?)
        }
        (None, Some(cron)) => Schedule::Cron(Box::new(
            CronSchedule::parse(cron).map_err(|error| bad(error.to_string()))?,
        )),
        (None, None) => {
            return Err(bad(
                "it has neither a frequency nor a cron expression".to_owned()
            ));
        }
    };
    Ok(Terms {
        schedule,
        starts_on: row.starts_on,
        ends_on: row.ends_on,
        time_zone: row
            .time_zone
            .parse::<Tz>()
            .map_err(|error| bad(error.to_string()))?,
        debit_at: row.debit_at,
    })
}
