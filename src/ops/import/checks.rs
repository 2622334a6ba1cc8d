//! From a row to a mandate: every column is checked, and everything that is wrong with it is said at once.

use super::cells::{Cells, CheckMetadata};
use super::first_cycle::Planning;
use super::raw_row::RawRow;
use super::report::Problem;
use crate::domain::schedule::Schedule;
use crate::domain::shown::Shown;
use crate::domain::{Amount, Rail, identifier};
use crate::store::import::{Account, NewMandate};

/// What rows are checked against.
pub(super) struct Checks<'a> {
    pub(super) accounts: Vec<Account>,
    pub(super) check_metadata: CheckMetadata<'a>,
    pub(super) planning: Planning<'a>,
}

impl Checks<'_> {
    /// The mandate of a row, or everything that is wrong with it.
    pub(super) fn check(&mut self, row: RawRow) -> Result<NewMandate, Vec<Problem>> {
        let mut cells = Cells::from(row);
        let mandate = self.mandate(&mut cells);
        match mandate {
            Some(mandate) if cells.problems.is_empty() => Ok(mandate),
            Some(_) | None => Err(cells.problems),
        }
    }

    /// Reads every column before it gives up, so that every problem of the row is found.
    fn mandate(&mut self, cells: &mut Cells) -> Option<NewMandate> {
        let reference = cells.id("ref", identifier::check_own);
        let account = self.account(cells);
        let provider = account.as_ref().map(|account| account.provider);
        let mandate_id = cells.id("mandate_id", |id| {
            identifier::check_mandate_id(provider, id)
        });
        let customer_id = cells.customer_id(provider);
        let rail = cells.one_of("rail", Rail::ALL, Rail::as_str);
        let category = cells.category();
        let notify = cells.notify(provider, rail, category.as_deref());
        let terms = cells.terms(provider, rail);
        let currency = cells.currency(provider, rail);
        let money = cells.money(currency, terms.as_ref());
        let description = cells.description();
        let metadata = cells.metadata(provider, self.check_metadata);

        let (account, rail, notify, terms, money) = (account?, rail?, notify?, terms?, money?);
        let (frequency, cron) = match &terms.schedule {
            Schedule::Every(frequency) => (Some(frequency.as_str()), None),
            Schedule::Cron(cron) => (None, Some(cron.as_str().to_owned())),
        };
        Some(NewMandate {
            line: cells.line,
            reference: reference?,
            account_id: account.id,
            provider: account.provider.as_str(),
            provider_mandate_id: mandate_id?,
            customer_id: customer_id?,
            rail: rail.as_str(),
            notify: notify.as_str(),
            amount_minor: money.amount.map(Amount::minor),
            max_amount_minor: money.max.minor(),
            currency: money.max.currency().as_str().to_owned(),
            frequency,
            cron,
            time_zone: terms.time_zone.name(),
            starts_on: terms.starts_on,
            ends_on: terms.ends_on,
            debit_at: terms.debit_at,
            category,
            description,
            metadata: metadata?,
            cursor: self.planning.first(&terms, account.provider, rail, notify),
        })
    }

    fn account(&self, cells: &mut Cells) -> Option<Account> {
        let name = cells.required("account")?;
        let found = self.accounts.iter().find(|account| account.name == name);
        if found.is_none() {
            let names: Vec<&str> = self
                .accounts
                .iter()
                .map(|account| account.name.as_str())
                .collect();
            let reason = if names.is_empty() {
                "is not configured; no account is: add [accounts.NAME] to the configuration"
                    .to_owned()
            } else {
                format!(
                    "{} is not a configured account; there is {}",
                    Shown(&name),
                    names.join(", ")
                )
            };
            cells.bad("account", reason);
        }
        found.cloned()
    }
}
