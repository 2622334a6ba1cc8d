//! The cells of one row, column by column: each is read, checked, and complained about in its own words.

use std::fmt::Display;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::json::json_words;
use super::raw_row::RawRow;
use super::report::Problem;
use crate::domain::cycle::Terms;
use crate::domain::day::{parse_day, parse_time_of_day};
use crate::domain::identifier::{self, IdError};
use crate::domain::mandate::{check_currency, check_flow, check_frequency};
use crate::domain::money::MoneyError;
use crate::domain::nearest::nearest;
use crate::domain::schedule::{CronSchedule, Frequency, Schedule};
use crate::domain::shown::Shown;
use crate::domain::unseen::{name_of_unseen, turns_text};
use crate::domain::{Amount, Currency, Metadata, Notify, ProviderKind, Rail, zone};

/// Whether a provider takes these fields, and if not, why.
pub(super) type CheckMetadata<'a> =
    &'a (dyn Fn(ProviderKind, &Map<String, Value>) -> Result<(), String> + Sync);

/// What a payer may be told, in characters ("Juspay Notification API", `description`: at most 50). Signzy is sent none.
const LONGEST_DESCRIPTION: usize = 50;

/// Both amounts of a mandate.
pub(super) struct Money {
    pub(super) amount: Option<Amount>,
    pub(super) max: Amount,
}

/// The cells of a row while they are read.
pub(super) struct Cells {
    pub(super) line: u64,
    texts: Vec<(&'static str, String)>,
    pub(super) problems: Vec<Problem>,
}

impl From<RawRow> for Cells {
    fn from(row: RawRow) -> Self {
        Self {
            line: row.line,
            texts: row.cells,
            problems: row.problems,
        }
    }
}

impl Cells {
    pub(super) fn bad(&mut self, column: &str, reason: impl Into<String>) {
        self.problems
            .push(Problem::new(self.line, Some(column), reason.into()));
    }

    pub(super) fn get(&self, column: &str) -> Option<String> {
        self.texts
            .iter()
            .find(|(name, _)| *name == column)
            .map(|(_, text)| text.clone())
    }

    /// Whether the column's cell was complained about already, and so is not missing.
    fn is_bad(&self, column: &str) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.column.as_deref() == Some(column))
    }

    pub(super) fn required(&mut self, column: &str) -> Option<String> {
        let text = self.get(column);
        if text.is_none() && !self.is_bad(column) {
            self.bad(column, "is missing");
        }
        text
    }

    /// A value, with its error as the problem. The outer option is whether the row can go on.
    fn take<T, E: Display>(&mut self, column: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| self.bad(column, error.to_string()))
            .ok()
    }

    /// An id: the merchant's own, or the provider's.
    pub(super) fn id(
        &mut self,
        column: &str,
        check: impl Fn(&str) -> Result<(), IdError>,
    ) -> Option<String> {
        let text = self.required(column)?;
        self.take(column, check(&text))?;
        Some(text)
    }

    pub(super) fn customer_id(&mut self, provider: Option<ProviderKind>) -> Option<String> {
        if provider != Some(ProviderKind::Juspay) && self.get("customer_id").is_none() {
            return Some(String::new());
        }
        self.id("customer_id", identifier::check_own)
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        column: &str,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.required(column)?;
        let found = all.iter().copied().find(|value| word(*value) == text);
        if found.is_none() {
            let words: Vec<&str> = all.iter().map(|value| word(*value)).collect();
            let meant = nearest(&text, words.iter().copied());
            let hint = meant
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            self.bad(
                column,
                format!("{} is none of {}{hint}", Shown(&text), words.join(", ")),
            );
        }
        found
    }

    pub(super) fn category(&mut self) -> Option<String> {
        let text = self.get("category")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if text.len() > 40 || !text.chars().all(plain) {
            self.bad(
                "category",
                format!(
                    "{} is not a word of at most 40 lower-case letters, digits and _, such as fastag",
                    Shown(&text)
                ),
            );
        }
        Some(text)
    }

    pub(super) fn notify(
        &mut self,
        provider: Option<ProviderKind>,
        rail: Option<Rail>,
        category: Option<&str>,
    ) -> Option<Notify> {
        let implied = provider == Some(ProviderKind::Juspay) && rail == Some(Rail::Enach);
        if implied && self.get("notify").is_none() {
            return Some(Notify::None);
        }
        let notify = self.one_of("notify", Notify::ALL, Notify::as_str)?;
        let (provider, rail) = (provider?, rail?);
        let column = match (provider, rail) {
            (ProviderKind::Signzy, Rail::Upi | Rail::Card) => "rail",
            (ProviderKind::Signzy, Rail::Enach)
            | (ProviderKind::Juspay, Rail::Upi | Rail::Card | Rail::Enach) => "notify",
        };
        self.take(column, check_flow(provider, rail, notify, category))?;
        Some(notify)
    }

    pub(super) fn terms(
        &mut self,
        provider: Option<ProviderKind>,
        rail: Option<Rail>,
    ) -> Option<Terms> {
        let schedule = self.schedule();
        if let (Some(rail), Some(schedule)) = (rail, &schedule) {
            self.take("frequency", check_frequency(rail, schedule));
        }
        let time_zone = self.time_zone(provider);
        let starts_on = self
            .required("starts_on")
            .and_then(|text| self.date("starts_on", &text));
        let ends_on = match self.get("ends_on") {
            None => Some(None),
            Some(text) => self.date("ends_on", &text).map(Some),
        };
        let debit_at = self.debit_at(schedule.as_ref());
        let (starts_on, ends_on) = (starts_on?, ends_on?);
        if let Some(end) = ends_on.filter(|end| *end < starts_on) {
            self.bad("ends_on", format!("{end} is before starts_on, {starts_on}"));
        }
        Some(Terms {
            schedule: schedule?,
            starts_on,
            ends_on,
            time_zone: time_zone?,
            debit_at: debit_at?,
        })
    }

    fn schedule(&mut self) -> Option<Schedule> {
        match (self.get("frequency"), self.get("cron")) {
            (Some(_), Some(_)) => {
                self.bad("cron", "is there beside frequency: give one of the two");
                None
            }
            (None, Some(expression)) => {
                let parsed = CronSchedule::parse(&expression);
                self.take("cron", parsed)
                    .map(|cron| Schedule::Cron(Box::new(cron)))
            }
            (Some(_), None) => self
                .one_of("frequency", Frequency::ALL, Frequency::as_str)
                .map(Schedule::Every),
            (None, None) => {
                self.bad("frequency", "is missing, and so is cron");
                None
            }
        }
    }

    /// Signzy's payments have a day in India and no time: of a mandate with other days they would be taken for another cycle's.
    fn time_zone(&mut self, provider: Option<ProviderKind>) -> Option<Tz> {
        let Some(name) = self.get("time_zone") else {
            return Some(Tz::Asia__Kolkata);
        };
        let zone = self.take("time_zone", zone::parse(&name))?;
        let is_indian = matches!(zone, Tz::Asia__Kolkata | Tz::Asia__Calcutta);
        if provider == Some(ProviderKind::Signzy) && !is_indian {
            self.bad(
                "time_zone",
                format!("{zone}: Signzy counts days in India; write Asia/Kolkata, and debit_at in its time"),
            );
            return None;
        }
        Some(zone)
    }

    fn date(&mut self, column: &str, text: &str) -> Option<NaiveDate> {
        self.take(column, parse_day(text))
    }

    fn debit_at(&mut self, schedule: Option<&Schedule>) -> Option<NaiveTime> {
        let Some(text) = self.get("debit_at") else {
            return NaiveTime::from_hms_opt(6, 0, 0);
        };
        if let Some(Schedule::Cron(_)) = schedule {
            self.bad(
                "debit_at",
                "is there beside cron, which has its own time of day: leave it out",
            );
            return None;
        }
        self.take("debit_at", parse_time_of_day(&text))
    }

    /// A currency that the provider collects on the rail.
    pub(super) fn currency(
        &mut self,
        provider: Option<ProviderKind>,
        rail: Option<Rail>,
    ) -> Option<Currency> {
        let Some(code) = self.get("currency") else {
            return Some(Currency::INR);
        };
        let Ok(currency) = Currency::parse(&code) else {
            let meant = nearest(&code, Currency::codes()).filter(|_| code.len() > 2);
            let meant = if code.to_lowercase().starts_with('r') || code.contains('₹') {
                Some("INR")
            } else {
                meant
            };
            let hint = meant
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            let why = MoneyError::Currency(code);
            self.bad("currency", format!("{why}{hint}"));
            return None;
        };
        if let (Some(provider), Some(rail)) = (provider, rail)
            && let Err(why) = check_currency(provider, rail, currency)
        {
            self.bad(
                "currency",
                format!("{} cannot be collected: {why}", Shown(&code)),
            );
            return None;
        }
        Some(currency)
    }

    pub(super) fn money(
        &mut self,
        currency: Option<Currency>,
        terms: Option<&Terms>,
    ) -> Option<Money> {
        let currency = currency?;
        let amount = self.amount("amount", currency);
        let max = self.amount("max_amount", currency);
        let presented =
            terms.is_none_or(|terms| terms.schedule == Schedule::Every(Frequency::Aspresented));
        let (amount, max) = (amount?, max?);
        if amount.is_none() && !presented {
            self.bad(
                "amount",
                "is missing: only a mandate whose frequency is aspresented has no fixed amount",
            );
            return None;
        }
        let Some(max) = max.or(amount) else {
            self.bad(
                "max_amount",
                "is missing, and there is no amount to take its place",
            );
            return None;
        };
        if let Some(amount) = amount.filter(|amount| amount.minor() > max.minor()) {
            self.bad("amount", format!("{amount} is more than max_amount, {max}"));
        }
        Some(Money { amount, max })
    }

    /// An optional amount: the outer option is whether the cell can be read.
    #[expect(clippy::option_option, reason = "not there and not readable differ")]
    fn amount(&mut self, column: &str, currency: Currency) -> Option<Option<Amount>> {
        match self.get(column) {
            None if self.is_bad(column) => None,
            None => Some(None),
            Some(text) => self.take(column, Amount::parse(&text, currency)).map(Some),
        }
    }

    pub(super) fn description(&mut self) -> String {
        let text = self.get("description").unwrap_or_default();
        let length = text.chars().count();
        let turns = text.chars().find(|c| turns_text(*c));
        if length > LONGEST_DESCRIPTION {
            let reason = format!(
                "is longer than the {LONGEST_DESCRIPTION} characters that a payer is shown: it has {length}"
            );
            self.bad("description", reason);
        } else if let Some(name) = turns.and_then(name_of_unseen) {
            let reason = format!(
                "{} has a character that cannot be shown, {name}: leave it out",
                Shown(&text)
            );
            self.bad("description", reason);
        }
        text
    }

    pub(super) fn metadata(
        &mut self,
        provider: Option<ProviderKind>,
        check: CheckMetadata<'_>,
    ) -> Option<Metadata> {
        let Some(text) = self.get("metadata") else {
            return Some(Metadata::default());
        };
        let map: Map<String, Value> = match serde_json::from_str(&text) {
            Ok(map) => map,
            Err(error) => {
                self.bad(
                    "metadata",
                    format!(
                        "{} is not a JSON object such as {{\"udf1\": \"text\"}}: {}",
                        Shown(&text),
                        json_words(&error)
                    ),
                );
                return None;
            }
        };
        if let Some(provider) = provider {
            self.take("metadata", check(provider, &map))?;
        }
        Some(map.into())
    }
}
