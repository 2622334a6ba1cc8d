//! `recover`: what came of each account, and what no provider can tell.

use std::io::{self, Write};

use anyhow::anyhow;
use clap::Args;

use super::print::times_and_amounts::utc;
use super::print::{Format, Print, ProgressBar, write_json};
use super::{Failure, Justification};
use crate::compose;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::ops::recover::{
    AccountReport, NotListed, RecoveryProgress, RecoveryReport, RecoveryRequest, UnownedPayments,
    recover,
};

const LOOKED_UP: &str = "executions looked up";
const COMPARED: &str = "mandates compared with their payments";

#[derive(Debug, Args)]
pub struct Recover {
    /// What was sent from this time on may be forgotten (RFC 3339): when the dump was taken, or some minutes before the fail-over.
    #[arg(long, value_name = "TIME")]
    since: Timestamp,
    /// Only these accounts; without it, all that are configured.
    #[arg(long = "account", value_name = "NAME", num_args = 1..)]
    accounts: Vec<String>,
    #[command(flatten)]
    justification: Justification,
}

pub(super) async fn run(
    config: &Config,
    asked: &Recover,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let clock = compose::clock(config);
    let request = RecoveryRequest {
        accounts: &asked.accounts,
        since: asked.since,
        attribution: asked.justification.attribution(),
    };
    let bar = ProgressBar::of(LOOKED_UP);
    let report = recover(config, &pool, &clock, request, &|progress| {
        match progress {
            RecoveryProgress::Waiting(until) => bar.say(format!(
                "waiting until {}, for the provider may not have processed what was sent before; executions looked up:",
                utc(Some(until))
            )),
            RecoveryProgress::Asked(progress) => {
                bar.say(LOOKED_UP);
                bar.show(progress);
            }
            RecoveryProgress::Compared(progress) => {
                bar.say(COMPARED);
                bar.show(progress);
            }
        }
    })
    .await;
    drop(bar);
    let report = report?;
    report.write(out, format)?;
    if report.is_over() {
        return Ok(());
    }
    let open = report.accounts.iter().filter(|account| !account.is_over);
    let names: Vec<&str> = open.map(|account| account.account.as_str()).collect();
    let error = anyhow!(
        "{}: still recovering, for not everything was answered",
        names.join(", ")
    );
    let hint = "run the same command again: it asks about what is left; until then nothing of these accounts is notified or debited";
    Err(Failure::anyhow(error, hint))
}

impl Print for RecoveryReport {
    fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        match format {
            Format::Json => self
                .accounts
                .iter()
                .try_for_each(|account| write_json(out, account)),
            Format::Text => self.write_text(out),
        }
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for account in &self.accounts {
            write_account(account, out)?;
        }
        print_line!(
            out,
            "No provider can tell what only you know. If they are younger than the dump and were not imported again before:"
        )?;
        print_line!(
            out,
            "  mandates, and changes, pauses and ends of mandates: import or change them again"
        )?;
        print_line!(
            out,
            "  cycles that were added by `executions add`: add them again, and then run this command once more"
        )?;
        print_line!(
            out,
            "  cycles that were skipped, outcomes that were resolved, pauses of accounts and rails: do them again before a daemon starts"
        )
    }
}

fn write_account(report: &AccountReport, out: &mut dyn Write) -> io::Result<()> {
    let AccountReport {
        account,
        since,
        is_over,
        counts,
        without_answer,
        again_at,
        presented,
        unowned,
        not_listed,
    } = report;
    if let Some(counts) = counts {
        print_line!(
            out,
            "{account}: {} executions looked up since {}: {} found collected, {} found and not collected, {} as known, \
             {} sent to review, {} not found",
            counts.looked_up,
            utc(Some(*since)),
            counts.collected,
            counts.not_collected,
            counts.known,
            counts.review,
            counts.not_found
        )?;
    }
    for (why, count) in without_answer {
        print_line!(out, "{account}: {count} without an answer: {why}")?;
    }
    if let Some(at) = again_at {
        print_line!(
            out,
            "{account}: the last of them may be asked about at {}",
            utc(Some(*at))
        )?;
    }
    if let Some(presented) = presented
        && presented.mandates > 0
    {
        let last = presented
            .last_cycle_on
            .map_or_else(|| "none".to_owned(), |on| on.to_string());
        print_line!(
            out,
            "{account}: {} mandates whose cycles you present; the last one that this database knows of: {last}",
            presented.mandates
        )?;
    }
    for NotListed { reference, why } in not_listed {
        print_line!(
            out,
            "{account}: mandate {reference}: its payments were not listed: {why}"
        )?;
    }
    for mandate in unowned {
        write_unowned(account, mandate, out)?;
    }
    if *is_over {
        return print_line!(out, "{account}: recovered, its money may move again");
    }
    print_line!(
        out,
        "{account}: STILL RECOVERING, nothing of it is notified or debited"
    )
}

/// Nothing of the mandate moves before a person has said what its payments were for.
fn write_unowned(account: &str, mandate: &UnownedPayments, out: &mut dyn Write) -> io::Result<()> {
    let UnownedPayments {
        reference,
        status,
        payments,
    } = mandate;
    for payment in payments {
        let amount = payment.amount.as_deref().unwrap_or("amount not stated");
        let on = payment
            .on
            .map_or_else(String::new, |on| format!(" on {on}"));
        print_line!(
            out,
            "{account}: mandate {reference} ({status}): payment {}{on}, {amount}, {} is of no execution here",
            payment.id,
            payment.status
        )?;
    }
    print_line!(
        out,
        "{account}: mandate {reference}: look at its payments in the provider's dashboard. Skip the cycle that is paid, if there is one \
         (`mandated executions skip`); then `mandated mandates resume {reference}`"
    )
}
