//! Who keeps dead rows from being removed.

use super::error::{StoreContext, StoreError};
use crate::store::pool::DatabasePool;

/// What has held on to old rows for the longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldestSnapshot {
    /// `session`, `prepared transaction` or `replication slot`.
    pub holder: String,
    /// Of the session, or of whoever uses the slot.
    pub pid: Option<i32>,
    /// The session's application, or the name of the transaction or slot.
    pub name: Option<String>,
    /// The transaction that it goes back to.
    pub xmin: String,
    /// Nothing for a slot, and for a session of which our role may not know when it began.
    pub age_s: Option<i64>,
}

/// The oldest snapshot of this database: while it is held, no row that died later is removed. Everybody may see whose it is and how far back it goes; since when a session
/// of another role has it, only a member of `pg_read_all_stats`.
pub async fn oldest_snapshot(pool: &DatabasePool) -> Result<Option<OldestSnapshot>, StoreError> {
    sqlx::query_as!(
        OldestSnapshot,
        r#"select h.holder as "holder!", h.pid, h.name, h.xmin::text as "xmin!",
                  extract(epoch from clock_timestamp() - h.since)::bigint as age_s
             from (select 'session' as holder, a.pid, a.application_name as name, held.xid as xmin, held.is_writer,
                          a.xact_start as since
                     from pg_stat_activity a
                     cross join lateral (values (a.backend_xid, true), (a.backend_xmin, false)) held (xid, is_writer)
                    where (a.datname = current_database() or a.datname is null) and a.pid <> pg_backend_pid()
                      -- What vacuums keeps nothing.
                      and a.pid not in (select v.pid from pg_stat_progress_vacuum v)
                   union all
                   select 'prepared transaction', null, p.gid, p.transaction, true, p.prepared
                     from pg_prepared_xacts p where p.database = current_database()
                   union all
                   select 'replication slot', s.active_pid, s.slot_name, s.xmin, true, null from pg_replication_slots s) h
            where h.xmin is not null
            -- Whoever began while a transaction was open goes back as far as that one: it is that one's doing.
            order by age(h.xmin) desc, h.is_writer desc, h.since nulls first, h.pid
            limit 1"#
    )
    .fetch_optional(pool)
    .await
    .context("find the oldest snapshot")
}
