//! What an operator does to accounts, rails and executions.

use std::io::Write;

use anyhow::Context;
use sqlx::PgPool;

use super::{Failure, engine};
use crate::admin::{self, Format};
use crate::cli::{Accounts, Executions, Rails, Word};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ExecutionId;
use crate::domain::machine::decide::operator::Wish;
use crate::store::listing::ExecutionFilter;
use crate::store::operate::Wished;
use crate::store::operations::Said;
use crate::store::{self, resolve};

impl Word {
    pub(super) fn said(&self) -> Said<'_> {
        Said {
            who: &self.who,
            reason: &self.reason,
        }
    }
}

pub(super) async fn accounts(
    config: &Config,
    command: &Accounts,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let pool = engine::connect_checked(config).await?;
    let now = Clock::System.now();
    let mut connection = store::planning::acquire(&pool).await?;
    let conn = &mut connection;
    let done = match command {
        Accounts::List => return Ok(admin::accounts::list(&pool, now, format, out).await?),
        Accounts::Pause { said, lasting } => {
            let (name, said) = (said.account.as_deref(), said.word.said());
            admin::accounts::pause(conn, name, said, *lasting, now).await?
        }
        Accounts::Resume { said } => {
            let (name, said) = (said.account.as_deref(), said.word.said());
            admin::accounts::resume(conn, name, said, now).await?
        }
    };
    Ok(done.write(out, format).context("print the result")?)
}

pub(super) async fn rails(
    config: &Config,
    command: &Rails,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let pool = engine::connect_checked(config).await?;
    let now = Clock::System.now();
    let mut connection = store::planning::acquire(&pool).await?;
    let conn = &mut connection;
    match command {
        Rails::List => admin::rails::list(&pool, now, format, out).await?,
        Rails::Pause {
            rail,
            lasting,
            word,
        } => admin::rails::pause(conn, *rail, word.said(), *lasting, now, out).await?,
        Rails::Resume { rail, word } => {
            admin::rails::resume(conn, *rail, word.said(), now, out).await?;
        }
    }
    Ok(())
}

async fn operate(
    pool: &PgPool,
    id: i64,
    wish: Wish,
    word: &Word,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let wished = Wished {
        id: ExecutionId(id),
        wish,
        said: word.said(),
        at: Clock::System.now(),
    };
    let mut connection = store::planning::acquire(pool).await?;
    let done = admin::operate::wish(&mut connection, wished).await?;
    Ok(done.write(out, format).context("print the result")?)
}

pub(super) async fn executions(
    config: &Config,
    command: Executions,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let pool = engine::connect_checked(config).await?;
    match command {
        Executions::Add {
            reference,
            cycle,
            amount,
        } => {
            let presentation = admin::executions::Presentation {
                reference: &reference,
                cycle_on: cycle,
                amount: amount.as_deref(),
                open_days: config.planner.presented_open_days,
            };
            let policy = |provider, rail| config.policy(provider, rail);
            let mut connection = store::planning::acquire(&pool).await?;
            let now = Clock::System.now();
            let added = admin::executions::add(&mut connection, &presentation, policy, now).await?;
            added.write(out, format).context("print the execution")?;
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
            let now = Clock::System.now();
            admin::executions::list(&pool, &filter, now, format, out).await?;
        }
        Executions::Show { id } => {
            let mut connection = store::planning::acquire(&pool).await?;
            admin::timeline::of_execution(&mut connection, ExecutionId(id))
                .await?
                .write(out, format)?;
        }
        Executions::Retry { id, word } => {
            operate(&pool, id, Wish::Retry, &word, format, out).await?;
        }
        Executions::Skip { id, word } => {
            operate(&pool, id, Wish::Skip, &word, format, out).await?;
        }
        Executions::Resolve(said) => {
            let word = resolve::Word {
                resolved_as: said.resolved_as,
                who: &said.word.who,
                reason: &said.word.reason,
                evidence: &said.evidence,
                provider_ref: said.provider_ref.as_deref(),
            };
            let mut connection = store::planning::acquire(&pool).await?;
            let (id, now) = (ExecutionId(said.id), Clock::System.now());
            let done = admin::resolve::resolve(&mut connection, id, word, now).await?;
            done.write(out, format).context("print the result")?;
        }
    }
    Ok(())
}
