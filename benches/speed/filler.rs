//! Rows that are only there: mandates whose next cycle is weeks away, jobs of the coming month, attempts of the last weeks.
//!
//! Their executions are left out: nothing that is measured reads the execution of a job that is not due.

use anyhow::Context;
use sqlx::AssertSqlSafe;

use crate::world::{FIRST, World};

/// `$1` the first number, `$2` the last one, `$3` now.
const MANDATES: &str = "insert into mandated.mandates (id, ref, account_id, provider, provider_mandate_id, customer_id, rail, notify,
   amount_minor, max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, description,
   next_cycle_on, next_plan_at, created_at, updated_at) overriding system value
 select i, 'subscription-' || i, 1, 'juspay', 'mandate-' || i, 'customer-' || i, 'upi', 'separate', 49900, 500000, 'INR',
   'monthly', 'Asia/Kolkata', $3::date + 20, '06:00', 'Gold plan', $3::date + 20,
   $3 + interval '10 days' + make_interval(secs => abs(hashint8(i)) % 864000), $3, $3
   from generate_series($1, $2) i";
const JOBS: &str = "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
 select i, 1, i, 'notify', $3 + make_interval(secs => 7200 + abs(hashint8(i)) % 2592000) from generate_series($1, $2) i";
const ATTEMPTS: &str = "insert into mandated.attempts (at, execution_id, mandate_id, call, reference, http_status, latency_ms, outcome,
   decision, lease_token, worker_id)
 select month + make_interval(secs => abs(hashint8(i)) % 1000 * extract(epoch from $3 - month) / 1000), i, i, 'execute',
   'mbnch' || lpad(i::text, 9, '0') || 'o1', 200, 180, 'charged', 'collected', i, 'bench'
   from generate_series($1, $2) i cross join (select date_trunc('month', $3, 'UTC') as month) m";

impl World {
    /// Fills the tables up to so many rows of each. Secondary indexes of many rows are made afterwards.
    pub(crate) async fn fill_to(&mut self, rows: i64) -> anyhow::Result<()> {
        if rows <= self.filled {
            return Ok(());
        }
        let indexes = if rows > 500_000 {
            self.drop_indexes().await?
        } else {
            Vec::new()
        };
        tokio::try_join!(
            self.fill(MANDATES, rows),
            self.fill(JOBS, rows),
            self.fill(ATTEMPTS, rows)
        )?;
        for index in indexes {
            sqlx::query(AssertSqlSafe(index))
                .execute(&self.pool)
                .await
                .context("make an index again")?;
        }
        self.filled = rows;
        self.settle_down().await
    }

    async fn fill(&self, statement: &'static str, rows: i64) -> anyhow::Result<()> {
        sqlx::query(statement)
            .bind(self.filled.saturating_add(1))
            .bind(rows)
            .bind(self.clock.now())
            .execute(&self.pool)
            .await
            .context("fill the tables")?;
        Ok(())
    }

    /// All indexes of the big tables but the primary keys: what drops them is done, what makes them again is returned.
    async fn drop_indexes(&self) -> anyhow::Result<Vec<String>> {
        let unique: Vec<(String, String)> = sqlx::query_as(
            "select format('alter table %s drop constraint %I', conrelid::regclass, conname),
                    format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
               from pg_constraint
              where conrelid in ('mandated.mandates'::regclass, 'mandated.jobs'::regclass) and contype = 'u'",
        )
        .fetch_all(&self.pool)
        .await?;
        let plain: Vec<(String, String)> = sqlx::query_as(
            "select format('drop index %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
               from pg_index i
              where i.indrelid in ('mandated.mandates'::regclass, 'mandated.jobs'::regclass)
                and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut again = Vec::new();
        for (drop, make) in unique.into_iter().chain(plain) {
            sqlx::query(AssertSqlSafe(drop)).execute(&self.pool).await?;
            again.push(make);
        }
        Ok(again)
    }

    /// Takes the filler out again: it has no executions, and the auditor would miss them.
    pub(crate) async fn remove_filler(&self) -> anyhow::Result<()> {
        if self.filled == 0 {
            return Ok(());
        }
        let left: i64 =
            sqlx::query_scalar("select count(*) from mandated.jobs where execution_id >= $1")
                .bind(FIRST)
                .fetch_one(&self.pool)
                .await?;
        anyhow::ensure!(left == 0, "{left} jobs are not done");
        for statement in [
            "truncate mandated.jobs".to_owned(),
            format!(
                "create table public.kept as select * from mandated.mandates where id >= {FIRST}"
            ),
            "alter table mandated.executions drop constraint executions_mandate_id_fkey".to_owned(),
            "truncate mandated.mandates".to_owned(),
            "insert into mandated.mandates overriding system value select * from public.kept"
                .to_owned(),
        ] {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&self.pool)
                .await
                .context("take the filler out")?;
        }
        Ok(())
    }
}
