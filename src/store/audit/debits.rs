//! G1, G3 and G5: what was collected, how often, and how much.

use super::{Check, Finding, RangeKey, check};

/// One rule, looked for wherever an amount is.
const AMOUNTS: &str =
    "what is notified, opened and debited is the execution's amount, within the maximum";

pub(super) const CHECKS: &[Check] = &[
    check!(
        Debits,
        "G1",
        "a cycle has at most one debit",
        r#"
        select min(execution_id) as execution_id, mandate_id as "mandate_id?",
               format('cycle %s has %s debits', cycle_on, count(*)) as "detail!", count(*) over () as "total!"
          from mandated.debits where mandate_id > $2 and mandate_id <= $3
         group by mandate_id, cycle_on having count(*) > 1
         order by mandate_id, cycle_on limit $1
        "#
    ),
    check!(
        Executions,
        "G1",
        "a cycle has at most one execution",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('cycle %s has the executions %s', e.cycle_on, array_to_string(o.ids, ', ')) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         cross join lateral (select array_agg(o.id order by o.id) as ids from mandated.executions o
                              where o.mandate_id = e.mandate_id and o.cycle_on = e.cycle_on) o
         where e.id > $2 and e.id <= $3 and cardinality(o.ids) > 1 and o.ids[1] = e.id
         order by e.id limit $1
        "#
    ),
    check!(
        Executions,
        "G1",
        "an order is one execution's",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('order %s is the order of the executions %s', e.order_id, array_to_string(o.ids, ', ')) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         cross join lateral (select array_agg(o.id order by o.id) as ids from mandated.executions o
                              where o.order_id = e.order_id) o
         where e.id > $2 and e.id <= $3 and cardinality(o.ids) > 1 and o.ids[1] = e.id
         order by e.id limit $1
        "#
    ),
    check!(
        Executions,
        "G1",
        "only one order of a cycle is collected",
        // What a person has said to be given back is not collected twice any more.
        r#"
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('the orders %s were all collected: refund due', orders) as "detail!", count(*) over () as "total!"
          from (select execution_id, mandate_id, string_agg(distinct reference, ', ' order by reference) as orders
                  from mandated.attempts
                 where execution_id > $2 and execution_id <= $3
                   and outcome = 'charged' and call in ('execute', 'order_status', 'retry')
                 group by execution_id, mandate_id having count(distinct reference) > 1) c
         where not exists (select from mandated.resolutions r
                            where r.execution_id = c.execution_id and r.resolved_as = 'refunded')
         order by execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G1",
        "what the provider called collected has its debit",
        // Not counted: answers to the audit's own questions, which a worker's next look-up settles; an answer about another cycle's payment,
        // which waits for a person; and a cycle that a person has said was not collected.
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('order %s was collected, says the attempt of %s, and cycle %s has no debit', a.reference, a.at, e.cycle_on)
                 as "detail!",
               count(*) over () as "total!"
          from (select execution_id, min(reference) as reference, min(at) as at, string_agg(body, ' ') as answers
                  from mandated.attempts
                 where execution_id > $2 and execution_id <= $3
                   and outcome = 'charged' and call in ('execute', 'order_status', 'retry') and decision <> 'asked by the audit'
                 group by execution_id) a
         cross join lateral (select id, mandate_id, cycle_on, state, reason from mandated.executions where id = a.execution_id limit 1) e
         where (select true from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on limit 1) is null
           and not (e.state = 'review' and exists (
                 select from mandated.debits d
                  where d.mandate_id = e.mandate_id and d.cycle_on <> e.cycle_on and strpos(a.answers, d.provider_txn) > 0))
           and not exists (select from mandated.resolutions r where r.execution_id = e.id and r.resolved_as = 'failed' and r.at >= a.at)
         order by e.id limit $1
        "#
    ),
    check!(
        Intents,
        "G1",
        "a mandate has at most one open intent",
        r#"
        select i.execution_id as "execution_id?", i.mandate_id as "mandate_id?",
               format('intents are open for the executions %s', array_to_string(o.ids, ', ')) as "detail!",
               count(*) over () as "total!"
          from mandated.intents i
         cross join lateral (select array_agg(o.execution_id order by o.execution_id) as ids from mandated.intents o
                              where o.mandate_id = i.mandate_id) o
         where i.execution_id > $2 and i.execution_id <= $3 and cardinality(o.ids) > 1 and o.ids[1] = i.execution_id
         order by i.execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G1",
        "what is charged has its debit",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('cycle %s is charged and has no debit', e.cycle_on) as "detail!", count(*) over () as "total!"
          from mandated.executions e
         where e.id > $2 and e.id <= $3 and e.state = 'charged'
           and (select true from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on limit 1) is null
         order by e.id limit $1
        "#
    ),
    check!(
        Debits,
        "G1",
        "a debit belongs to an execution that is charged",
        // Debits outlive their executions: one without any is not a finding. One in review is: refund due.
        r#"
        select d.execution_id as "execution_id?", d.mandate_id as "mandate_id?",
               format('cycle %s has a debit of order %s; its execution collects cycle %s and is %s',
                      d.cycle_on, d.order_id, e.cycle_on, e.state) as "detail!",
               count(*) over () as "total!"
          from mandated.debits d
         cross join lateral (select * from mandated.executions where id = d.execution_id limit 1) e
         where d.mandate_id > $2 and d.mandate_id <= $3
           and (e.state not in ('charged', 'review') or e.cycle_on <> d.cycle_on or e.mandate_id <> d.mandate_id)
         order by d.execution_id limit $1
        "#
    ),
    check!(
        Debits,
        "G10",
        "a debit of the last 60 days has its execution",
        // Retention keeps them for longer, counted from their end, which is not before the proof.
        r#"
        select d.execution_id as "execution_id?", d.mandate_id as "mandate_id?",
               format('cycle %s has a debit of order %s, proven at %s, and its execution is gone', d.cycle_on, d.order_id, d.proven_at)
                 as "detail!",
               count(*) over () as "total!"
          from mandated.debits d
         where d.mandate_id > $2 and d.mandate_id <= $3 and d.proven_at > $4::timestamptz - interval '60 days'
           and (select true from mandated.executions e where e.id = d.execution_id limit 1) is null
         order by d.execution_id limit $1
        "#,
        now
    ),
    check!(
        Debits,
        "G3",
        AMOUNTS,
        // Where the provider debited something else, a person has had to settle the difference.
        r#"
        select d.execution_id as "execution_id?", d.mandate_id as "mandate_id?",
               format('debited %s %s instead of %s %s', d.amount_minor, d.currency, e.amount_minor, e.currency) as "detail!",
               count(*) over () as "total!"
          from mandated.debits d
         cross join lateral (select * from mandated.executions where id = d.execution_id limit 1) e
         where d.mandate_id > $2 and d.mandate_id <= $3 and (d.amount_minor <> e.amount_minor or d.currency <> e.currency)
           and not exists (select from mandated.resolutions r where r.execution_id = d.execution_id and r.to_state = 'charged')
         order by d.execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G3",
        AMOUNTS,
        r#"
        select n.execution_id as "execution_id?", n.mandate_id as "mandate_id?",
               format('notification %s says %s instead of %s', n.reference, n.amount_minor, e.amount_minor) as "detail!",
               count(*) over () as "total!"
          from mandated.notifications n
         cross join lateral (select * from mandated.executions where id = n.execution_id limit 1) e
         where n.execution_id > $2 and n.execution_id <= $3 and n.amount_minor <> e.amount_minor
         order by n.execution_id limit $1
        "#
    ),
    check!(
        Intents,
        "G3",
        AMOUNTS,
        r#"
        select i.execution_id as "execution_id?", i.mandate_id as "mandate_id?",
               format('an intent is open for %s, notified %s, instead of %s',
                      i.amount_minor, i.notified_amount_minor, e.amount_minor) as "detail!",
               count(*) over () as "total!"
          from mandated.intents i
         cross join lateral (select * from mandated.executions where id = i.execution_id limit 1) e
         where i.execution_id > $2 and i.execution_id <= $3
           and (i.amount_minor <> e.amount_minor
                or (i.notice = 'notified' and i.notified_amount_minor is distinct from i.amount_minor))
         order by i.execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G3",
        AMOUNTS,
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('%s is more than the maximum, %s', e.amount_minor, least(e.max_amount_minor, m.max_amount_minor)) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         cross join lateral (select * from mandated.mandates where id = e.mandate_id limit 1) m
         where e.id > $2 and e.id <= $3 and e.amount_minor > least(e.max_amount_minor, m.max_amount_minor)
         order by e.id limit $1
        "#
    ),
    check!(
        Intents,
        "G5",
        "an open intent is held by a worker or is being reconciled",
        // In review a person must say what became of it, so nothing is planned.
        r#"
        select i.execution_id as "execution_id?", i.mandate_id as "mandate_id?",
               format('the intent to %s order %s is open; the execution is %s and %s', i.kind, i.order_id,
                      coalesce(e.state, 'gone'), coalesce('waits to ' || j.step, 'has no job')) as "detail!",
               count(*) over () as "total!"
          from mandated.intents i
          left join lateral (select * from mandated.executions where id = i.execution_id limit 1) e on true
          left join lateral (select * from mandated.jobs where execution_id = i.execution_id limit 1) j on true
         where i.execution_id > $2 and i.execution_id <= $3 and e.state is distinct from 'review'
           and (e.state is null or j.step is null or e.finished_at is not null
                or (j.lease_token is null and j.step not in ('lookup', 'recheck')))
         order by i.execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G5",
        "every call that moves money has had its intent",
        // A claim that opens an intent says so in the history, and one intent is good for one call.
        r#"
        with made as materialized (
          select execution_id, count(*) as calls from mandated.attempts
           where execution_id > $2 and execution_id <= $3 and call in ('execute', 'retry')
           group by execution_id
        ), opened as materialized (
          select execution_id, count(*) as times from mandated.events
           where execution_id > $2 and execution_id <= $3 and kind = 'execution.executing'
           group by execution_id
        )
        select a.execution_id as "execution_id?", e.mandate_id as "mandate_id?",
               format('%s calls that move money, %s intents', a.calls, coalesce(v.times, 0)) as "detail!", count(*) over () as "total!"
          from made a
          left join opened v on v.execution_id = a.execution_id
         cross join lateral (select mandate_id, planned_at from mandated.executions where id = a.execution_id limit 1) e
         where a.calls > coalesce(v.times, 0) and e.planned_at >= $4
         order by a.execution_id limit $1
        "#,
        history_from
    ),
    check!(
        Debits,
        "G6",
        "a debit is proven by an answer of the provider or by a person",
        r#"
        select d.execution_id as "execution_id?", d.mandate_id as "mandate_id?",
               format('the debit of order %s at %s is proven by nothing', d.order_id, d.proven_at) as "detail!",
               count(*) over () as "total!"
          from mandated.debits d
         cross join lateral (select id from mandated.executions where id = d.execution_id limit 1) e
         where d.mandate_id > $2 and d.mandate_id <= $3 and d.proven_at >= $4
           and not exists (select from mandated.attempts a
                            where a.execution_id = d.execution_id and a.outcome = 'charged' and a.reference = d.order_id)
           and not exists (select from mandated.resolutions r
                            where r.execution_id = d.execution_id and r.order_id = d.order_id and r.resolved_as = 'charged')
         order by d.execution_id limit $1
        "#,
        history_from
    ),
];
