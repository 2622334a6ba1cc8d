//! G2 and G4: when the calls were made, and how many.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Check, Finding, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        "G2",
        "no debit is tried within 24 hours of its notification's delivery",
        r#"
        select a.execution_id as "execution_id?", a.mandate_id as "mandate_id?",
               format('%s of %s at %s, with a notification delivered %s', a.call, a.reference, a.at,
                      coalesce('at ' || n.delivered_at, 'never')) as "detail!",
               count(*) over () as "total!"
          from mandated.attempts a
          join mandated.executions e on e.id = a.execution_id
          join mandated.mandates m on m.id = a.mandate_id
          left join lateral (select delivered_at from mandated.notifications n
                              where n.execution_id = a.execution_id and n.requested_at <= a.at
                              order by n.notification_no desc limit 1) n on true
         where a.call in ('execute', 'retry') and m.notify = 'separate'
           and (n.delivered_at is null or n.delivered_at > a.at - interval '24 hours')
         order by a.execution_id, a.id limit $1
        "#
    ),
    check!(
        "G2",
        "no intent is open for a debit within 24 hours of the notification",
        r#"
        select i.execution_id as "execution_id?", i.mandate_id as "mandate_id?",
               format('an intent is open for a debit at %s, notice %s, delivered %s', i.debit_at, i.notice,
                      coalesce('at ' || i.delivered_at, 'never')) as "detail!",
               count(*) over () as "total!"
          from mandated.intents i join mandated.mandates m on m.id = i.mandate_id
         where (i.notice = 'notified' and (i.delivered_at is null or i.debit_at < i.delivered_at + interval '24 hours'))
            or (i.notice = 'provider' and i.kind = 'execute' and i.debit_at < i.opened_at + interval '24 hours')
            or (i.notice = 'exempt' and m.notify <> 'none')
         order by i.execution_id limit $1
        "#
    ),
    check!(
        "G4",
        "an order is tried no more often under one notification than its policy allows",
        // Not counted: what never left, what was refused before it was processed, what a lost worker never came to, and
        // what a look-up before the next try showed was never processed: the provider did not know the order, or its
        // counter had not moved.
        r#"
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('order %s was tried %s times under one notification; %s are allowed', reference, tried, allowed)
                 as "detail!",
               count(*) over () as "total!"
          from (
            select a.execution_id, a.mandate_id, a.reference, count(*) as tried,
                   max((p.body ->> 'max_attempts')::integer) as allowed
              from mandated.attempts a
              join mandated.executions e on e.id = a.execution_id
              join mandated.policies p on p.id = e.policy_id
              left join lateral (select max(notification_no) as no from mandated.notifications n
                                  where n.execution_id = a.execution_id and n.delivered_at <= a.at) n on true
             where a.call in ('execute', 'retry')
               and a.outcome not in ('not_sent', 'throttled', 'account_refused', 'refused', 'not_found', 'already_exists')
               and not exists (
                 select from mandated.attempts l
                  where l.execution_id = a.execution_id and l.id > a.id
                    and l.call = 'order_status'
                    and (l.outcome = 'not_found'
                         or l.decision = 'the provider''s counter shows that the retry never happened; the same call goes out again')
                    and not exists (select from mandated.attempts b
                                     where b.execution_id = a.execution_id and b.id > a.id and b.id < l.id
                                       and b.call in ('execute', 'retry')))
               and (a.outcome <> 'lost' or not exists (
                 select from mandated.events v
                  where v.execution_id = a.execution_id and v.at >= a.at and v.from_state = 'executing'
                    and v.reason = 'the worker stopped before it made the call'
                    and not exists (select from mandated.attempts b
                                     where b.execution_id = a.execution_id and b.id > a.id and b.at < v.at
                                       and b.call in ('execute', 'retry'))))
             group by a.execution_id, a.mandate_id, a.reference, n.no) counted
         where tried > allowed
         order by execution_id limit $1
        "#
    ),
    check!(
        "G4",
        "a mandate is tried no more often in 30 days than the card networks allow",
        // Of the calls that were processed those count that failed, at once or by the next look-up, and not those whose
        // counter had not moved.
        r#"
        with made as (
          select a.id, a.at, a.execution_id, a.mandate_id, a.reference, a.call, e.max_attempts_in_30_days as allowed,
                 a.outcome = 'failed' or exists (
                   select from mandated.attempts l
                    where l.execution_id = a.execution_id and l.id > a.id and l.call = 'order_status' and l.outcome = 'failed'
                      and l.decision <> 'the provider''s counter shows that the retry never happened; the same call goes out again'
                      and not exists (select from mandated.attempts b
                                       where b.execution_id = a.execution_id and b.id > a.id and b.id < l.id
                                         and b.call in ('execute', 'retry'))) as declined
            from mandated.attempts a join mandated.executions e on e.id = a.execution_id
           where e.max_attempts_in_30_days is not null and a.call in ('execute', 'retry')
             and a.outcome not in ('not_sent', 'throttled', 'account_refused', 'refused', 'not_found', 'already_exists'))
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('%s of %s at %s, after %s declined tries in 30 days; %s are allowed', call, reference, at, before, allowed)
                 as "detail!",
               count(*) over () as "total!"
          from (select m.*, count(*) filter (where declined) over (
                         partition by mandate_id order by at
                         range between interval '30 days' preceding and interval '1 microsecond' preceding) as before
                  from made m) counted
         where before >= allowed
         order by execution_id, at limit $1
        "#
    ),
    check!(
        "G4",
        "a cycle has no more orders and notifications than its policy allows",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('%s orders and %s notifications', e.order_no, e.notification_no) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e join mandated.policies p on p.id = e.policy_id
         where e.order_no > (p.body ->> 'max_orders')::integer
            or e.notification_no > (p.body ->> 'notification_tries')::integer * e.order_no
         order by e.id limit $1
        "#
    ),
];

/// A policy as it is stored.
#[derive(Debug)]
pub struct StoredPolicy {
    pub id: i64,
    pub body: serde_json::Value,
}

/// Every policy: there are as many as the configuration had versions.
pub async fn policies(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredPolicy>> {
    sqlx::query_as!(
        StoredPolicy,
        "select id, body from mandated.policies order by id"
    )
    .fetch_all(conn)
    .await
}

/// A call that must lie in a window.
#[derive(Debug)]
pub struct Call {
    pub execution_id: i64,
    pub attempt_id: i64,
    pub mandate_id: i64,
    pub policy_id: i64,
    pub at: DateTime<Utc>,
    pub call: String,
    pub reference: String,
}

/// Where a reading of the attempts has come to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    pub execution_id: i64,
    pub attempt_id: i64,
}

/// The next calls after a place that must lie in a window. Where the provider notifies, the first call may be made at
/// any time: it hands over when to debit.
pub async fn calls_after(
    conn: &mut PgConnection,
    place: Place,
    policies: &[i64],
    limit: i64,
) -> sqlx::Result<Vec<Call>> {
    sqlx::query_as!(
        Call,
        "select a.execution_id, a.id as attempt_id, a.mandate_id, e.policy_id, a.at, a.call, a.reference
           from mandated.attempts a
           join mandated.executions e on e.id = a.execution_id
           join mandated.mandates m on m.id = a.mandate_id
          where (a.execution_id, a.id) > ($1, $2) and e.policy_id = any($3)
            and (a.call in ('notify', 'retry') or (a.call = 'execute' and m.notify <> 'provider'))
          order by a.execution_id, a.id limit $4",
        place.execution_id,
        place.attempt_id,
        policies,
        limit
    )
    .fetch_all(conn)
    .await
}
