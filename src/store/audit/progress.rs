//! G6, G7, G8 and G10: nothing is guessed, nothing is forgotten, and everything is on record.

use sqlx::PgConnection;

use super::{Check, Finding, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        "G6",
        "an open outcome ends by a look-up or by a person",
        r#"
        select v.execution_id, v.mandate_id as "mandate_id?",
               format('%s became %s without a look-up: %s', v.from_state, v.to_state, v.reason) as "detail!",
               count(*) over () as "total!"
          from mandated.events v
         where v.from_state in ('unknown', 'pending') and v.to_state not in ('unknown', 'pending', 'review')
           and v.kind <> 'execution.resolved'
           and not exists (
             select from mandated.attempts a
              where a.execution_id = v.execution_id and a.call = 'order_status' and a.at <= v.at
                and a.at >= (select coalesce(max(before.at), '-infinity') from mandated.events before
                              where before.execution_id = v.execution_id and before.id < v.id
                                and before.to_state = v.from_state))
         order by v.id limit $1
        "#
    ),
    check!(
        "G7",
        "an execution that is not finished has a job",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('cycle %s is %s and has no job: %s', e.cycle_on, e.state, e.reason) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         where e.finished_at is null and not exists (select from mandated.jobs j where j.execution_id = e.id)
         order by e.id limit $1
        "#
    ),
    check!(
        "G7",
        "a job belongs to an execution that it can still change",
        r#"
        select j.execution_id as "execution_id?", j.mandate_id as "mandate_id?",
               format('a job to %s for an execution that is %s', j.step,
                      case when e.id is null then 'gone'
                           when e.mandate_id <> j.mandate_id or e.account_id <> j.account_id then 'of another mandate or account'
                           else e.state end) as "detail!",
               count(*) over () as "total!"
          from mandated.jobs j left join mandated.executions e on e.id = j.execution_id
         where e.id is null or e.mandate_id <> j.mandate_id or e.account_id <> j.account_id
            or (e.finished_at is not null and j.step <> 'verify')
         order by j.execution_id limit $1
        "#
    ),
    check!(
        "G7",
        "cycles are planned when they are due",
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s: the cycle %s was to be planned at %s', m.ref, m.next_cycle_on, m.next_plan_at)
                 as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
         where (m.status = 'active' or m.provider_paused_at is not null) and m.next_plan_at < $2::timestamptz - make_interval(secs => $3)
         order by m.next_plan_at limit $1
        "#,
        now,
        late
    ),
    check!(
        "G7",
        "an active mandate without an end has a next cycle",
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s is %s from %s on and has no next cycle', m.ref, m.frequency, m.starts_on) as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
         where m.status = 'active' and m.next_cycle_on is null and m.ends_on is null
           and m.frequency not in ('onetime', 'aspresented')
         order by m.id limit $1
        "#
    ),
    check!(
        "G8",
        "a lease that ran out is taken back",
        // Leases are given and judged by the database's clock.
        r#"
        select j.execution_id as "execution_id?", j.mandate_id as "mandate_id?",
               format('a job to %s is held by %s since its lease ended at %s', j.step, j.worker_id, j.lease_until)
                 as "detail!",
               count(*) over () as "total!"
          from mandated.jobs j
         where j.lease_until < now() - make_interval(secs => $2)
         order by j.lease_until limit $1
        "#,
        late
    ),
    check!(
        "G10",
        "an execution stands where its last event says",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('the state is %s and the last event says %s', e.state, v.to_state) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
          join lateral (select to_state from mandated.events v where v.execution_id = e.id and v.to_state is not null
                         order by v.id desc limit 1) v on true
         where v.to_state <> e.state
           and not (v.to_state = 'executing'
                    and exists (select from mandated.intents i where i.execution_id = e.id))
         order by e.id limit $1
        "#
    ),
    check!(
        "G10",
        "every month has its partition",
        r#"
        select execution_id, mandate_id as "mandate_id?", format('a row of %s is in %s', at, part) as "detail!",
               count(*) over () as "total!"
          from (select execution_id, mandate_id, at, 'attempts_default' from mandated.attempts_default
                union all
                select execution_id, mandate_id, at, 'events_default' from mandated.events_default)
               stray (execution_id, mandate_id, at, part)
         order by at limit $1
        "#
    ),
];

/// A change of state that happened, with one execution it happened to.
#[derive(Debug)]
pub struct Transition {
    pub from_state: Option<String>,
    pub to_state: String,
    pub execution_id: i64,
    pub mandate_id: i64,
    /// How often.
    pub times: i64,
}

/// Every change of state that executions went through.
pub async fn transitions(conn: &mut PgConnection) -> sqlx::Result<Vec<Transition>> {
    sqlx::query_as!(
        Transition,
        r#"
        select from_state, to_state as "to_state!", min(execution_id) as "execution_id!",
               (array_agg(mandate_id order by execution_id))[1] as "mandate_id!", count(*) as "times!"
          from mandated.events
         where execution_id is not null and to_state is not null
         group by from_state, to_state
         order by from_state nulls first, to_state
        "#
    )
    .fetch_all(conn)
    .await
}
