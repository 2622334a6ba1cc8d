//! What the heartbeat and the sleeping loops ask.

use sqlx::PgExecutor;

use super::environment::{DatabaseIdentity, Heartbeat};
use super::error::{StoreContext, StoreError};
use crate::domain::{AccountId, ExecutionId, LeaseToken, Timestamp};
use crate::store::pool::DatabasePool;

/// An attempt that a daemon has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCommit {
    pub execution: ExecutionId,
    pub token: LeaseToken,
    /// The time of the attempt.
    pub at: Timestamp,
}

/// What a daemon asks the database before it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// The database's clock.
    pub now: Timestamp,
    pub database: DatabaseIdentity,
    /// Whether what the daemon settled last is there.
    pub remembers: bool,
    /// Whether its last heartbeat is there, or nothing of it: who is silent for long is deleted.
    pub remembers_heartbeat: bool,
}

/// The last writes of a daemon.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastWritten {
    pub commit: Option<LastCommit>,
    /// An idle daemon writes nothing else.
    pub heartbeat: Option<Heartbeat>,
}

/// Asks for the time, and whether this is still the database that the daemon has written to.
pub async fn server_state<'e>(
    database: impl PgExecutor<'e>,
    last: LastWritten,
) -> Result<ServerState, StoreError> {
    let (execution, token, at) = last.commit.map_or((None, None, None), |last| {
        (Some(last.execution.0), Some(last.token.0), Some(last.at))
    });
    let row = sqlx::query!(
        // One row of one partition, and one daemon, by their keys.
        r#"select clock_timestamp() as "now!: Timestamp", d.identity as "identity!", d.timeline as "timeline!",
                  $1::bigint is null or exists (select from mandated.attempts where execution_id = $1 and at = $3 and lease_token = $2)
                    as "remembers!",
                  not exists (select from mandated.daemons where id = $4 and beats < $5) as "remembers_heartbeat!"
             from mandated.this_database() d"#,
        execution,
        token,
        at,
        last.heartbeat.map(|heartbeat| heartbeat.daemon),
        last.heartbeat.map(|heartbeat| heartbeat.beats)
    )
    .fetch_one(database)
    .await
    .context("ask the database for the time")?;
    Ok(ServerState {
        now: row.now,
        database: DatabaseIdentity {
            identity: row.identity,
            timeline: row.timeline,
        },
        remembers: row.remembers,
        remembers_heartbeat: row.remembers_heartbeat,
    })
}

/// When the next job of an account is due, if it has one.
pub async fn next_due(
    pool: &DatabasePool,
    account: AccountId,
) -> Result<Option<Timestamp>, StoreError> {
    sqlx::query_scalar!(
        "select run_at from mandated.jobs where lease_token is null and account_id = $1 order by run_at, execution_id limit 1",
        account.0
    )
    .fetch_optional(pool)
    .await
    .context("find the next due job")
}

/// What a clock that jumps looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpcomingWork {
    /// The accounts that have jobs to claim now.
    pub due: Vec<AccountId>,
    /// The first job of an account that is not paused, or the end of a pause that has due jobs behind it.
    pub job_at: Option<Timestamp>,
    /// When the next mandate is to be planned.
    pub plan_at: Option<Timestamp>,
    /// Whether somebody holds a job.
    pub leased: bool,
}

/// What is to be done now, and what is next: for those who have these accounts, or whoever has all of them.
pub async fn upcoming_work(
    pool: &DatabasePool,
    accounts: Option<&[AccountId]>,
    now: Timestamp,
) -> Result<UpcomingWork, StoreError> {
    let accounts: Option<Vec<i16>> =
        accounts.map(|accounts| accounts.iter().map(|account| account.0).collect());
    let row = sqlx::query!(
        r#"select min(at) as job_at, coalesce(array_agg(id order by id) filter (where at <= $1), '{}') as "due!",
                  (select next_plan_at from mandated.mandates
                    where status in ('active', 'paused') and next_plan_at is not null
                    order by next_plan_at, id limit 1) as plan_at,
                  exists (select 1 from mandated.jobs where lease_token is not null) as "leased!"
             from (select a.id, greatest(n.run_at, a.paused_until, a.probe_until) as at
                     from mandated.accounts a cross join lateral (
                       select j.run_at from mandated.jobs j where j.account_id = a.id and j.lease_token is null
                        order by j.run_at, j.execution_id limit 1) n
                    where a.recovering_since is null and ($2::smallint[] is null or a.id = any ($2))) first_jobs"#,
        now,
        accounts.as_deref() as _
    )
    .fetch_one(pool)
    .await
    .context("find what comes next")?;
    Ok(UpcomingWork {
        due: row.due.into_iter().map(AccountId).collect(),
        job_at: row.job_at,
        plan_at: row.plan_at,
        leased: row.leased,
    })
}

/// The figures of the heartbeat line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkCounts {
    pub due: i64,
    pub leased: i64,
    pub oldest_due_at: Option<Timestamp>,
    pub open_intents: i64,
    pub oldest_unknown_at: Option<Timestamp>,
    pub reviews: i64,
    pub paused_accounts: i64,
    /// Those of which nothing is claimed until a recovery is over.
    pub recovering_accounts: i64,
    pub paused_rails: i64,
    /// Of the attempts allowed to the debits that are due next, how many in a hundred are left.
    pub budget_headroom: i64,
    /// In the hot tables, as Postgres counts them: what was written in the last seconds may be missing.
    pub dead_rows: i64,
}

/// Counts what is due up to a cap, and looks at no more than the next 500 jobs of an account, so that its cost does not grow with
/// a backlog.
pub async fn work_counts(pool: &DatabasePool, now: Timestamp) -> Result<WorkCounts, StoreError> {
    sqlx::query_as!(
        WorkCounts,
        r#"select
             (select count(*) from (select 1 from mandated.accounts a cross join lateral (
                select 1 from mandated.jobs j where j.account_id = a.id and j.lease_token is null and j.run_at <= $1 limit 10000) d) c) as "due!",
             (select count(*) from mandated.jobs where lease_token is not null) as "leased!",
             (select min(n.run_at) from mandated.accounts a cross join lateral (
                select j.run_at from mandated.jobs j where j.account_id = a.id and j.lease_token is null and j.run_at <= $1
                 order by j.run_at, j.execution_id limit 1) n) as oldest_due_at,
             (select count(*) from mandated.intents) as "open_intents!",
             (select since from mandated.unresolved_executions where state = 'unknown' order by since limit 1) as "oldest_unknown_at?",
             (select count(*) from mandated.unresolved_executions where state = 'review') as "reviews!",
             (select count(*) from mandated.accounts where paused_until > $1) as "paused_accounts!",
             (select count(*) from mandated.accounts where recovering_since is not null) as "recovering_accounts!",
             (select count(*) from mandated.rails where paused_until > $1) as "paused_rails!",
             (select coalesce(100 * sum(e.max_attempts - least(e.debit_attempts, e.max_attempts)) / sum(e.max_attempts), 100)
                from mandated.accounts a cross join lateral (
                  select j.execution_id, j.step from mandated.jobs j where j.account_id = a.id and j.lease_token is null
                   order by j.run_at, j.execution_id limit 500) n
                cross join lateral (select max_attempts, debit_attempts from mandated.executions
                                     where id = n.execution_id and n.step in ('execute', 'retry') limit 1) e) as "budget_headroom!",
             pg_stat_get_dead_tuples('mandated.jobs'::regclass) + pg_stat_get_dead_tuples('mandated.intents'::regclass)
               as "dead_rows!""#,
        now
    )
    .fetch_one(pool)
    .await
    .context("take the pulse")
}

/// Executions that only proof or a person can end, and that have been open for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedExecutions {
    /// `unknown` or `review`.
    pub state: String,
    pub count: i64,
    pub oldest_at: Timestamp,
    /// Those that have been open the longest, five at most.
    pub oldest: Vec<i64>,
}

/// What is unknown since its debit was sent, or in review since it came there, for longer than since an instant.
pub async fn unresolved_since(
    pool: &DatabasePool,
    before: Timestamp,
) -> Result<Vec<UnresolvedExecutions>, StoreError> {
    sqlx::query_as!(
        UnresolvedExecutions,
        r#"select state, count(*) as "count!", min(since) as "oldest_at!",
                  (array_agg(execution_id order by since, execution_id))[1:5] as "oldest!"
             from mandated.unresolved_executions
            where since <= $1
            group by state
            order by state desc"#,
        before
    )
    .fetch_all(pool)
    .await
    .context("find what has been open for long")
}
