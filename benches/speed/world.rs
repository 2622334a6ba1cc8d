//! A migrated database with rows as a merchant has them, true enough for the auditor.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use lab::postgres::PrivatePostgres;
use mandated::clock::Clock;
use mandated::config::Config;
use mandated::domain::policy::Policy;
use mandated::domain::schedule::{Frequency, Schedule};
use mandated::domain::{AccountId, CycleIdentity, Period, ProviderKind, Rail, Timestamp};
use mandated::store::environment::{ConfiguredAccount, Where};
use mandated::store::pool::DatabasePool;
use mandated::store::{self, ConnectSettings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Postgres, Transaction};

/// The executions that are collected have higher numbers than all that only fills the tables.
pub(crate) const FIRST: i64 = 100_000_001;

/// A database, and the number of its next mandate and execution.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) pool: DatabasePool,
    pub(crate) account: AccountId,
    pub(crate) clock: Clock,
    policy: Policy,
    /// How many rows there are that nobody collects.
    pub(crate) filled: i64,
    next: i64,
}

/// Executions that were made due, numbered without a gap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) first: i64,
    pub(crate) count: i64,
}

/// When they become due.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// Within the last hour, in no order.
    Backlog,
    /// One each millisecond from then on.
    Arriving(Timestamp),
}

impl World {
    pub(crate) async fn new(
        postgres: &PrivatePostgres,
        name: &str,
        rail: Rail,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        postgres.create_database(name).await?;
        let minute = Duration::from_mins(1);
        let settings = ConnectSettings {
            max_connections: 16,
            connect_timeout: minute,
            // Filling the tables is one statement.
            statement_timeout: minute.saturating_mul(30),
            lock_timeout: minute,
            application_name: "bench".to_owned(),
        };
        let url = postgres.url(name);
        let pool = store::connect(vec![PgConnectOptions::from_str(&url)?], &settings, None).await?;
        // Notifications were sent before the first of this month.
        let earlier = clock.now().checked_sub_signed(TimeDelta::days(5));
        store::migrate::migrate(&pool, earlier.context("five days ago")?, 2).await?;
        let account = ConfiguredAccount {
            name: "juspay_main",
            provider: ProviderKind::Juspay,
            merchant: "juspay http://127.0.0.1 bench".to_owned(),
            is_simulated: false,
        };
        let account =
            store::environment::register(&mut *pool.acquire().await?, &account, Where::Bound)
                .await?;
        let policy = policy(rail)?;
        store::policies::intern(&mut *pool.acquire().await?, &policy).await?;
        Ok(Self {
            name: name.to_owned(),
            url,
            pool,
            account,
            clock,
            policy,
            filled: 0,
            next: FIRST,
        })
    }

    /// Mandates, each with an execution whose payer was notified and whose debit becomes due.
    pub(crate) async fn add_due(&mut self, count: i64, when: When) -> anyhow::Result<Due> {
        let first = self.next;
        self.next = first.saturating_add(count);
        let now = self.clock.now();
        let arriving = match when {
            When::Backlog => None,
            When::Arriving(from) => Some(from),
        };
        let mandates = sqlx::query(MANDATES).bind(first).bind(count).bind(now);
        let mandates = mandates.bind(self.policy.rail.as_str());
        mandates.execute(&self.pool).await.context("add mandates")?;
        let ids: Vec<i64> = (first..self.next).collect();
        let orders: Vec<String> = ids.iter().map(|id| order(*id)).collect();
        let notices: Vec<String> = ids.iter().map(|id| notice(*id)).collect();
        let executions = sqlx::query(EXECUTIONS).bind(first).bind(now).bind(arriving);
        let executions = executions.bind(ids).bind(orders).bind(notices);
        let most = (
            self.policy.max_attempts,
            self.policy.max_attempts_in_30_days,
        );
        let executions = executions
            .bind(i32::from(most.0))
            .bind(most.1.map(i32::from))
            .bind(period().to_string());
        let executions = executions.execute(&self.pool);
        executions.await.context("add executions")?;
        for statement in WITH_THEM {
            sqlx::query(statement)
                .bind(first)
                .bind(count)
                .execute(&self.pool)
                .await
                .context("add what executions have")?;
        }
        Ok(Due { first, count })
    }

    /// Leaves nothing for later that a run would pay for.
    pub(crate) async fn settle_down(&self) -> anyhow::Result<()> {
        for statement in ["vacuum analyze", "checkpoint"] {
            sqlx::query(statement).execute(&self.pool).await?;
        }
        Ok(())
    }

    /// A reader that has not finished: nothing that dies from now on can be cleaned up.
    pub(crate) async fn hold_snapshot(&self) -> anyhow::Result<Transaction<'static, Postgres>> {
        let mut transaction = self.pool.begin().await?;
        for statement in [
            "set transaction isolation level repeatable read",
            "set local idle_in_transaction_session_timeout = 0",
            "select count(*) from mandated.accounts",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }

    /// Proves that a run did all it says, and none of it twice.
    pub(crate) async fn check(&self, due: Due) -> anyhow::Result<()> {
        let done: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from mandated.jobs where execution_id >= $1),
                    (select count(*) from mandated.intents),
                    (select count(*) from mandated.executions where id >= $1 and state = 'charged'),
                    (select count(*) from mandated.debits where execution_id >= $1),
                    (select count(*) from mandated.attempts where execution_id >= $1),
                    (select count(distinct execution_id) from mandated.attempts where execution_id >= $1)",
        )
        .bind(due.first)
        .fetch_one(&self.pool)
        .await?;
        let count = due.count;
        anyhow::ensure!(
            done == (0, 0, count, count, count, count),
            "jobs, intents, charged, debits, attempts and executions tried, left by {count} jobs: {done:?}"
        );
        Ok(())
    }
}

/// This month, which all executions are for.
fn period() -> Period {
    let today = Clock::System.now().with_timezone(&chrono_tz::Asia::Kolkata);
    let today = today.date_naive();
    Period::of(&Schedule::Every(Frequency::Monthly), today).unwrap_or(Period::day(today))
}

/// The order of an execution.
pub(crate) fn order(id: i64) -> String {
    identity(&format!("mandate-{id}")).order_id(1)
}

/// The reference of its notification.
pub(crate) fn notice(id: i64) -> String {
    identity(&format!("mandate-{id}")).notification_ref(1)
}

fn identity(mandate: &str) -> CycleIdentity<'_> {
    CycleIdentity {
        provider: ProviderKind::Juspay,
        provider_mandate_id: mandate,
        period: period(),
    }
}

/// The rules of a rail as configured by default, but without UPI's peak hours: it is measured at any time of day.
fn policy(rail: Rail) -> anyhow::Result<Policy> {
    let variables = [
        ("DATABASE__URL", "postgres://127.0.0.1/bench"),
        ("RAILS__UPI__WINDOWS", "[]"),
        ("RAILS__UPI__NOTIFY_WINDOWS", "[]"),
        // Only who calls nobody but this machine may do without them.
        ("ACCOUNTS__JUSPAY_MAIN__PROVIDER", "juspay"),
        ("ACCOUNTS__JUSPAY_MAIN__BASE_URL", "http://127.0.0.1:9/"),
        ("ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", "bench"),
        ("ACCOUNTS__JUSPAY_MAIN__API_KEY", "bench"),
    ];
    let variables = variables.map(|(key, value)| (format!("MANDATED__{key}"), value.to_owned()));
    let config = Config::load_with(None, variables).context("read the configuration")?;
    Ok(config.policy(ProviderKind::Juspay, rail))
}

/// `$1` the first number, `$2` how many, `$3` now, `$4` the rail.
const MANDATES: &str =
    "insert into mandated.mandates (id, ref, account_id, provider, provider_mandate_id, customer_id, rail, notify,
       amount_minor, max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, description, metadata,
       next_cycle_on, next_plan_at, created_at, updated_at) overriding system value
     select i, 'subscription-' || i, 1, 'juspay', 'mandate-' || i, 'customer-' || i, $4, 'separate', 49900, 500000, 'INR',
       'monthly', 'Asia/Kolkata', today, '06:00', 'Gold plan, monthly', '{\"order.udf1\": \"web\"}',
       (today + interval '1 month')::date, $3 + interval '20 days', $3 - interval '1 year', $3 - interval '1 year'
       from generate_series($1, $1 + $2 - 1) i
       cross join (select ($3 at time zone 'Asia/Kolkata')::date as today) d";
/// `$1` the first number, `$2` now, `$3` when the first one becomes due, or null, `$4` numbers, orders and notifications,
/// `$7` attempts allowed, of an order and in 30 days, `$9` the period.
const EXECUTIONS: &str =
    "insert into mandated.executions (id, mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at, amount_minor,
       max_amount_minor, currency, state, reason, order_id, notification_no, notification_ref, delivered_at, undelivered_at,
       max_attempts, max_attempts_in_30_days, step_attempts, planned_at, updated_at)
     select i, i, 1, 1, ($2 at time zone 'Asia/Kolkata')::date, $9, at, at + interval '27 days', 49900, 500000, 'INR', 'notified',
       'the payer was notified: debit in the window', order_id, 1, notice, at - interval '26 hours', at - interval '27 hours',
       $7, $8, 1, at - interval '2 days', at - interval '26 hours'
       from unnest($4::bigint[], $5::text[], $6::text[]) e (i, order_id, notice)
       cross join lateral (select coalesce($3 + (i - $1) * interval '1 millisecond',
                                           $2 - make_interval(secs => abs(hashint8(i)) % 3600)) as at) t";
/// Notifications, what happened so far, and the jobs. The notifications were requested before the history begins: their answers are not in
/// it.
const WITH_THEM: [&str; 4] = [
    "insert into mandated.notifications (execution_id, notification_no, mandate_id, reference, state, amount_minor,
       requested_at, delivered_at)
     select id, 1, mandate_id, notification_ref, 'delivered', amount_minor, undelivered_at - interval '40 days', delivered_at
       from mandated.executions where id between $1 and $1 + $2 - 1",
    "insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, to_state, order_id, amount_minor,
       currency, reason)
     select planned_at, 'execution.planned', mandate_id, 'subscription-' || id, id, cycle_on, 'planned', order_id, amount_minor,
       currency, 'a cycle is due'
       from mandated.executions where id between $1 and $1 + $2 - 1",
    "insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
       amount_minor, currency, reason)
     select delivered_at, 'execution.notified', mandate_id, 'subscription-' || id, id, cycle_on, 'planned', 'notified', order_id,
       amount_minor, currency, reason
       from mandated.executions where id between $1 and $1 + $2 - 1",
    "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
     select id, account_id, mandate_id, 'execute', debit_at, debit_at + interval '4 hours'
       from mandated.executions where id between $1 and $1 + $2 - 1",
];
