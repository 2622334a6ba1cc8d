//! G8, G9 and G10: everything is on record once, in one unbroken line, and nobody's address is in it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Check, Finding, Range, RangeKey, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        Executions,
        "G6",
        "what a person resolves is on record with who, why and by what evidence",
        r#"
        with said as materialized (
          select execution_id, count(*) as times from mandated.events
           where execution_id > $2 and execution_id <= $3 and kind = 'execution.resolved' and at >= $4
           group by execution_id
        ), kept as materialized (
          select execution_id, count(*) as times from mandated.resolutions
           where execution_id > $2 and execution_id <= $3 and at >= $4
           group by execution_id
        )
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('%s times resolved by its events, %s times by the record', coalesce(v.times, 0), coalesce(r.times, 0)) as "detail!",
               count(*) over () as "total!"
          from said v full join kept r on r.execution_id = v.execution_id
         cross join lateral (select id, mandate_id from mandated.executions where id = coalesce(v.execution_id, r.execution_id) limit 1) e
         where v.times is distinct from r.times
         order by e.id limit $1
        "#,
        history_from
    ),
    check!(
        Executions,
        "G8",
        "a job is settled once",
        // A lease has a token of its own, and its job asks about an order or calls for it once.
        r#"
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('%s of %s is written %s times under the lease %s', call, reference, count(*), lease_token) as "detail!",
               count(*) over () as "total!"
          from mandated.attempts
         where execution_id > $2 and execution_id <= $3
         group by execution_id, mandate_id, lease_token, call, reference having count(*) > 1
         order by execution_id, lease_token limit $1
        "#
    ),
    check!(
        Executions,
        "G9",
        "no address of a payer is in a reason",
        r#"
        select execution_id, mandate_id as "mandate_id?", format('an @ is in the %s', place) as "detail!", count(*) over () as "total!"
          from (
            select id, mandate_id, 'reason' from mandated.executions
             where id > $2 and id <= $3 and position('@' in reason) > 0
            union all
            select execution_id, mandate_id, 'reason of an event' from mandated.events
             where execution_id > $2 and execution_id <= $3 and position('@' in reason) > 0
            union all
            select execution_id, mandate_id, 'decision of an attempt' from mandated.attempts
             where execution_id > $2 and execution_id <= $3 and position('@' in decision) > 0
            union all
            select execution_id, mandate_id, 'answer to a notification' from mandated.notifications
             where execution_id > $2 and execution_id <= $3 and position('@' in message) > 0
          ) found (execution_id, mandate_id, place)
         order by execution_id, place limit $1
        "#
    ),
    check!(
        Executions,
        "G10",
        "an execution stands where its last event says",
        r#"
        with last as materialized (
          select distinct on (execution_id) execution_id, to_state from mandated.events
           where execution_id > $2 and execution_id <= $3 and to_state is not null
           order by execution_id, id desc
        )
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('the state is %s and the last event says %s', e.state, v.to_state) as "detail!",
               count(*) over () as "total!"
          from last v
         cross join lateral (select * from mandated.executions where id = v.execution_id limit 1) e
         where v.to_state <> e.state
           and not (v.to_state = 'executing'
                    and exists (select from mandated.intents i where i.execution_id = e.id))
         order by e.id limit $1
        "#
    ),
    check!(
        Executions,
        "G10",
        "each change of state begins where the one before it ended",
        r#"
        select execution_id, mandate_id as "mandate_id?",
               format('it became %s, and then %s became %s', before, coalesce(from_state, 'nothing'), to_state) as "detail!",
               count(*) over () as "total!"
          from (select id, execution_id, mandate_id, from_state, to_state,
                       lag(to_state) over (partition by execution_id order by id) as before
                  from mandated.events
                 where execution_id > $2 and execution_id <= $3 and to_state is not null) v
         where before is distinct from from_state and before is not null
         order by execution_id, id limit $1
        "#
    ),
    check!(
        Executions,
        "G10",
        "the history of an execution is whole",
        // It begins with its planning.
        r#"
        with first as materialized (
          select distinct on (execution_id) execution_id, from_state, to_state from mandated.events
           where execution_id > $2 and execution_id <= $3 and to_state is not null
           order by execution_id, id
        )
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               case when v.execution_id is null then format('it is %s, and has no event', e.state)
                    else format('its first event says that %s became %s', v.from_state, v.to_state) end as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
          left join first v on v.execution_id = e.id
         where e.id > $2 and e.id <= $3 and e.planned_at >= $4 and (v.execution_id is null or v.from_state is not null)
         order by e.id limit $1
        "#,
        history_from
    ),
    check!(
        Executions,
        "G10",
        "the history of an execution is whole",
        // What a provider has said of an order was said in a call, under a lease of its own. Of Juspay's first order nothing is known
        // before it was called for: Signzy's payments may be found.
        r#"
        with said as materialized (
          select execution_id, mandate_id, count(*) as times, min(at) filter (where from_state = 'executing') as first_at
            from mandated.events
           where execution_id > $2 and execution_id <= $3 and to_state in ('pending', 'unknown', 'charged')
             and kind <> 'execution.resolved'
           group by execution_id, mandate_id
        ), asked as materialized (
          select execution_id, count(distinct lease_token) as times, min(at) filter (where call <> 'order_status') as first_at
            from mandated.attempts
           where execution_id > $2 and execution_id <= $3 and call in ('execute', 'retry', 'order_status')
           group by execution_id
        )
        select v.execution_id as "execution_id?", v.mandate_id as "mandate_id?",
               format('%s times a provider said what became of an order, first at %s; %s times one was called, first to move money at %s',
                      v.times, v.first_at, coalesce(a.times, 0), coalesce(a.first_at::text, 'no time')) as "detail!",
               count(*) over () as "total!"
          from said v
          left join asked a on a.execution_id = v.execution_id
         cross join lateral (select planned_at, mandate_id from mandated.executions where id = v.execution_id limit 1) e
         cross join lateral (select provider from mandated.mandates where id = e.mandate_id limit 1) m
         where e.planned_at >= $4
           and (v.times > coalesce(a.times, 0)
                or (m.provider = 'juspay' and v.first_at is not null
                    and a.first_at is null))
         order by v.execution_id limit $1
        "#,
        history_from
    ),
];

/// From when on the history is whole: older partitions may have been dropped.
pub async fn history_from(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    let from = sqlx::query_scalar!(
        r#"select max(first) at time zone 'UTC' as "first"
             from (select min(to_date(right(c.relname, 6), 'YYYYMM'))::timestamp as first
                     from pg_inherits i join pg_class c on c.oid = i.inhrelid
                    where i.inhparent in ('mandated.attempts'::regclass, 'mandated.events'::regclass) and c.relname ~ '_[0-9]{6}$'
                    group by i.inhparent) p"#
    )
    .fetch_one(conn)
    .await?;
    Ok(from.unwrap_or(DateTime::<Utc>::MIN_UTC))
}

/// Rows for which no partition was made in time.
pub async fn strays(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        select execution_id, mandate_id as "mandate_id?", format('a row of %s is in %s', at, part) as "detail!",
               count(*) over () as "total!"
          from (select execution_id, mandate_id, at, 'attempts_default' from mandated.attempts_default
                union all
                select execution_id, mandate_id, at, 'events_default' from mandated.events_default)
               stray (execution_id, mandate_id, at, part)
         order by at limit $1
        "#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A change of state that happened, with one execution it happened to.
#[derive(Debug)]
pub struct RecordedTransition {
    pub from_state: Option<String>,
    pub to_state: String,
    /// What an operator requested, if that is why, or `recover`: only with a row that says so.
    pub requested: Option<String>,
    pub execution_id: i64,
    pub mandate_id: i64,
    /// How often.
    pub times: i64,
}

/// Every change of state that a range of executions went through.
pub async fn transitions(
    conn: &mut PgConnection,
    range: Range,
) -> sqlx::Result<Vec<RecordedTransition>> {
    sqlx::query_as!(
        RecordedTransition,
        r#"
        with changes as (
          select e.from_state, e.to_state, e.execution_id, e.mandate_id,
                 case when e.kind = 'execution.found' then (
                   select 'recover' from mandated.recovered_executions r where r.execution_id = e.execution_id and r.at = e.at limit 1)
                      when e.kind in ('execution.retried', 'execution.skipped') then (
                   select o.what from mandated.operator_requests o
                    where o.execution_id = e.execution_id and o.at = e.at
                      and o.what = case e.kind when 'execution.retried' then 'retry' else 'skip' end limit 1) end as requested
            from mandated.events e
           where e.execution_id > $1 and e.execution_id <= $2 and e.to_state is not null
        )
        select from_state, to_state as "to_state!", requested, min(execution_id) as "execution_id!",
               (array_agg(mandate_id order by execution_id))[1] as "mandate_id!", count(*) as "times!"
          from changes
         group by from_state, to_state, requested
         order by from_state nulls first, to_state, requested nulls first
        "#,
        range.after,
        range.to
    )
    .fetch_all(conn)
    .await
}
