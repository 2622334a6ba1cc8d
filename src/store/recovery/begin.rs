//! The begin of a recovery: an account is bound to where it is used from now on, and recovering, at one instant.

use chrono::TimeDelta;
use sqlx::{Connection, PgConnection};

use crate::domain::{AccountId, Timestamp};
use crate::store::environment::{
    ConfiguredAccount, Environment, database, of_another_provider, same_merchant, taken,
};
use crate::store::error::{StoreContext, StoreError};
use crate::store::pauses::Attribution;

const WHAT: &str = "begin the recovery of the account";

/// A recovery that was left alone for longer is begun anew: a copy of this database, or a daemon on a disk that was rolled back, may have
/// sent what it had found not to exist. Longer than the two hours that a spent budget of look-ups asks for: with a provider that leaves one
/// question in five unanswered, a recovery that asked all of them anew each time would never end.
const FRESH: TimeDelta = TimeDelta::hours(3);

/// A recovery that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRecovery {
    pub id: i64,
    pub account: AccountId,
    /// What was sent from then on may be forgotten.
    pub since: Timestamp,
    pub started_at: Timestamp,
}

/// Begins the recovery of an account, or goes on with the one that was just at work in this database. Either looks back as far as the one
/// before. It looks back to the last thing that this database knows a daemon to have done, if `since` is later: whatever was done between the two is
/// forgotten as well.
///
/// The account is bound to this database and recovering in one transaction, so that there is no moment at which it could move money.
/// Another merchant or another kind of clock is refused: there nobody knows its orders, and "not found" would say nothing.
pub async fn begin(
    conn: &mut PgConnection,
    account: &ConfiguredAccount<'_>,
    since: Timestamp,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<OpenRecovery, StoreError> {
    let mut tx = conn.begin().await.context("begin a transaction")?;
    let (account_id, before) = bind(&mut tx, account, since, attribution, now).await?;
    let last = last_work(&mut tx, account_id).await?;
    let since = [before, last]
        .into_iter()
        .flatten()
        .fold(since, Timestamp::min);
    let open = sqlx::query!(
        "insert into mandated.recoveries as r (account_id, since, started_at, seen_at, who, reason) values ($1, $2, $3, $3, $4, $5)
         on conflict (account_id) where finished_at is null do update set since = least(r.since, excluded.since), seen_at = excluded.seen_at
         returning id, since, started_at",
        account_id,
        since,
        now,
        attribution.who,
        attribution.reason
    )
    .fetch_one(&mut *tx)
    .await
    .context(WHAT)?;
    tx.commit().await.context("commit a transaction")?;
    Ok(OpenRecovery {
        id: open.id,
        account: AccountId(account_id),
        since: open.since,
        started_at: open.started_at,
    })
}

/// Ends the open recovery of an account if nobody was at work on it since an instant, or if it did not look back as far: whatever it asked
/// before, it asked of another past.
/// How far it looked back, for that is still to be asked.
async fn abandon(
    conn: &mut PgConnection,
    account: i16,
    (unless_seen_since, since, now): (Option<Timestamp>, Timestamp, Timestamp),
) -> Result<Option<Timestamp>, StoreError> {
    sqlx::query_scalar!(
        "update mandated.recoveries set finished_at = greatest(started_at, $2)
          where account_id = $1 and finished_at is null and ($3::timestamptz is null or seen_at < $3 or since > $4)
         returning since",
        account,
        now,
        unless_seen_since,
        since
    )
    .fetch_optional(conn)
    .await
    .context("end a recovery of the database before")
}

/// When a daemon last worked on an execution, as far as this database knows; where none has, when the first mandate came, for it may have
/// been debited since. What operators and recoveries do is no sign of how old the dump is: they have done it since.
async fn last_work(conn: &mut PgConnection, account: i16) -> Result<Option<Timestamp>, StoreError> {
    sqlx::query_scalar!(
        r#"select coalesce(
             (select v.at from mandated.events v
               where v.kind not in ('execution.found', 'execution.resolved')
                 and v.to_state in ('notifying', 'notified', 'executing', 'pending', 'charged')
                 and exists (select from mandated.executions e where e.id = v.execution_id and e.account_id = $1)
               order by v.id desc limit 1),
             (select min(created_at) from mandated.mandates where account_id = $1)) as at"#,
        account
    )
    .fetch_one(conn)
    .await
    .context("find when a daemon last worked for the account")
}

/// Binds an account to where it is used from now on and marks it as recovering; its number, and how far a recovery of the database before
/// had to look back.
async fn bind(
    conn: &mut PgConnection,
    account: &ConfiguredAccount<'_>,
    since: Timestamp,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<(i16, Option<Timestamp>), StoreError> {
    let here = Environment {
        merchant: account.merchant.clone(),
        is_simulated: account.is_simulated,
        database: database(conn).await?,
    };
    sqlx::query!(
        "insert into mandated.accounts (name, provider) values ($1, $2) on conflict (name) do nothing",
        account.name,
        account.provider.as_str()
    )
    .execute(&mut *conn)
    .await
    .context(WHAT)?;
    let before = sqlx::query!(
        "select id, provider, merchant, is_simulated, database from mandated.accounts where name = $1 for update",
        account.name
    )
    .fetch_one(&mut *conn)
    .await
    .context(WHAT)?;
    if before.provider != account.provider.as_str() {
        return Err(of_another_provider(account, &before.provider));
    }
    // One that was under way when the dump was taken is of the database before, however young it is.
    let is_here = before.database.as_ref() == Some(&here.database);
    let fresh_from = now.checked_sub_signed(FRESH).filter(|_| is_here);
    let looked_back = abandon(conn, before.id, (fresh_from, since, now)).await?;
    if let (Some(merchant), Some(is_simulated), Some(database)) =
        (before.merchant, before.is_simulated, before.database)
    {
        let bound = Environment {
            merchant,
            is_simulated,
            database,
        };
        if (&bound.merchant, bound.is_simulated) != (&here.merchant, here.is_simulated) {
            return Err(StoreError::OtherEnvironment {
                account: account.name.to_owned(),
                bound: bound.to_string(),
                here: here.to_string(),
            });
        }
    }
    let marked = sqlx::query!(
        "with marked as (
           update mandated.accounts
              set merchant = $2, is_simulated = $3, database = $4, recovering_since = coalesce(recovering_since, $5)
            where id = $1
           returning id
         )
         insert into mandated.operator_requests (at, account_id, what, who, reason) select $5, id, 'recover', $6, $7 from marked",
        before.id,
        here.merchant,
        here.is_simulated,
        here.database,
        now,
        attribution.who,
        attribution.reason
    );
    if let Err(source) = marked.execute(&mut *conn).await {
        return Err(if taken(&source) {
            same_merchant(account)
        } else {
            StoreError::Database { what: WHAT, source }
        });
    }
    Ok((before.id, looked_back))
}
