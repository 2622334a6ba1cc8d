//! What a doctor asks the database about itself.

use super::error::{StoreContext, StoreError};
use crate::domain::Timestamp;
use crate::store::pool::DatabasePool;

/// The server's settings that the guarantees stand on, and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub version: String,
    pub major: i32,
    /// A standby, or a database that is set to read-only.
    pub is_read_only: bool,
    /// Of `fsync`, `full_page_writes`, `synchronous_commit`, `autovacuum` and `track_counts`, those that are off.
    pub off: Vec<String>,
    /// For everybody but superusers.
    pub connections: i32,
    pub connected: i64,
    pub role: String,
    pub is_superuser: bool,
    /// Whether the role may make tables in the schema.
    pub may_change_schema: bool,
    pub time: Timestamp,
}

/// Reads them.
pub async fn server(pool: &DatabasePool) -> Result<Server, StoreError> {
    sqlx::query_as!(
        Server,
        r#"select current_setting('server_version') as "version!", current_setting('server_version_num')::integer / 10000 as "major!",
                  pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as "is_read_only!",
                  array(select name from pg_settings
                         where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'autovacuum', 'track_counts')
                           and setting = 'off' order by name) as "off!",
                  current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                    as "connections!",
                  (select count(*) from pg_stat_activity where backend_type = 'client backend') as "connected!",
                  current_user::text as "role!", (select rolsuper from pg_roles where rolname = current_user) as "is_superuser!",
                  has_schema_privilege('mandated', 'create') as "may_change_schema!", clock_timestamp() as "time!""#
    )
    .fetch_one(pool)
    .await
    .context("read the server's settings")
}

/// What a daemon does with the tables, beside reading all of them; `deploy/sql/roles.sql` grants it.
const NEEDED: [(&str, &str); 16] = [
    ("debits", "insert"),
    ("attempts", "insert"),
    ("events", "insert"),
    ("policies", "insert"),
    ("resolutions", "insert"),
    ("operator_requests", "insert"),
    ("accounts", "insert, update"),
    ("rails", "update"),
    ("mandates", "insert, update"),
    ("executions", "insert, update, delete"),
    ("notifications", "insert, update, delete"),
    ("jobs", "insert, update, delete"),
    ("intents", "insert, update, delete"),
    ("budgets", "insert, update, delete"),
    ("account_faults", "insert, update, delete"),
    ("daemons", "insert, update, delete"),
];

/// What is never changed once it is written.
const WRITTEN_ONCE: [&str; 5] = [
    "debits",
    "attempts",
    "events",
    "resolutions",
    "operator_requests",
];

/// Rights that the role ought to have and has not, and rights that it has and ought not to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// `insert on jobs`, and so on.
    pub missing: Vec<String>,
    /// Tables whose history it could rewrite.
    pub rewritable: Vec<String>,
}

pub async fn rights(pool: &DatabasePool) -> Result<Rights, StoreError> {
    let needed = NEEDED
        .into_iter()
        .flat_map(|(table, rights)| rights.split(", ").map(move |right| (table, right)));
    let (tables, rights): (Vec<_>, Vec<_>) = needed
        .map(|(table, right)| (table.to_owned(), right.to_owned()))
        .unzip();
    let once = WRITTEN_ONCE.map(str::to_owned);
    sqlx::query_as!(
        Rights,
        r#"select array(select format('%s on %s', n.privilege, n.name) from unnest($1::text[], $2::text[]) n (name, privilege)
                         where not has_table_privilege('mandated.' || n.name, n.privilege)
                        union all
                        select format('%s on %s', case c.relkind when 'S' then 'usage' else 'select' end, c.relname)
                          from pg_class c
                         where c.relnamespace = 'mandated'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
                           and not c.relispartition
                           and not case c.relkind when 'S' then has_sequence_privilege(c.oid, 'usage')
                                                  else has_table_privilege(c.oid, 'select') end
                        union all
                        select format('execute on %s', f) from unnest(array['make_partitions(timestamptz, integer, text[])',
                                                                           'drop_partitions(text, timestamptz)']) f
                         where not has_function_privilege('mandated.' || f, 'execute')) as "missing!",
                  array(select t from unnest($3::text[]) t
                         where has_table_privilege('mandated.' || t, 'update')
                            or has_table_privilege('mandated.' || t, 'delete')) as "rewritable!""#,
        &tables,
        &rights,
        &once
    )
    .fetch_one(pool)
    .await
    .context("read the role's rights")
}

/// Partitions of the months that rows are written to now and next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitions {
    /// Those that are not there.
    pub missing: Vec<String>,
    /// Tables with rows that found no partition.
    pub late: Vec<String>,
}

pub async fn partitions(pool: &DatabasePool, now: Timestamp) -> Result<Partitions, StoreError> {
    sqlx::query_as!(
        Partitions,
        r#"select array(select part from (
                    select format('%s_%s', parent, to_char(($1 at time zone 'UTC') + make_interval(months => ahead), 'YYYYMM')) as part
                      from unnest(array['attempts', 'events']) parent, generate_series(0, 1) ahead) p
                   where to_regclass('mandated.' || part) is null order by part) as "missing!",
                  array(select 'attempts' where exists (select from mandated.attempts_default)
                        union all
                        select 'events' where exists (select from mandated.events_default)) as "late!""#,
        now
    )
    .fetch_one(pool)
    .await
    .context("look for the partitions")
}

/// How many daemons have beaten within this many seconds.
pub async fn daemons(pool: &DatabasePool, within_s: f64) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from mandated.daemons where heartbeat_at >= now() - make_interval(secs => $1)"#,
        within_s
    )
    .fetch_one(pool)
    .await
    .context("count the daemons")
}
