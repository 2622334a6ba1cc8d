//! What came of all executions: the figures at the end of a demo.

use std::collections::BTreeMap;

use anyhow::Context;
use mandated::domain::{State, Timestamp};
use mandated::store::pool::DatabasePool;

/// How many executions stand in a state, and what they are worth.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct StateTotal {
    pub(crate) state: String,
    pub(crate) executions: i64,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
}

/// One total for every state and currency that occurs.
pub(crate) async fn by_state(pool: &DatabasePool) -> Result<Vec<StateTotal>, anyhow::Error> {
    sqlx::query_as!(
        StateTotal,
        r#"select state as "state!", count(*) as "executions!", sum(amount_minor)::bigint as "amount_minor!", currency as "currency!"
             from mandated.execution_status group by state, currency order by state, currency"#
    )
    .fetch_all(pool)
    .await
    .context("add up the executions")
}

/// One cycle: where it stands, and why its first debit failed, if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CycleEnd {
    pub(crate) provider_mandate_id: String,
    pub(crate) cycle_on: chrono::NaiveDate,
    pub(crate) debit_at: Timestamp,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) charged: bool,
    pub(crate) open: bool,
    /// The class of the first answer that proved a debit failed. One that proved nothing is no failure yet.
    pub(crate) class: Option<String>,
}

/// Every cycle, in the order of debit times.
pub(crate) async fn cycles(pool: &DatabasePool) -> Result<Vec<CycleEnd>, anyhow::Error> {
    sqlx::query_as!(
        CycleEnd,
        r#"with first as (
             select distinct on (execution_id) execution_id, class from mandated.attempts
              where call in ('execute', 'retry', 'order_status') and outcome in ('failed', 'refused', 'reversed', 'unrecognized')
                and class not in ('in_flight', 'already_collected', 'nothing_to_retry')
              order by execution_id, id
           )
           select m.provider_mandate_id as "provider_mandate_id!", e.cycle_on as "cycle_on!", e.debit_at as "debit_at!",
                  e.amount_minor as "amount_minor!", e.currency as "currency!", e.state = 'charged' as "charged!",
                  e.finished_at is null as "open!", f.class as "class?"
             from mandated.executions e
             join mandated.mandates m on m.id = e.mandate_id
             left join first f on f.execution_id = e.id
            order by e.debit_at, m.provider_mandate_id"#
    )
    .fetch_all(pool)
    .await
    .context("read what became of the cycles")
}

/// Why cycles ended without a collection, in our words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct EndTotal {
    pub(crate) state: String,
    pub(crate) class: Option<String>,
    pub(crate) executions: i64,
    pub(crate) amount_minor: i64,
    /// One of the reasons, as an example.
    pub(crate) example: String,
}

pub(crate) async fn by_end(pool: &DatabasePool) -> Result<Vec<EndTotal>, anyhow::Error> {
    sqlx::query_as!(
        EndTotal,
        r#"select state as "state!", class, count(*) as "executions!", sum(amount_minor)::bigint as "amount_minor!",
                  (array_agg(reason order by id))[1] as "example!"
             from mandated.executions where state in ('failed', 'expired', 'skipped', 'review')
            group by state, class order by count(*) desc, state, class"#
    )
    .fetch_all(pool)
    .await
    .context("add up what was given up")
}

/// One of our debits, as the other side's ledger names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OurDebit {
    pub(crate) amount_minor: i64,
    pub(crate) cycle_on: chrono::NaiveDate,
}

/// Every debit by the provider's mandate id and what the provider calls the debit: Juspay the order, Signzy the payment.
pub(crate) async fn debits(
    pool: &DatabasePool,
) -> Result<BTreeMap<(String, String), OurDebit>, anyhow::Error> {
    let rows = sqlx::query!(
        r#"select m.provider_mandate_id as "mandate!",
                  case m.provider when 'signzy' then coalesce(d.provider_txn, d.order_id) else d.order_id end as "debit!",
                  coalesce(d.amount_minor, e.amount_minor) as "amount_minor!", d.cycle_on as "cycle_on!"
             from mandated.debits d join mandated.mandates m on m.id = d.mandate_id
             join mandated.executions e on e.id = d.execution_id"#
    )
    .fetch_all(pool)
    .await
    .context("read the debits")?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                (row.mandate, row.debit),
                OurDebit {
                    amount_minor: row.amount_minor,
                    cycle_on: row.cycle_on,
                },
            )
        })
        .collect())
}

/// Mandates with a cycle whose debit may have happened without our having looked: what the provider has of them may be ahead of us.
pub(crate) async fn open_mandates(
    pool: &DatabasePool,
) -> Result<std::collections::BTreeSet<String>, anyhow::Error> {
    let rows = sqlx::query_scalar!(
        r#"select distinct m.provider_mandate_id as "mandate!" from mandated.executions e
             join mandated.mandates m on m.id = e.mandate_id join mandated.jobs j on j.execution_id = e.id"#
    )
    .fetch_all(pool)
    .await
    .context("read the open executions")?;
    Ok(rows.into_iter().collect())
}

/// How mandates are spread, for the first lines of a demo.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Spread {
    pub(crate) provider: String,
    pub(crate) rail: String,
    pub(crate) notify: String,
    pub(crate) mandates: i64,
    pub(crate) executions: i64,
    pub(crate) collected: i64,
    pub(crate) attempts: i64,
}

pub(crate) async fn by_flow(pool: &DatabasePool) -> Result<Vec<Spread>, anyhow::Error> {
    sqlx::query_as!(
        Spread,
        r#"select m.provider as "provider!", m.rail as "rail!", m.notify as "notify!", count(distinct m.id) as "mandates!",
                  count(e.id) as "executions!", count(e.id) filter (where e.state = 'charged') as "collected!",
                  coalesce(sum(a.calls), 0)::bigint as "attempts!"
             from mandated.mandates m
             left join mandated.executions e on e.mandate_id = m.id
             left join (select execution_id, count(*) as calls from mandated.attempts group by execution_id) a on a.execution_id = e.id
            group by 1, 2, 3 order by 1, 2, 3"#
    )
    .fetch_all(pool)
    .await
    .context("add up the mandates")
}

/// Lets the leases of a worker be over, in a simulation in which their time has passed. Whether all are.
pub(crate) async fn end_leases(pool: &DatabasePool, worker: &str) -> Result<bool, anyhow::Error> {
    sqlx::query_scalar!(
        // What is locked is being settled by its last statement, or rescued: to wait for it could be a deadlock.
        r#"with held as (
             select execution_id from mandated.jobs where worker_id = $1 for update skip locked
           ), ended as (
             update mandated.jobs set lease_until = now() - interval '1 second'
              where execution_id in (select execution_id from held)
             returning execution_id
           )
           select (select count(*) from ended) = (select count(*) from mandated.jobs where worker_id = $1) as "all!""#,
        worker
    )
    .fetch_one(pool)
    .await
    .context("end the leases of a lost worker")
}

/// The workers that hold jobs.
pub(crate) async fn lease_holders(pool: &DatabasePool) -> Result<Vec<String>, anyhow::Error> {
    let holders = "select distinct worker_id from mandated.jobs where lease_token is not null order by worker_id";
    let holders = sqlx::query_scalar(holders).fetch_all(pool);
    holders.await.context("list the holders of leases")
}

/// A cycle that is not at its end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Unfinished {
    pub(crate) execution_id: i64,
    pub(crate) state: String,
    pub(crate) reason: String,
    /// What is next, and when; a person's decision has neither.
    pub(crate) next_step: Option<String>,
    pub(crate) next_at: Option<Timestamp>,
}

/// Every execution that is open or waits for a person, with its reason.
pub(crate) async fn unfinished(pool: &DatabasePool) -> Result<Vec<Unfinished>, anyhow::Error> {
    sqlx::query_as!(
        Unfinished,
        r#"select e.id as "execution_id!", e.state as "state!", e.reason as "reason!", j.step as "next_step?", j.run_at as "next_at?"
             from mandated.execution_status e left join mandated.jobs j on j.execution_id = e.id
            where e.finished_at is null or e.state = 'review' order by e.id"#
    )
    .fetch_all(pool)
    .await
    .context("read what is not finished")
}

/// How many executions and calls there are in all.
pub(crate) async fn totals(pool: &DatabasePool) -> Result<(i64, i64), anyhow::Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from mandated.executions) as "executions!", (select count(*) from mandated.attempts) as "calls!""#
    )
    .fetch_one(pool)
    .await
    .context("count executions and calls")?;
    Ok((row.executions, row.calls))
}

/// How many jobs are held by somebody.
pub(crate) async fn leased(pool: &DatabasePool) -> Result<i64, anyhow::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "held!" from mandated.jobs where lease_token is not null"#
    )
    .fetch_one(pool)
    .await
    .context("count the leases")
}

/// The executions of a state, `executing` being an open intent.
pub(crate) async fn of_state(pool: &DatabasePool, state: State) -> Result<Vec<i64>, anyhow::Error> {
    sqlx::query_scalar!(
        r#"select id as "id!" from mandated.execution_status where state = $1 order by id"#,
        state.as_str()
    )
    .fetch_all(pool)
    .await
    .context("list the executions of a state")
}
