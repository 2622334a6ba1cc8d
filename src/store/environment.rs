//! What an account is bound to: the merchant at its provider, the kind of clock, and the database itself.
//!
//! A database that was restored, copied or failed over has forgotten what it sent, or another one sends the same. And orders of a
//! live provider must never be looked up in a sandbox: it knows none of them. So an account moves money only in the environment
//! that it was first used in, and `mandated accounts rebind` is the deliberate way into another one.

use std::fmt;

use sqlx::PgConnection;

use super::error::{StoreContext, StoreError};
use super::pauses::Attribution;
use crate::domain::{AccountId, ProviderKind, Timestamp};
use crate::store::pool::DatabasePool;

/// What the configuration says of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredAccount<'a> {
    pub name: &'a str,
    pub provider: ProviderKind,
    /// Who we are at the provider, normalised.
    pub merchant: String,
    pub is_simulated: bool,
}

/// Where an account is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    pub merchant: String,
    pub is_simulated: bool,
    /// See [`DatabaseIdentity`].
    pub database: String,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = if self.is_simulated {
            "a simulated clock"
        } else {
            "the real clock"
        };
        write!(f, "{} by {clock}, {}", self.merchant, self.database)
    }
}

/// Where an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Where it is bound to.
    Bound,
    /// In any database: what moves no money may be done before a recovery.
    AnyDatabase,
}

/// Which database it is: what a restore or a copy changes, and what a fail-over changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseIdentity {
    /// The server's system identifier, the numbers of the database and of one of its tables, and the transaction that has inserted the row
    /// of `installation`, which nobody ever updates: rows that are put back into the tables that they came from have another one. Freezing
    /// and rewriting a table keep it. A copy of the whole data directory that was never promoted has all of it: nothing in it can tell.
    pub identity: String,
    /// Another one after each fail-over.
    pub timeline: String,
}

impl fmt::Display for DatabaseIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, timeline {}", self.identity, self.timeline)
    }
}

/// As it is written in the binding of an account.
pub(super) async fn database(conn: &mut PgConnection) -> Result<String, StoreError> {
    let identity = sqlx::query_as!(
        DatabaseIdentity,
        r#"select identity as "identity!", timeline as "timeline!" from mandated.this_database()"#
    );
    let identity = identity
        .fetch_one(conn)
        .await
        .context("read which database this is")?;
    Ok(identity.to_string())
}

/// The number of a configured account; it gets one when it is new, and is bound to its environment when it is first used.
///
/// An account cannot change its provider: its mandates would be looked up where nobody knows them.
pub async fn register(
    conn: &mut PgConnection,
    account: &ConfiguredAccount<'_>,
    may_be: Where,
) -> Result<AccountId, StoreError> {
    let here = Environment {
        merchant: account.merchant.clone(),
        is_simulated: account.is_simulated,
        database: database(conn).await?,
    };
    let row = bind_if_new(conn, account, &here).await?;
    if row.provider != account.provider.as_str() {
        return Err(of_another_provider(account, &row.provider));
    }
    let id = AccountId(row.id);
    let bound = row.environment();
    let is_here = match may_be {
        Where::Bound => bound == here,
        Where::AnyDatabase => is_other_database(&bound, &here),
    };
    if !is_here {
        return Err(StoreError::OtherEnvironment {
            account: account.name.to_owned(),
            bound: bound.to_string(),
            here: here.to_string(),
        });
    }
    Ok(id)
}

/// Where an account is bound to, and where it would be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displaced {
    pub account: String,
    pub bound: Environment,
    pub here: Environment,
}

/// The accounts that may not be used here. Binds none.
pub async fn displaced(
    conn: &mut PgConnection,
    accounts: &[ConfiguredAccount<'_>],
) -> Result<Vec<Displaced>, StoreError> {
    let database = database(conn).await?;
    let mut displaced = Vec::new();
    for account in accounts {
        let row = sqlx::query_as!(
            Bound,
            r#"select id, provider, coalesce(merchant, '') as "merchant!", coalesce(is_simulated, false) as "is_simulated!",
                      coalesce(database, '') as "database!"
                 from mandated.accounts where name = $1 and merchant is not null"#,
            account.name
        );
        let row = row
            .fetch_optional(&mut *conn)
            .await
            .context("read what the account is bound to")?;
        let here = Environment {
            merchant: account.merchant.clone(),
            is_simulated: account.is_simulated,
            database: database.clone(),
        };
        let bound = row.map(Bound::environment);
        if let Some(bound) = bound.filter(|bound| *bound != here) {
            displaced.push(Displaced {
                account: account.name.to_owned(),
                bound,
                here,
            });
        }
    }
    Ok(displaced)
}

pub(super) fn of_another_provider(account: &ConfiguredAccount<'_>, known: &str) -> StoreError {
    StoreError::Corrupt {
        what: format!("register account {}", account.name),
        why: format!(
            "the database has it as a {known} account, the configuration as {}",
            account.provider
        ),
    }
}

/// Gives an account its number, and leaves it to its first use what it is bound to.
pub async fn number(
    pool: &DatabasePool,
    name: &str,
    provider: ProviderKind,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into mandated.accounts (name, provider) values ($1, $2) on conflict (name) do nothing",
        name,
        provider.as_str()
    )
    .execute(pool)
    .await
    .context("register the configured accounts")?;
    Ok(())
}

struct Bound {
    id: i16,
    provider: String,
    merchant: String,
    is_simulated: bool,
    database: String,
}

impl Bound {
    fn environment(self) -> Environment {
        Environment {
            merchant: self.merchant,
            is_simulated: self.is_simulated,
            database: self.database,
        }
    }
}

async fn bind_if_new(
    conn: &mut PgConnection,
    account: &ConfiguredAccount<'_>,
    here: &Environment,
) -> Result<Bound, StoreError> {
    let what = "register the configured accounts";
    let bound = sqlx::query!(
        // An account that a restored database does not know may have been used since: it has something to recover too.
        "insert into mandated.accounts as a (name, provider, merchant, is_simulated, database, recovering_since)
         values ($1, $2, $3, $4, $5,
                 case when exists (select from mandated.accounts o where o.name <> $1 and o.database <> $5) then now() end)
         on conflict (name) do update
            set merchant = excluded.merchant, is_simulated = excluded.is_simulated, database = excluded.database,
                recovering_since = coalesce(a.recovering_since, excluded.recovering_since)
          where a.merchant is null and a.provider = excluded.provider",
        account.name,
        account.provider.as_str(),
        here.merchant,
        here.is_simulated,
        here.database
    );
    if let Err(problem) = bound.execute(&mut *conn).await {
        return Err(if taken(&problem) {
            same_merchant(account)
        } else {
            StoreError::Database {
                what,
                source: problem,
            }
        });
    }
    sqlx::query_as!(
        Bound,
        r#"select id, provider, coalesce(merchant, '') as "merchant!", coalesce(is_simulated, false) as "is_simulated!",
                  coalesce(database, '') as "database!"
             from mandated.accounts where name = $1"#,
        account.name
    )
    .fetch_one(conn)
    .await
    .context(what)
}

pub(super) fn same_merchant(account: &ConfiguredAccount<'_>) -> StoreError {
    StoreError::SameMerchant {
        account: account.name.to_owned(),
        merchant: account.merchant.clone(),
    }
}

/// Whether another account has the merchant.
pub(super) fn taken(problem: &sqlx::Error) -> bool {
    let constraint = problem
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::constraint);
    constraint == Some("accounts_merchant_key")
}

/// Whether nothing but the database differs, as after a restore.
fn is_other_database(bound: &Environment, here: &Environment) -> bool {
    bound.merchant == here.merchant && bound.is_simulated == here.is_simulated
}

/// A heartbeat that a daemon has committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    pub daemon: i64,
    /// How many it was of this daemon's.
    pub beats: i64,
}

/// After a fail-over: binds the accounts of the database before to the new timeline; their names. Nothing if commits may be lost: the last
/// heartbeat of the daemon that asks is not there. To one that has not beaten, a restored base backup looks the same as a replica that has
/// taken over.
pub async fn follow(
    conn: &mut PgConnection,
    before: &DatabaseIdentity,
    now: &DatabaseIdentity,
    heartbeat: Option<Heartbeat>,
) -> Result<Option<Vec<String>>, StoreError> {
    let followed = sqlx::query!(
        r#"with known as (
             select exists (select from mandated.daemons where id = $3 and beats >= $4) as has_beat
           ), bound as (
             update mandated.accounts set database = $2 where database = $1 and (select has_beat from known) returning name
           )
           select has_beat as "is_certain!", array(select name from bound order by name) as "accounts!" from known"#,
        before.to_string(),
        now.to_string(),
        heartbeat.map(|heartbeat| heartbeat.daemon),
        heartbeat.map(|heartbeat| heartbeat.beats)
    )
    .fetch_one(conn)
    .await
    .context("bind the accounts to the server that has taken over")?;
    Ok(followed.is_certain.then_some(followed.accounts))
}

/// Binds an account to where it is used from now on; where it was before. Nothing if there is no such account.
pub async fn rebind(
    conn: &mut PgConnection,
    account: &ConfiguredAccount<'_>,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<Option<Environment>, StoreError> {
    let database = database(conn).await?;
    let before = sqlx::query!(
        r#"with before as (
             select id, coalesce(merchant, '') as merchant, coalesce(is_simulated, false) as is_simulated, coalesce(database, '') as database
               from mandated.accounts where name = $1 for update
           ), bound as (
             update mandated.accounts a set merchant = $2, is_simulated = $3, database = $4, worked_at = null from before b where a.id = b.id
           ), noted as (
             insert into mandated.operator_requests (at, account_id, what, who, reason) select $5, id, 'rebind', $6, $7 from before
           )
           select merchant as "merchant!", is_simulated as "is_simulated!", database as "database!" from before"#,
        account.name,
        account.merchant,
        account.is_simulated,
        database,
        now,
        attribution.who,
        attribution.reason
    )
    .fetch_optional(conn)
    .await;
    let before = match before {
        Err(problem) if taken(&problem) => return Err(same_merchant(account)),
        answered => answered.context("rebind the account")?,
    };
    Ok(before.map(|before| Environment {
        merchant: before.merchant,
        is_simulated: before.is_simulated,
        database: before.database,
    }))
}
