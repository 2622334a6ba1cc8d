//! A migrated database with rows as a merchant has them.

use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use chrono::DateTime;
use mandated::domain::{AccountId, Instant, ProviderKind};
use mandated::sandbox::postgres::PrivatePostgres;
use mandated::store::{self, ConnectSettings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{PgPool, Postgres, Transaction};

/// Late in January, so that the month's partition has room for old attempts. 06:10 in India: no peak.
const NOW: &str = "2027-01-29T00:40:00Z";

/// A database, and the number of its next mandate and execution.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) account: AccountId,
    pub(crate) now: Instant,
    next: i64,
}

impl World {
    pub(crate) async fn new(postgres: &PrivatePostgres, name: &str) -> anyhow::Result<Self> {
        postgres.create_database(name).await?;
        let now = DateTime::parse_from_rfc3339(NOW)?.to_utc();
        let minute = Duration::from_mins(1);
        let settings = ConnectSettings {
            max_connections: 16,
            connect_timeout: minute,
            // Filling the tables is one statement.
            statement_timeout: minute.saturating_mul(30),
            lock_timeout: minute,
            application_name: "bench".to_owned(),
        };
        let pool =
            store::connect(PgConnectOptions::from_str(&postgres.url(name))?, &settings).await?;
        store::migrate::migrate(&pool, now, 1).await?;
        let account = store::accounts::register(&pool, "juspay_main", ProviderKind::Juspay).await?;
        sqlx::query("insert into mandated.policies (digest, body) values ('bench', '{}')")
            .execute(&pool)
            .await?;
        Ok(Self {
            pool,
            account,
            now,
            next: 1,
        })
    }

    /// What Postgres says about itself, in one line.
    pub(crate) async fn settings(&self) -> anyhow::Result<String> {
        let settings: Vec<String> = sqlx::query_scalar(
            "select name || ' ' || current_setting(name) from pg_settings
              where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size')
              order by name desc",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(settings.join(", "))
    }

    /// UPI mandates, each with a notified execution whose debit became due within the last hour, in no order.
    pub(crate) async fn add_due(&mut self, count: i64) -> anyhow::Result<()> {
        let (first, now) = (self.next, self.now);
        self.next = first.saturating_add(count);
        let fill = [
            "insert into mandated.mandates (id, ref, account_id, provider, provider_mandate_id, customer_id, rail, notify,
               amount_minor, max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, description, metadata,
               next_cycle_on, next_plan_at, created_at, updated_at) overriding system value
             select i, 'subscription-' || i, 1, 'juspay', md5(i::text), 'customer-' || i, 'upi', 'separate', 49900, 500000, 'INR',
               'monthly', 'Asia/Kolkata', '2026-01-29', '06:00', 'Gold plan, monthly', '{\"order.udf1\": \"web\"}', '2027-02-28',
               $3 + interval '29 days', $3 - interval '1 year', $3 - interval '1 year'
               from generate_series($1, $1 + $2 - 1) i",
            "insert into mandated.executions (id, mandate_id, account_id, policy_id, cycle_on, debit_at, closes_at, amount_minor,
               max_amount_minor, currency, state, reason, order_id, notification_no, notification_ref, delivered_at, max_attempts,
               tries, planned_at, updated_at)
             select i, i, 1, 1, '2027-01-29', '2027-01-29T00:30Z', '2027-02-27T18:30Z', 49900, 500000, 'INR', 'notified',
               'the payer was notified: debit in the window', 'mbnch' || lpad(i::text, 9, '0') || 'o1', 1,
               'mbnch' || lpad(i::text, 9, '0') || 'n1', $3 - interval '26 hours', 4, 1, $3 - interval '2 days',
               $3 - interval '26 hours'
               from generate_series($1, $1 + $2 - 1) i",
            "insert into mandated.notifications (execution_id, notification_no, mandate_id, reference, state, amount_minor,
               requested_at, delivered_at)
             select id, 1, mandate_id, notification_ref, 'delivered', amount_minor, $3 - interval '27 hours', delivered_at
               from mandated.executions where id between $1 and $1 + $2 - 1",
            "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
             select i, 1, i, 'execute', $3 - make_interval(secs => abs(hashint8(i)) % 3600), $3 + interval '3 hours'
               from generate_series($1, $1 + $2 - 1) i",
        ];
        for statement in fill {
            sqlx::query(statement)
                .bind(first)
                .bind(count)
                .bind(now)
                .execute(&self.pool)
                .await
                .context("add due jobs")?;
        }
        self.settle_down().await
    }

    /// Jobs of the coming month, and as many attempts of the last weeks.
    pub(crate) async fn add_history(&mut self, count: i64) -> anyhow::Result<()> {
        let (first, now) = (self.next, self.now);
        self.next = first.saturating_add(count);
        let fill = [
            "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
             select i, 1, i, 'notify', $3 + make_interval(secs => 3600 + abs(hashint8(i)) % 2592000), null
               from generate_series($1, $1 + $2 - 1) i",
            "insert into mandated.attempts (at, execution_id, mandate_id, call, reference, http_status, latency_ms, outcome,
               message, body, decision, lease_token, worker_id)
             select $3 - make_interval(secs => abs(hashint8(i)) % 2332800), i, i, 'execute', 'mbnch' || lpad(i::text, 9, '0') || 'o1',
               200, 180, 'charged', 'Transaction approved', repeat('{\"status\": \"CHARGED\"} ', 12), 'collected', i, 'bench'
               from generate_series($1, $1 + $2 - 1) i",
        ];
        for statement in fill {
            sqlx::query(statement)
                .bind(first)
                .bind(count)
                .bind(now)
                .execute(&self.pool)
                .await
                .context("add future jobs and old attempts")?;
        }
        self.settle_down().await
    }

    /// Monthly mandates, by UPI and card, one in ten by a cron expression, with a cycle to be planned now.
    pub(crate) async fn add_mandates(&mut self, count: i64) -> anyhow::Result<()> {
        let (first, now) = (self.next, self.now);
        self.next = first.saturating_add(count);
        sqlx::query(
            "insert into mandated.mandates (id, ref, account_id, provider, provider_mandate_id, customer_id, rail, notify,
               amount_minor, max_amount_minor, currency, frequency, cron, time_zone, starts_on, debit_at, description, metadata,
               next_cycle_on, next_plan_at, created_at, updated_at) overriding system value
             select i, 'subscription-' || i, 1, 'juspay', md5(i::text), 'customer-' || i,
               case when i % 3 = 0 then 'card' else 'upi' end, 'separate', 49900, 500000, 'INR',
               case when i % 10 > 0 then 'monthly' end, case when i % 10 = 0 then '0 6 30 * *' end, 'Asia/Kolkata', '2026-12-30',
               '06:00', 'Gold plan, monthly', '{\"order.udf1\": \"web\"}', '2027-01-30',
               $3 - make_interval(secs => abs(hashint8(i)) % 3600), $3 - interval '1 month', $3 - interval '1 month'
               from generate_series($1, $1 + $2 - 1) i",
        )
        .bind(first)
        .bind(count)
        .bind(now)
        .execute(&self.pool)
        .await
        .context("add mandates")?;
        self.settle_down().await
    }

    /// Takes every lease back.
    pub(crate) async fn give_back(&self) -> anyhow::Result<()> {
        for statement in [
            "update mandated.jobs set lease_until = null, lease_token = null, worker_id = null where lease_token is not null",
            "delete from mandated.intents",
        ] {
            sqlx::query(statement).execute(&self.pool).await?;
        }
        self.settle_down().await
    }

    /// Leaves nothing for later that a run would pay for.
    async fn settle_down(&self) -> anyhow::Result<()> {
        for statement in ["vacuum analyze", "checkpoint"] {
            sqlx::query(statement).execute(&self.pool).await?;
        }
        Ok(())
    }

    /// A reader that has not finished: nothing that dies from now on can be cleaned up.
    pub(crate) async fn hold_snapshot(&self) -> anyhow::Result<Transaction<'static, Postgres>> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("set transaction isolation level repeatable read")
            .execute(&mut *transaction)
            .await?;
        sqlx::query("set local idle_in_transaction_session_timeout = 0")
            .execute(&mut *transaction)
            .await?;
        sqlx::query("select count(*) from mandated.accounts")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }

    /// Proves that a run did all it says: nothing is queued or open any more, and every debit has its history.
    pub(crate) async fn check(&self, count: i64) -> anyhow::Result<()> {
        let first = self.next.saturating_sub(count);
        let done: (i64, i64, i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from mandated.jobs where execution_id >= $1),
                    (select count(*) from mandated.intents),
                    (select count(*) from mandated.executions where id >= $1 and state = 'charged'),
                    (select count(*) from mandated.debits where execution_id >= $1),
                    (select count(*) from mandated.attempts where execution_id >= $1)",
        )
        .bind(first)
        .fetch_one(&self.pool)
        .await?;
        anyhow::ensure!(
            done == (0, 0, count, count, count),
            "jobs, intents, charged, debits and attempts left by {count} jobs: {done:?}"
        );
        Ok(())
    }

    /// Proves that every mandate got its execution and its job.
    pub(crate) async fn check_planned(&self, count: i64) -> anyhow::Result<()> {
        let planned: (i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from mandated.executions where state = 'planned'), (select count(*) from mandated.jobs),
                    (select count(*) from mandated.mandates where next_cycle_on > '2027-01-30')",
        )
        .fetch_one(&self.pool)
        .await?;
        anyhow::ensure!(
            planned == (count, count, count),
            "executions, jobs and mandates of {count} planned: {planned:?}"
        );
        Ok(())
    }
}
