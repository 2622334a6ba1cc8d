//! G2 and G4: when the calls were made, and how many.

use super::{Check, Finding, RangeKey, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        Executions,
        "G2",
        "no debit is tried within 24 hours of its notification's delivery",
        r#"
        select a.execution_id as "execution_id?", a.mandate_id as "mandate_id?",
               format('%s of %s at %s, with a notification delivered %s', a.call, a.reference, a.at,
                      coalesce('at ' || n.delivered_at, 'never')) as "detail!",
               count(*) over () as "total!"
          from mandated.attempts a
         cross join lateral (select id from mandated.executions where id = a.execution_id limit 1) e
         cross join lateral (select notify from mandated.mandates where id = a.mandate_id limit 1) m
          left join lateral (select delivered_at from mandated.notifications n
                              where n.execution_id = a.execution_id and n.requested_at <= a.at
                              order by n.notification_no desc limit 1) n on true
         where a.execution_id > $2 and a.execution_id <= $3 and a.call in ('execute', 'retry') and m.notify = 'separate'
           and (n.delivered_at is null or n.delivered_at > a.at - interval '24 hours')
         order by a.execution_id, a.id limit $1
        "#
    ),
    check!(
        Executions,
        "G2",
        "no debit is begun within 25 hours of its notification's delivery",
        // The event of the claim has its time, which is before the call's.
        r#"
        select v.execution_id, v.mandate_id as "mandate_id?",
               format('%s at %s, with a notification delivered %s', v.reason, v.at, coalesce('at ' || n.delivered_at, 'never'))
                 as "detail!",
               count(*) over () as "total!"
          from mandated.events v
         cross join lateral (select id from mandated.executions where id = v.execution_id limit 1) e
         cross join lateral (select notify from mandated.mandates where id = v.mandate_id limit 1) m
          left join lateral (select delivered_at from mandated.notifications n
                              where n.execution_id = v.execution_id and n.requested_at <= v.at
                              order by n.notification_no desc limit 1) n on true
         where v.execution_id > $2 and v.execution_id <= $3 and v.kind = 'execution.executing' and m.notify = 'separate'
           and (n.delivered_at is null or n.delivered_at > v.at - interval '25 hours')
         order by v.execution_id, v.id limit $1
        "#
    ),
    check!(
        Executions,
        "G2",
        "no debit is handed over within 24 hours of its date",
        r#"
        select a.execution_id as "execution_id?", a.mandate_id as "mandate_id?",
               format('order %s was handed over at %s, to be debited at %s', a.reference, a.at, e.execute_at) as "detail!",
               count(*) over () as "total!"
          from mandated.attempts a
         cross join lateral (select * from mandated.executions where id = a.execution_id limit 1) e
         cross join lateral (select provider, notify from mandated.mandates where id = a.mandate_id limit 1) m
         where a.execution_id > $2 and a.execution_id <= $3 and a.call = 'execute' and a.reference = e.order_id
           and m.notify = 'provider' and m.provider = 'juspay'
           and (e.execute_at is null or e.execute_at < a.at - make_interval(secs => a.latency_ms / 1000.0) + interval '24 hours')
         order by a.execution_id, a.id limit $1
        "#
    ),
    check!(
        Intents,
        "G2",
        "no intent is open for a debit within 25 hours of the notification",
        r#"
        select i.execution_id as "execution_id?", i.mandate_id as "mandate_id?",
               format('an intent is open for a debit at %s, notice %s, delivered %s', i.debit_at, i.notice,
                      coalesce('at ' || i.delivered_at, 'never')) as "detail!",
               count(*) over () as "total!"
          from mandated.intents i
         cross join lateral (select notify from mandated.mandates where id = i.mandate_id limit 1) m
         where i.execution_id > $2 and i.execution_id <= $3
           and ((i.notice = 'notified' and (i.delivered_at is null or i.debit_at < i.delivered_at + interval '25 hours'))
                or (i.notice = 'provider' and i.kind = 'execute' and i.debit_at < i.opened_at + interval '25 hours')
                or (i.notice = 'exempt' and m.notify <> 'none'))
         order by i.execution_id limit $1
        "#
    ),
    check!(
        Executions,
        "G4",
        "an order and its cycle are tried no more often than their policy allows",
        // Not counted: what never left, what was refused before it was processed, what a lost worker never came to, and
        // what a look-up before the next try showed was never processed: the provider did not know the order, or its
        // counter had not moved.
        r#"
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               case when reference is null then format('the cycle was tried %s times over all of its orders; %s are allowed', tried, allowed)
                    else format('order %s was tried %s times under one notification; %s are allowed', reference, tried, allowed)
               end as "detail!",
               count(*) over () as "total!"
          from (
            select a.execution_id, a.mandate_id, a.reference, count(*) as tried,
                   case when grouping(a.reference) = 1 then max((p.body ->> 'max_attempts_in_period')::integer)
                        else max((p.body ->> 'max_attempts')::integer) end as allowed
              from mandated.attempts a
             cross join lateral (select policy_id from mandated.executions where id = a.execution_id limit 1) e
             cross join lateral (select body from mandated.policies where id = e.policy_id limit 1) p
              left join lateral (select max(notification_no) as no from mandated.notifications n
                                  where n.execution_id = a.execution_id and n.delivered_at <= a.at) n on true
             where a.execution_id > $2 and a.execution_id <= $3 and a.call in ('execute', 'retry')
               and a.outcome not in ('not_sent', 'throttled', 'account_refused', 'refused', 'not_found', 'already_exists')
               and not exists (
                 select from mandated.attempts l
                  where l.execution_id = a.execution_id and l.id > a.id and l.reference = a.reference
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
             group by grouping sets ((a.execution_id, a.mandate_id, a.reference, n.no), (a.execution_id, a.mandate_id))) counted
         where tried > allowed
         order by execution_id limit $1
        "#
    ),
    check!(
        MandateExecutions,
        "G4",
        "a mandate is tried no more often in 30 days than the card networks allow",
        // Of the calls those count that failed, at once or by the first look-up of their order that decided about them; not what a
        // lost worker never came to.
        r#"
        with made as (
          select a.id, a.at, a.execution_id, a.mandate_id, a.reference, a.call, e.max_attempts_in_30_days as allowed,
                 a.outcome = 'failed' or exists (
                   select from (
                     select l.id, l.outcome, l.decision from mandated.attempts l
                      where l.execution_id = a.execution_id and l.id > a.id and l.call = 'order_status'
                        and l.reference = a.reference and l.outcome in ('failed', 'reversed', 'charged', 'not_found')
                        and l.decision not like 'not proven: the retry may still be on its way%'
                      order by l.id limit 1) first
                    where first.outcome = 'failed'
                      and first.decision <> 'the provider''s counter shows that the retry never happened; the same call goes out again'
                      and not exists (select from mandated.attempts b
                                       where b.execution_id = a.execution_id and b.id > a.id and b.id < first.id
                                         and b.call in ('execute', 'retry'))) as declined
            from (select id, max_attempts_in_30_days from mandated.executions
                   where mandate_id > $2 and mandate_id <= $3 and max_attempts_in_30_days is not null) e
           cross join lateral (select * from mandated.attempts where execution_id = e.id offset 0) a
           where a.call in ('execute', 'retry')
             and a.outcome not in ('not_sent', 'throttled', 'account_refused', 'refused', 'not_found', 'already_exists')
             and (a.outcome <> 'lost' or not exists (
               select from mandated.events v
                where v.execution_id = a.execution_id and v.at >= a.at and v.from_state = 'executing'
                  and v.reason = 'the worker stopped before it made the call'
                  and not exists (select from mandated.attempts b
                                   where b.execution_id = a.execution_id and b.id > a.id and b.at < v.at
                                     and b.call in ('execute', 'retry')))))
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('%s of %s at %s, after %s declined attempts in 30 days; %s are allowed', call, reference, at, before, allowed)
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
        Executions,
        "G4",
        "a cycle has no more orders and notifications than its policy allows",
        r#"
        select e.id as "execution_id?", e.mandate_id as "mandate_id?",
               format('%s orders and %s notifications', e.order_no, e.notification_no) as "detail!",
               count(*) over () as "total!"
          from mandated.executions e
         cross join lateral (select body from mandated.policies where id = e.policy_id limit 1) p
         where e.id > $2 and e.id <= $3
           and (e.order_no > (p.body ->> 'max_orders')::integer
            or e.notification_no > (p.body ->> 'notification_attempts')::integer * e.order_no)
         order by e.id limit $1
        "#
    ),
];
