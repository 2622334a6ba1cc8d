//! What follows for an execution, in one transaction: its state, its debit, its next look-up, the event, the calls that were made for it,
//! and that it was asked about.

use sqlx::PgConnection;

use super::{OpenRecovery, Subject};
use crate::domain::machine::Conclusion;
use crate::domain::machine::recover::Recovered;
use crate::domain::{Amount, Class, Notify, ProviderKind, Step, Timestamp};
use crate::store::audit::orders::record;
use crate::store::columns::small;
use crate::store::error::{StoreContext, StoreError};
use crate::store::planning::{begin, commit};
use crate::store::pool::DatabasePool;
use crate::store::settle::Attempt;
use crate::wording;

/// What the decision of an attempt says that a recovery has made.
const ASKED: &str = "asked by the recovery";

/// What came of an execution.
#[derive(Debug)]
pub struct ExecutionResult<'a> {
    pub recovery: OpenRecovery,
    pub subject: &'a Subject,
    /// As it was after the last look-up was counted.
    pub version: &'a str,
    pub attempts: &'a [Attempt],
    /// Nothing where the provider did not answer: it is asked again.
    pub recovered: Option<&'a Recovered>,
    /// In the attempts.
    pub worker: &'a str,
}

/// Whether it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Done,
    /// Somebody has changed the execution meanwhile. What was asked is on record, and nothing else.
    Overtaken,
    /// Another execution of the mandate has the payment that was found. What was asked is on record, and nothing else.
    Taken,
}

/// Writes what came of an execution. The job is locked first: a worker that holds it is not overtaken.
pub async fn write(
    pool: &DatabasePool,
    result: &ExecutionResult<'_>,
    now: Timestamp,
) -> Result<Written, StoreError> {
    let id = result.subject.execution.id;
    let mut tx = begin(pool).await?;
    let conclusion = match result.recovered {
        Some(
            Recovered::Collected(conclusion)
            | Recovered::NotCollected(conclusion)
            | Recovered::Review(conclusion),
        ) => Some(&**conclusion),
        Some(Recovered::NotFound | Recovered::Known) | None => None,
    };
    let found = conclusion.and_then(|conclusion| conclusion.provider_ref.as_deref());
    let is_taken = match found {
        Some(found) => is_taken(&mut tx, result.subject, found).await?,
        None => false,
    };
    let is_held = sqlx::query_scalar!(
        r#"select lease_token is not null as "is_held!" from mandated.jobs where execution_id = $1 for update"#,
        id.0
    );
    let is_held = is_held
        .fetch_optional(&mut *tx)
        .await
        .context("lock the job")?;
    let is_same = sqlx::query_scalar!(
        r#"select xmin::text = $2 as "is_same!" from mandated.executions where id = $1 for update"#,
        id.0,
        result.version
    );
    let is_same = is_same
        .fetch_optional(&mut *tx)
        .await
        .context("lock the execution")?;
    let is_ours = is_held != Some(true) && is_same == Some(true) && !is_taken;
    let words = conclusion.map(|conclusion| {
        let zone = result.subject.policy.debit_windows.time_zone();
        wording::reason(&conclusion.decision.reason, zone)
    });
    let words = words.filter(|_| is_ours);
    for attempt in result.attempts {
        let decision = words.as_deref().unwrap_or(ASKED);
        record(&mut *tx, attempt, decision, attempt.at, result.worker).await?;
    }
    if let (Some(conclusion), Some(words)) = (conclusion, &words) {
        change(&mut tx, result.subject, conclusion, words, now).await?;
        intent(&mut tx, result, conclusion, now).await?;
    }
    if is_ours && result.recovered.is_some() {
        doubt_notification(&mut tx, result.subject).await?;
    }
    if let Some(recovered) = result.recovered.filter(|_| is_ours) {
        done(&mut tx, result, recovered, now).await?;
    }
    commit(tx).await?;
    Ok(if is_ours {
        Written::Done
    } else if is_taken {
        Written::Taken
    } else {
        Written::Overtaken
    })
}

/// The payer may have been notified before this was forgotten, however long ago. A provider that has the notification says so when it is
/// sent again, and it is made anew then; one that takes it as new ends the doubt.
async fn doubt_notification(conn: &mut PgConnection, subject: &Subject) -> Result<(), StoreError> {
    if subject.execution.notify != Notify::Separate {
        return Ok(());
    }
    sqlx::query!(
        "update mandated.executions
            set is_forgotten = true, undelivered_at = case when delivered_at is null then coalesce(undelivered_at, $2) else undelivered_at end
          where id = $1",
        subject.execution.id.0,
        Timestamp::UNIX_EPOCH
    )
    .execute(conn)
    .await
    .context("doubt a notification")?;
    Ok(())
}

/// Whether another execution of the mandate has a payment. Where the provider has no order ids of ours, two that are asked about at once
/// may be answered with the same one: so whoever writes what was found of a mandate is alone, and the second sees what the first wrote.
async fn is_taken(
    conn: &mut PgConnection,
    subject: &Subject,
    found: &str,
) -> Result<bool, StoreError> {
    let (mandate, id) = (subject.mandate.id.0, subject.execution.id.0);
    let what = "look whose payment was found";
    // A lock on no row: nobody who locks the mandate, or what it has, in another order can be in a deadlock with it.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtext('mandated found payment'), hashtext($1::bigint::text))",
        mandate
    )
    .execute(&mut *conn)
    .await
    .context(what)?;
    sqlx::query_scalar!(
        r#"select exists (select from mandated.debits where mandate_id = $1 and execution_id <> $2 and provider_txn = $3)
               or exists (select from mandated.executions where mandate_id = $1 and id <> $2 and provider_ref = $3) as "is_taken!""#,
        mandate,
        id,
        found
    )
    .fetch_one(conn)
    .await
    .context(what)
}

/// The debit is inserted without a way out: if the cycle has one by now, its primary key refuses all of this.
async fn change(
    conn: &mut PgConnection,
    subject: &Subject,
    conclusion: &Conclusion,
    words: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (decision, transition) = (&conclusion.decision, &conclusion.transition);
    let (progress, execution, identity) = (
        &decision.progress,
        &subject.execution,
        subject.cycle_identity(),
    );
    let is_ours =
        execution.notify == Notify::Separate && execution.provider == ProviderKind::Juspay;
    let notification_ref = is_ours.then(|| identity.notification_ref(progress.notification_no));
    // A debit states what the answer states, and nothing else.
    let stated = transition
        .collected
        .and_then(|collection| collection.stated);
    let debited = conclusion.debited_order.map(|no| identity.order_id(no));
    let declined = Some(decision.declined)
        .filter(|declined| *declined > 0 && subject.policy.max_attempts_in_30_days.is_some());
    sqlx::query!(
        r#"with changed as (
             update mandated.executions
                set updated_at = $2::timestamptz, state = $3::text, finished_at = case when $4::boolean then coalesce(finished_at, $2::timestamptz) end,
                    reason = $5::text, class = $6::text, order_id = $7::text, order_no = $8, notification_ref = $9, notification_no = $10,
                    undelivered_at = $11, delivered_at = $12, execute_at = $13, debit_attempts = $14, step_attempts = $15, lookups = $16,
                    earlier_attempts = $30, not_before = $17, failed_at = $18, sent_at = $19, provider_ref = coalesce($20, provider_ref)
              where id = $1
             returning account_id, mandate_id, amount_minor, currency
           ), dropped as (
             delete from mandated.jobs where execution_id = $1 and $21::text is null
           ), planned as (
             insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
             select $1, account_id, mandate_id, $21::text, $22 from changed where $21::text is not null
             on conflict (execution_id) do update
                set parked = false, run_before = null, run_at = excluded.run_at, step = excluded.step
           ), proven as (
             insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, amount_minor, currency, proven_at)
             select mandate_id, $23::date, $1, $24::text, $20, $28::bigint, $29::text, $2::timestamptz from changed where $24::text is not null
           ), spent as (
             insert into mandated.budgets (mandate_id, day, declined_attempts)
             select mandate_id, ($2::timestamptz at time zone 'UTC')::date, $25::integer from changed where $25::integer is not null
             on conflict (mandate_id, day) do update set declined_attempts = budgets.declined_attempts + excluded.declined_attempts
           )
           insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                                        amount_minor, currency, class, reason)
           select $2::timestamptz, 'execution.found', mandate_id, $26, $1, $23::date, $27, $3::text, $7::text, amount_minor, currency, $6::text, $5::text
             from changed where $27 <> $3::text"#,
        execution.id.0,
        now,
        transition.to.as_str(),
        transition.to.is_final(),
        words,
        decision.class.map(Class::as_str),
        identity.order_id(progress.order_no),
        small(progress.order_no),
        notification_ref,
        small(progress.notification_no),
        progress.undelivered_at,
        progress.delivered_at,
        progress.execute_at,
        small(progress.debit_attempts),
        small(progress.step_attempts),
        small(progress.lookups),
        progress.not_before,
        progress.failed_at,
        progress.sent_at,
        conclusion.provider_ref,
        decision.next.map(|next| next.step).map(Step::as_str),
        decision.next.map(|next| next.span.opens),
        execution.cycle.on,
        debited,
        declined.map(i32::from),
        subject.mandate.reference,
        execution.state.as_str(),
        stated.map(Amount::minor),
        stated.map(|amount| amount.currency().to_string()),
        small(progress.earlier_attempts)
    )
    .execute(conn)
    .await
    .context("write what was found")?;
    Ok(())
}

/// A debit that is proven has no open call; one that was found open has one, so that no other debit of the mandate begins before it is
/// proven. Where another one is open, it waits for its look-up without.
async fn intent(
    conn: &mut PgConnection,
    result: &ExecutionResult<'_>,
    conclusion: &Conclusion,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, what) = (
        result.subject.execution.id.0,
        "write the intent of what was found",
    );
    let order = result
        .subject
        .cycle_identity()
        .order_id(conclusion.decision.progress.order_no);
    match result.recovered {
        Some(Recovered::Collected(_)) => {
            sqlx::query!("delete from mandated.intents where execution_id = $1", id)
                .execute(conn)
                .await
                .context(what)?;
        }
        Some(Recovered::NotCollected(_)) => {
            sqlx::query!(
                "delete from mandated.intents where execution_id = $1 and order_id <> $2",
                id,
                order
            )
            .execute(&mut *conn)
            .await
            .context(what)?;
            sqlx::query!(
                "insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor, notice,
                                               debit_at, opened_at, opened_by)
                 select id, mandate_id, cycle_on, 'execute', order_id, amount_minor, max_amount_minor, 'found', $2, $2,
                        nextval('mandated.lease_tokens')
                   from mandated.executions where id = $1
                 on conflict do nothing",
                id,
                now
            )
            .execute(conn)
            .await
            .context(what)?;
        }
        Some(Recovered::Review(_) | Recovered::NotFound | Recovered::Known) | None => {}
    }
    Ok(())
}

/// It is not asked about again in this recovery.
async fn done(
    conn: &mut PgConnection,
    result: &ExecutionResult<'_>,
    recovered: &Recovered,
    now: Timestamp,
) -> Result<(), StoreError> {
    let word = match recovered {
        Recovered::NotFound => "not_found",
        Recovered::Known => "known",
        Recovered::NotCollected(_) => "not_collected",
        Recovered::Collected(_) => "collected",
        Recovered::Review(_) => "review",
    };
    sqlx::query!(
        "insert into mandated.recovered_executions (recovery_id, execution_id, at, result) values ($1, $2, $3, $4)",
        result.recovery.id,
        result.subject.execution.id.0,
        now,
        word
    )
    .execute(conn)
    .await
    .context("note that an execution was asked about")?;
    Ok(())
}
