//! How the tables are read: in ranges of a key, one connection, each range in a short transaction that can write nothing.

use sqlx::PgConnection;

/// How many rows of its table a range has at most: so small a part of a table that is worth an index that Postgres takes the index by itself.
const ROWS: i64 = 2_000;
/// How many numbers it spans at most: where executions were deleted, what is left of their history is not read.
const SPAN: i64 = 8_000;

/// What is read in ranges, and by which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKey {
    /// Executions with all that belongs to them, by their number.
    Executions,
    /// Jobs, by their execution.
    Jobs,
    /// Open intents, by their execution.
    Intents,
    /// Mandates, by their number.
    Mandates,
    /// Mandates with all of their executions, by the mandate's number.
    MandateExecutions,
    /// Debits, by their mandate.
    Debits,
}

impl RangeKey {
    pub const ALL: [Self; 6] = [
        Self::Executions,
        Self::Jobs,
        Self::Intents,
        Self::Mandates,
        Self::MandateExecutions,
        Self::Debits,
    ];
}

/// Keys greater than `after`, up to `to`.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    pub after: i64,
    pub to: i64,
}

/// The next range of a table, beginning with the first key that there is. A mandate is never in two of them.
pub async fn next_range(
    conn: &mut PgConnection,
    over: RangeKey,
    after: i64,
) -> sqlx::Result<Option<Range>> {
    let (first, to) = match over {
        RangeKey::Executions => {
            let row = sqlx::query!(
                "select min(id) as first, max(id) as last
                   from (select id from mandated.executions where id > $1 order by id limit $2) r",
                after,
                ROWS
            )
            .fetch_one(conn)
            .await?;
            (row.first, row.last)
        }
        RangeKey::Jobs => {
            let row = sqlx::query!(
                "select min(execution_id) as first, max(execution_id) as last
                   from (select execution_id from mandated.jobs where execution_id > $1 order by execution_id limit $2) r",
                after,
                ROWS
            )
            .fetch_one(conn)
            .await?;
            (row.first, row.last)
        }
        RangeKey::Intents => {
            let row = sqlx::query!(
                "select min(execution_id) as first, max(execution_id) as last
                   from (select execution_id from mandated.intents where execution_id > $1 order by execution_id limit $2) r",
                after,
                ROWS
            )
            .fetch_one(conn)
            .await?;
            (row.first, row.last)
        }
        RangeKey::Mandates => {
            let row = sqlx::query!(
                "select min(id) as first, max(id) as last
                   from (select id from mandated.mandates where id > $1 order by id limit $2) r",
                after,
                ROWS
            )
            .fetch_one(conn)
            .await?;
            (row.first, row.last)
        }
        RangeKey::MandateExecutions => {
            let row = sqlx::query!(
                "select min(mandate_id) as first, max(mandate_id) as last
                   from (select mandate_id from mandated.executions where mandate_id > $1 order by mandate_id, cycle_on limit $2) r",
                after,
                ROWS
            )
            .fetch_one(conn)
            .await?;
            (row.first, row.last)
        }
        RangeKey::Debits => {
            let row = sqlx::query!(
                "select min(mandate_id) as first, max(mandate_id) as last
                   from (select mandate_id from mandated.debits where mandate_id > $1 order by mandate_id, cycle_on limit $2) r",
                after,
                ROWS
            )
            .fetch_one(conn)
            .await?;
            (row.first, row.last)
        }
    };
    Ok(first.zip(to).map(|(first, last)| Range {
        after: first.saturating_sub(1),
        to: last.min(first.saturating_add(SPAN)),
    }))
}

/// The last key of a table, to tell how far a reading has come.
pub async fn last(conn: &mut PgConnection, over: RangeKey) -> sqlx::Result<i64> {
    let last = match over {
        RangeKey::Executions => sqlx::query_scalar!("select max(id) from mandated.executions"),
        RangeKey::Jobs => sqlx::query_scalar!("select max(execution_id) from mandated.jobs"),
        RangeKey::Intents => sqlx::query_scalar!("select max(execution_id) from mandated.intents"),
        RangeKey::Mandates | RangeKey::MandateExecutions | RangeKey::Debits => {
            sqlx::query_scalar!("select max(id) from mandated.mandates")
        }
    };
    Ok(last.fetch_one(conn).await?.unwrap_or(0))
}

/// Readies a transaction for the checks, and only that: a pooler hands the session to somebody else afterwards.
pub async fn prepare(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "select set_config(name, value, true)
           from (values ('transaction_read_only', 'on'), ('work_mem', '8MB'), ('max_parallel_workers_per_gather', '0'),
                        ('jit', 'off')) s (name, value)"
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Whether a worker is at work.
pub async fn is_busy(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select 1 from mandated.jobs where lease_token is not null) as "busy!""#
    )
    .fetch_one(conn)
    .await
}
