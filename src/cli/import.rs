//! `mandates import`: reads a file, or standard input, and prints what came of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use chrono::SecondsFormat;

use super::Failure;
use super::print::{Format, Print, ProgressBar};
use crate::compose;
use crate::config::Config;
use crate::ops::import::{COLUMNS, Column, EndedRecovery, Report, import_configured};

/// Bad rows are a failure unless they are to be skipped.
pub(super) async fn run(
    config: &Config,
    path: &Path,
    skip_invalid: bool,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let input: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        Box::new(file)
    };
    let pool = compose::connect_checked(config).await?;
    compose::register_accounts(config, &pool).await?;
    // What is still to come is so by the clock that the daemon will live by.
    let now = compose::clock(config).now();
    let bar = ProgressBar::of("rows");
    let show = |progress| bar.show(progress);
    let report = import_configured(config, &pool, input, now, skip_invalid, &show)
        .await
        .context("import the mandates")?;
    drop(bar);
    report.write(out, format)?;
    if report.kept {
        return Ok(());
    }
    Err(Failure::anyhow(
        anyhow::anyhow!("nothing was imported: {} rows are bad", report.invalid),
        "correct them, or take the good rows with --skip-invalid",
    ))
}

/// The columns for a help text, one a line.
pub(super) fn columns() -> String {
    let line = |column: &Column| {
        format!(
            "{:<12} {} ({})\n",
            column.name, column.about, column.when_empty
        )
    };
    COLUMNS.iter().map(line).collect()
}

impl Print for Report {
    /// The problems, then one line that sums up.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for problem in &self.problems {
            print_line!(out, "{problem}")?;
        }
        if self.unlisted > 0 {
            print_line!(out, "and {} more", self.unlisted)?;
        }
        let Self {
            imported,
            unchanged,
            invalid,
            ..
        } = self;
        if self.kept {
            print_line!(
                out,
                "{imported} imported, {unchanged} unchanged, {invalid} invalid"
            )?;
            if let Some(room) = &self.first_short_room {
                print_line!(
                    out,
                    "note: {} of them leave few days for retries: {room} (`mandated plan REF` says it of each)",
                    self.short_rooms
                )?;
            }
            for recovery in &self.recovered_before {
                let EndedRecovery { account, since } = recovery;
                print_line!(
                    out,
                    "warning: account {account} was recovered already. If any of these mandates was registered before that, run \
                     `mandated recover --account {account} --since {}` before a daemon debits it a second time.",
                    since.to_rfc3339_opts(SecondsFormat::Secs, true)
                )?;
            }
            Ok(())
        } else {
            let rows = if *invalid == 1 { "row" } else { "rows" };
            print_line!(
                out,
                "Nothing was imported: {invalid} bad {rows}. Mend them, or take only the good ones with --skip-invalid."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::import::Problem;

    #[test]
    fn the_help_documents_every_column() {
        insta::assert_snapshot!(columns(), @r"
        ref          your own reference for the mandate, unique, at most 100 characters (required)
        account      the name of a configured account ([accounts.NAME]) (required)
        mandate_id   the provider's id: Juspay mandate_id, Signzy subReferenceId (required)
        customer_id  Juspay's customer_id (required for Juspay)
        rail         upi, card or enach (required)
        notify       who notifies the payer: separate, provider or none (none for enach at Juspay, else required)
        amount       what a cycle costs, decimal text such as 499.00 (required unless frequency is aspresented)
        max_amount   the most that one debit may take (the amount)
        currency     three-letter ISO code of both amounts; INR, except for cards at Juspay (INR)
        frequency    onetime, daily, weekly, fortnightly, monthly, bimonthly, quarterly, halfyearly, yearly or aspresented (cron is required)
        cron         a cron expression that fires at most once a day, in time_zone (frequency is required)
        time_zone    IANA name; days and times of the mandate are counted in it (Asia/Kolkata)
        starts_on    the first day, YYYY-MM-DD, which frequencies are anchored to; cycles whose debit time has passed at the import are left alone (required)
        ends_on      the last day, itself included, YYYY-MM-DD (no end)
        debit_at     local time of day to debit at, HH:MM; a cron expression has its own (06:00)
        category     a word such as fastag, ncmc or insurance: limits and exemptions hang on it (none)
        description  shown to the payer, at most 50 characters (none)
        metadata     a JSON object of order.* and udf fields to send ({})
        ");
    }

    #[test]
    fn the_problems_that_are_not_listed_are_counted() {
        let problem = Problem {
            line: 100,
            column: Some("amount".to_owned()),
            reason: "is missing".to_owned(),
        };
        let report = Report {
            invalid: 150,
            problems: vec![problem],
            unlisted: 50,
            ..Report::default()
        };
        let mut out = Vec::new();
        report.write_text(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        line 100, amount: is missing
        and 50 more
        Nothing was imported: 150 bad rows. Mend them, or take only the good ones with --skip-invalid.
        ");
    }
}
