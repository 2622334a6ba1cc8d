//! G6, G7 and G8: nothing is guessed, nothing is forgotten, and nobody keeps a job for good.

use super::{Check, Finding, RangeKey, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        Executions,
        "G6",
        "an open outcome ends by a look-up or by a person",
        r#"
        with lookups as materialized (
          select execution_id, at from mandated.attempts
           where execution_id > $2 and execution_id <= $3 and call = 'order_status'
        ), changes as materialized (
          select id, execution_id, mandate_id, at, kind, from_state, to_state, reason,
                 lag(at) over (partition by execution_id order by id) as since
            from mandated.events
           where execution_id > $2 and execution_id <= $3 and to_state is not null
        )
        select v.execution_id, v.mandate_id as "mandate_id?",
               format('%s became %s without a look-up: %s', v.from_state, v.to_state, v.reason) as "detail!",
               count(*) over () as "total!"
          from changes v
         where v.at >= $4 and v.from_state in ('unknown', 'pending') and v.to_state not in ('unknown', 'pending', 'review')
           and v.kind <> 'execution.resolved'
           and not exists (select from lookups l
                            where l.execution_id = v.execution_id and l.at <= v.at and l.at >= coalesce(v.since, '-infinity'))
         order by v.id limit $1
        "#,
        history_from
    ),
    check!(
        Executions,
        "G6",
        "what only proof or a person can end is listed",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('%s, and listed as %s', e.state, coalesce(o.state, 'nothing')) as "detail!", count(*) over () as "total!"
          from mandated.executions e
          left join mandated.unresolved_executions o on o.execution_id = e.id
         where e.id > $2 and e.id <= $3
           and case when e.state in ('unknown', 'review') then e.state end is distinct from o.state
         order by e.id limit $1
        "#
    ),
    check!(
        Executions,
        "G7",
        "an execution that is not finished has a job",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('cycle %s is %s and has no job: %s', e.cycle_on, e.state, e.reason) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         where e.id > $2 and e.id <= $3 and e.finished_at is null
           and (select true from mandated.jobs j where j.execution_id = e.id limit 1) is null
         order by e.id limit $1
        "#
    ),
    check!(
        Jobs,
        "G7",
        "a job belongs to an execution that it can still change",
        r#"
        select j.execution_id as "execution_id?", j.mandate_id as "mandate_id?",
               format('a job to %s for an execution that is %s', j.step,
                      case when e.id is null then 'gone'
                           when e.mandate_id <> j.mandate_id or e.account_id <> j.account_id then 'of another mandate or account'
                           else e.state end) as "detail!",
               count(*) over () as "total!"
          from mandated.jobs j
          left join lateral (select * from mandated.executions where id = j.execution_id limit 1) e on true
         where j.execution_id > $2 and j.execution_id <= $3
           and (e.id is null or e.mandate_id <> j.mandate_id or e.account_id <> j.account_id
                or (e.finished_at is not null and j.step <> 'recheck'))
         order by j.execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G7",
        "a cycle that is over has ended",
        // What may still be collected is looked for; what waits for an account that is paused or recovering says so.
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('cycle %s was over at %s, and is still %s: %s', e.cycle_on, e.closes_at, e.state, e.reason) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         where e.id > $2 and e.id <= $3 and e.finished_at is null and e.state in ('planned', 'notifying', 'notified', 'retrying')
           and e.closes_at < $4::timestamptz - interval '3 days'
           and (select true from mandated.intents i where i.execution_id = e.id limit 1) is null
           and (select true from mandated.jobs j where j.execution_id = e.id and j.lease_token is not null limit 1) is null
           and (select coalesce(a.paused_until <= $4, true) and a.recovering_since is null from mandated.accounts a where a.id = e.account_id)
         order by e.id limit $1
        "#,
        now
    ),
    check!(
        Mandates,
        "G7",
        "cycles are planned when they are due",
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s: the cycle %s was to be planned at %s', m.ref, m.next_cycle_on, m.next_plan_at)
                 as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
         where m.id > $2 and m.id <= $3 and m.status in ('active', 'paused')
           and m.next_plan_at < $4::timestamptz - make_interval(secs => $5)
         order by m.next_plan_at limit $1
        "#,
        now,
        late
    ),
    check!(
        Mandates,
        "G7",
        "an active mandate without an end has a next cycle",
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s is %s from %s on and has no next cycle', m.ref, m.frequency, m.starts_on) as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
         where m.id > $2 and m.id <= $3 and m.status = 'active' and m.next_cycle_on is null and m.ends_on is null
           and m.frequency not in ('onetime', 'aspresented')
         order by m.id limit $1
        "#
    ),
    check!(
        Jobs,
        "G8",
        "a lease that ran out is taken back",
        // Leases are given and judged by the database's clock.
        r#"
        select j.execution_id as "execution_id?", j.mandate_id as "mandate_id?",
               format('a job to %s is held by %s since its lease ended at %s', j.step, j.worker_id, j.lease_until)
                 as "detail!",
               count(*) over () as "total!"
          from mandated.jobs j
         where j.execution_id > $2 and j.execution_id <= $3 and j.lease_until < now() - make_interval(secs => $4)
         order by j.lease_until limit $1
        "#,
        late
    ),
];
