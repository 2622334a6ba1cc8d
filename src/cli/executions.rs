//! `executions`: add, list, show, retry, skip and resolve them.

use std::io::{self, Write};
use std::pin::pin;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use futures::{Stream, TryStreamExt};

use super::print::times_and_amounts::{age, local, money, utc};
use super::print::{Format, Print, Table, write_json};
use super::{Failure, Justification, one_of};
use crate::compose;
use crate::config::Config;
use crate::domain::day::parse_day;
use crate::domain::machine::decide::operator::OperatorRequestKind;
use crate::domain::resolve::ResolvedAs;
use crate::domain::{ExecutionId, State, Timestamp};
use crate::ops::executions::{
    self, Added, ExecutionFilter, ExecutionLine, OperatorRequest, Presentation,
};
use crate::ops::resolve::{self, ResolutionRequest};
use crate::ops::{OpsError, timeline};

#[derive(Debug, Subcommand)]
pub enum Executions {
    /// Present a cycle: for mandates whose frequency is aspresented, or whose amount varies.
    Add {
        /// The merchant's own reference of the mandate.
        #[arg(value_name = "REF")]
        reference: String,
        /// The cycle's day.
        #[arg(long, value_name = "DATE", value_parser = parse_day)]
        cycle: NaiveDate,
        /// What to collect, such as 499.00; without it, the mandate's own amount.
        #[arg(long)]
        amount: Option<String>,
    },
    /// List executions, the newest first.
    List {
        /// Only those that stand here.
        #[arg(long, value_parser = one_of(State::ALL))]
        state: Option<State>,
        /// Only those of this mandate.
        #[arg(long, value_name = "REF")]
        mandate: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show an execution: every notification, attempt, answer, class and decision.
    Show {
        /// Its number, as in the lists and in the log.
        id: i64,
    },
    /// Have an execution tried sooner than it is planned, or, once it has failed or was skipped, once more while its cycle is open.
    ///
    /// Nothing unlawful is brought forward: windows, gaps, budgets, notifications and look-ups stay as they are, and a new order is
    /// made only when the old one is dead. It says when the next step is, or why there is none.
    Retry {
        /// Its number, as in the lists and in the log.
        id: i64,
        #[command(flatten)]
        justification: Justification,
    },
    /// Leave a cycle out: nothing more of it is notified or debited. Not while a debit of it is open.
    Skip {
        /// Its number, as in the lists and in the log.
        id: i64,
        #[command(flatten)]
        justification: Justification,
    },
    /// Say what became of an execution that is unknown, in review, or pending after its cycle. It cannot be undone.
    ///
    /// Only with evidence of the provider or the bank: what is said here counts as proof, and is kept with your name. As charged, the
    /// cycle has its debit; as failed, the order is looked at once more later, in case it was collected after all; as refunded, what
    /// was collected twice or in excess was given back, and the cycle's own debit stands.
    Resolve(Resolve),
}

/// A person's word.
#[derive(Debug, Args)]
pub struct Resolve {
    /// Its number, as in the lists and in the log.
    pub id: i64,
    /// What became of it.
    #[arg(long = "as", value_parser = one_of(ResolvedAs::ALL))]
    pub resolved_as: ResolvedAs,
    #[command(flatten)]
    pub justification: Justification,
    /// What proves it: a settlement report, a ticket of the provider. Nothing about the payer's person.
    #[arg(long, value_name = "TEXT")]
    pub evidence: String,
    /// The provider's id of the debit. At Signzy a charge needs it, unless the execution has it.
    #[arg(long, value_name = "REF")]
    pub provider_ref: Option<String>,
    /// The order that collected the cycle, where it is not the execution's own: one that `executions show` has.
    #[arg(long, value_name = "ORDER")]
    pub order: Option<String>,
}

pub(super) async fn run(
    config: &Config,
    command: Executions,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let now = compose::clock(config).now();
    match command {
        Executions::Add {
            reference,
            cycle,
            amount,
        } => {
            let presentation = Presentation {
                reference: &reference,
                cycle_on: cycle,
                amount: amount.as_deref(),
                open_days: config.planner.presented_open_days,
            };
            let policy = |provider, rail| config.policy(provider, rail);
            let mut conn = compose::connection(&pool).await?;
            let added = executions::add(&mut conn, &presentation, policy, now).await?;
            added.write(out, format)?;
        }
        Executions::List {
            state,
            mandate,
            limit,
        } => {
            let filter = ExecutionFilter {
                state,
                mandate_ref: mandate,
                limit: i64::from(limit),
            };
            write_list(executions::list(&pool, &filter), now, format, out).await?;
        }
        Executions::Show { id } => {
            let mut conn = compose::connection(&pool).await?;
            let timeline = timeline::of_execution(&mut conn, ExecutionId(id)).await?;
            timeline.write(out, format)?;
        }
        Executions::Retry { id, justification } => {
            let mut conn = compose::connection(&pool).await?;
            let request = request(id, OperatorRequestKind::Retry, &justification, now);
            executions::submit(&mut conn, request)
                .await?
                .write(out, format)?;
        }
        Executions::Skip { id, justification } => {
            let mut conn = compose::connection(&pool).await?;
            let request = request(id, OperatorRequestKind::Skip, &justification, now);
            executions::submit(&mut conn, request)
                .await?
                .write(out, format)?;
        }
        Executions::Resolve(resolution) => {
            let word = ResolutionRequest {
                resolved_as: resolution.resolved_as,
                who: &resolution.justification.who,
                reason: &resolution.justification.reason,
                evidence: &resolution.evidence,
                provider_ref: resolution.provider_ref.as_deref(),
                order: resolution.order.as_deref(),
            };
            let mut conn = compose::connection(&pool).await?;
            let id = ExecutionId(resolution.id);
            let done = resolve::resolve(&mut conn, id, word, now).await?;
            done.write(out, format)?;
        }
    }
    Ok(())
}

fn request(
    id: i64,
    kind: OperatorRequestKind,
    justification: &Justification,
    at: Timestamp,
) -> OperatorRequest<'_> {
    OperatorRequest {
        id: ExecutionId(id),
        kind,
        attribution: justification.attribution(),
        at,
    }
}

/// Prints executions. JSON is written as it is read.
pub async fn write_list(
    rows: impl Stream<Item = Result<ExecutionLine, OpsError>>,
    now: Timestamp,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut rows = pin!(rows);
    let mut shown = Table::new([
        "id", "ref", "cycle", "state", "for", "class", "amount", "order", "next", "at", "reason",
    ])
    .right(0)
    .right(4)
    .right(6);
    while let Some(row) = rows.try_next().await? {
        if format == Format::Json {
            write_json(out, &row)?;
            continue;
        }
        shown.row([
            row.id.to_string(),
            row.mandate_ref,
            row.cycle_on.to_string(),
            row.state,
            age(row.since, now),
            row.class.unwrap_or_else(|| "-".to_owned()),
            money(row.amount_minor, &row.currency),
            row.order_id,
            row.next_step.unwrap_or_else(|| "-".to_owned()),
            utc(row.next_at),
            row.reason,
        ]);
    }
    if format == Format::Text {
        shown.write(out)?;
    }
    Ok(())
}

impl Print for Added {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            execution_id,
            mandate_ref,
            cycle_on,
            amount,
            currency,
            next_step,
            ..
        } = self;
        let at = local(self.next_at, self.zone);
        print_line!(
            out,
            "execution {execution_id}: {amount} {currency} for {mandate_ref}, cycle {cycle_on}; next: {next_step} at {at}"
        )
    }
}

impl Print for executions::GrantedExecution {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let executions::GrantedRequest {
            mandate_ref,
            cycle_on,
            order_id,
            from,
            to,
            next_step,
            next_at,
        } = &self.granted;
        let id = self.execution_id;
        let became = if from == to {
            format!("still {to}")
        } else {
            format!("{from} became {to}")
        };
        print_line!(
            out,
            "execution {id}, cycle {cycle_on} of {mandate_ref}: {became}"
        )?;
        match next_step {
            Some(step) => print_line!(out, "next: {step} of order {order_id} at {}", utc(*next_at)),
            None => Ok(()),
        }
    }
}

impl Print for resolve::RecordedResolution {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let resolve::Resolution {
            mandate_ref,
            cycle_on,
            order_id,
            from,
            to,
            is_debit,
            recheck_at,
        } = &self.resolution;
        let id = self.execution_id;
        print_line!(
            out,
            "execution {id}, cycle {cycle_on} of {mandate_ref}: {from} became {to}"
        )?;
        if *is_debit {
            print_line!(out, "the debit of order {order_id} is on record")?;
        }
        if recheck_at.is_some() {
            let at = utc(*recheck_at);
            print_line!(out, "the provider is asked once more at {at}")?;
        }
        Ok(())
    }
}
