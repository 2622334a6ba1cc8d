//! G1, G3 and G5: what was collected, how often, and how much.

use super::{Check, Finding, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        "G1",
        "a cycle has at most one debit",
        r#"
        select min(execution_id) as execution_id, mandate_id as "mandate_id?",
               format('cycle %s has %s debits', cycle_on, count(*)) as "detail!", count(*) over () as "total!"
          from mandated.debits group by mandate_id, cycle_on having count(*) > 1
         order by mandate_id, cycle_on limit $1
        "#
    ),
    check!(
        "G1",
        "a cycle has at most one execution",
        r#"
        select min(id) as execution_id, mandate_id as "mandate_id?",
               format('cycle %s has the executions %s', cycle_on, string_agg(id::text, ', ' order by id)) as "detail!",
               count(*) over () as "total!"
          from mandated.executions group by mandate_id, cycle_on having count(*) > 1
         order by mandate_id, cycle_on limit $1
        "#
    ),
    check!(
        "G1",
        "only one order of a cycle is collected",
        r#"
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('the orders %s were all collected: refund due',
                      string_agg(distinct reference, ', ' order by reference)) as "detail!",
               count(*) over () as "total!"
          from mandated.attempts
         where outcome = 'charged' and call in ('execute', 'order_status', 'retry')
         group by execution_id, mandate_id having count(distinct reference) > 1
         order by execution_id limit $1
        "#
    ),
    check!(
        "G1",
        "a mandate has at most one open intent",
        r#"
        select min(execution_id) as execution_id, mandate_id as "mandate_id?",
               format('intents are open for the executions %s',
                      string_agg(execution_id::text, ', ' order by execution_id)) as "detail!",
               count(*) over () as "total!"
          from mandated.intents group by mandate_id having count(*) > 1
         order by mandate_id limit $1
        "#
    ),
    check!(
        "G1",
        "what is charged has its debit",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('cycle %s is charged and has no debit', e.cycle_on) as "detail!", count(*) over () as "total!"
          from mandated.executions e
         where e.state = 'charged'
           and not exists (select from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on)
         order by e.id limit $1
        "#
    ),
    check!(
        "G1",
        "a debit belongs to an execution that is charged",
        // Debits outlive their executions: one without any is not a finding. One in review is: refund due.
        r#"
        select d.execution_id as "execution_id?", d.mandate_id as "mandate_id?",
               format('cycle %s has a debit of order %s; its execution collects cycle %s and is %s',
                      d.cycle_on, d.order_id, e.cycle_on, e.state) as "detail!",
               count(*) over () as "total!"
          from mandated.debits d join mandated.executions e on e.id = d.execution_id
         where e.state not in ('charged', 'review') or e.cycle_on <> d.cycle_on or e.mandate_id <> d.mandate_id
         order by d.execution_id limit $1
        "#
    ),
    check!(
        "G3",
        "what is notified, opened and debited is the execution's amount, within the maximum",
        r#"
        select execution_id as "execution_id?", mandate_id as "mandate_id?", detail as "detail!",
               count(*) over () as "total!"
          from (
            select d.execution_id, d.mandate_id,
                   format('debited %s %s instead of %s %s', d.amount_minor, d.currency, e.amount_minor, e.currency)
              from mandated.debits d join mandated.executions e on e.id = d.execution_id
             where d.amount_minor <> e.amount_minor or d.currency <> e.currency
            union all
            select n.execution_id, n.mandate_id,
                   format('notification %s says %s instead of %s', n.reference, n.amount_minor, e.amount_minor)
              from mandated.notifications n join mandated.executions e on e.id = n.execution_id
             where n.amount_minor <> e.amount_minor
            union all
            select i.execution_id, i.mandate_id,
                   format('an intent is open for %s, notified %s, instead of %s',
                          i.amount_minor, i.notified_amount_minor, e.amount_minor)
              from mandated.intents i join mandated.executions e on e.id = i.execution_id
             where i.amount_minor <> e.amount_minor
                or (i.notice = 'notified' and i.notified_amount_minor is distinct from i.amount_minor)
            union all
            select e.id, e.mandate_id,
                   format('%s is more than the maximum, %s', e.amount_minor, least(e.max_amount_minor, m.max_amount_minor))
              from mandated.executions e join mandated.mandates m on m.id = e.mandate_id
             where e.amount_minor > least(e.max_amount_minor, m.max_amount_minor)
          ) found (execution_id, mandate_id, detail)
         order by execution_id, detail limit $1
        "#
    ),
    check!(
        "G5",
        "an open intent is held by a worker or is being reconciled",
        // In review a person must say what became of it, so nothing is planned.
        r#"
        select i.execution_id as "execution_id?", i.mandate_id as "mandate_id?",
               format('the intent to %s order %s is open; the execution is %s and %s', i.kind, i.order_id,
                      coalesce(e.state, 'gone'), coalesce('waits to ' || j.step, 'has no job')) as "detail!",
               count(*) over () as "total!"
          from mandated.intents i
          left join mandated.executions e on e.id = i.execution_id
          left join mandated.jobs j on j.execution_id = i.execution_id
         where e.state is distinct from 'review'
           and (e.state is null or j.step is null or e.finished_at is not null
                or (j.lease_token is null and j.step not in ('lookup', 'verify')))
         order by i.execution_id limit $1
        "#
    ),
];
