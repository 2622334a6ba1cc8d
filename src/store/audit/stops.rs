//! G4 and G6: no call that moves money follows a stop that had been read, whoever made the attempt that found it.
//!
//! The classes that stop are written here once more, from DESIGN §6: the engine's own table is part of what is audited. What stops a
//! cycle (the payer's no, suspected fraud, a legal hold) ends with a person's request to try the execution again; what stops a mandate
//! ends when it is active again. An order that says the same again later says nothing new. "Not found" may only mean that an account
//! asked for another's mandate: it stops a mandate that has ended by it.

use super::{Check, Finding, RangeKey, check};

const RULE: &str = "no call that moves money follows a stop that was read";

pub(super) const CHECKS: &[Check] = &[
    check!(
        Executions,
        "G6",
        RULE,
        // Of its own execution: the numbers of attempts tell their order.
        r#"
        with stop as materialized (
          select execution_id, class, min(id) as id, min(at) as at,
                 bool_and(translate(lower(coalesce(code, '') || ' ' || coalesce(message, '')), '_', ' ') ~ 'not (found|exist)') as is_unknown
            from mandated.attempts
           where execution_id > $2 and execution_id <= $3
             and class in ('customer_stop', 'risk', 'legal', 'mandate_dead', 'account_dead', 'instrument', 'mandate_paused')
           group by execution_id, class, reference
        ), made as materialized (
          select execution_id, mandate_id, id, at, call, reference from mandated.attempts
           where execution_id > $2 and execution_id <= $3 and call in ('execute', 'retry') and outcome <> 'not_sent'
        )
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('%s of %s at %s, and %s was read at %s', call, reference, at, class, read_at) as "detail!",
               count(*) over () as "total!"
          from (
            select distinct on (c.id) c.execution_id, c.mandate_id, c.id, c.call, c.reference, c.at, s.class, s.at as read_at
              from made c join stop s on s.execution_id = c.execution_id and s.id < c.id
             where case when s.class in ('customer_stop', 'risk', 'legal')
                        then (select true from mandated.operator_requests o
                               where o.execution_id = c.execution_id and o.what = 'retry'
                                 and o.at >= s.at - interval '5 minutes' and o.at <= c.at limit 1) is null
                        else (select true from mandated.events v
                               where v.mandate_id = c.mandate_id and v.execution_id is null and v.to_state = 'active'
                                 and v.at >= s.at - interval '5 minutes' and v.at <= c.at limit 1) is null
                             and not (s.class = 'mandate_dead' and s.is_unknown
                                      and (select true from mandated.events v
                                            where v.mandate_id = c.mandate_id and v.execution_id is null
                                              and v.to_state in ('revoked', 'expired', 'completed', 'failed')
                                              and v.at >= s.at - interval '5 minutes' and v.at < c.at limit 1) is null) end
             order by c.id, s.id) found
         order by execution_id, id limit $1
        "#
    ),
    check!(
        Executions,
        "G6",
        RULE,
        // Of the mandate's other executions, the nearest ones: what is called later was called after these. What another worker read is
        // known when it is settled, with its event, or else an hour later; the claims of two workers may differ by their clocks.
        r#"
        with stop as materialized (
          select mandate_id, execution_id, coalesce(class, 'the mandate is ' || outcome) as word, min(at) as at,
                 bool_and(translate(lower(coalesce(code, '') || ' ' || coalesce(message, '')), '_', ' ') ~ 'not (found|exist)') as is_unknown
            from mandated.attempts
           where execution_id > $2 and execution_id <= $3
             and (class in ('mandate_dead', 'account_dead', 'instrument', 'mandate_paused')
                  or (call = 'mandate_status' and outcome in ('paused', 'revoked', 'expired', 'completed', 'failed')))
           group by mandate_id, execution_id, reference, coalesce(class, 'the mandate is ' || outcome)
        )
        select execution_id as "execution_id?", mandate_id as "mandate_id?",
               format('%s of %s at %s, and %s was read at %s by execution %s', call, reference, at, word, read_at, read_by) as "detail!",
               count(*) over () as "total!"
          from (
            select distinct on (c.id) o.id as execution_id, s.mandate_id, c.id, c.call, c.reference, c.at, s.word, s.at as read_at,
                   s.execution_id as read_by
              from stop s
             cross join lateral (select cycle_on from mandated.executions where id = s.execution_id limit 1) e
             cross join lateral (
               (select id from mandated.executions where mandate_id = s.mandate_id and cycle_on > e.cycle_on order by cycle_on limit 5)
               union all
               (select id from mandated.executions where mandate_id = s.mandate_id and cycle_on < e.cycle_on order by cycle_on desc limit 5)
             ) o
             cross join lateral (
               select min(v.at) as at from mandated.events v
                where v.mandate_id = s.mandate_id and v.execution_id is null and v.at >= s.at - interval '5 minutes'
                  and v.to_state in ('paused', 'revoked', 'expired', 'completed', 'failed')) told
             cross join lateral (select coalesce(told.at, s.at + interval '1 hour') + interval '10 minutes' as at) known
             cross join lateral (
               select id, at, call, reference from mandated.attempts
                where execution_id = o.id and call in ('execute', 'retry') and outcome <> 'not_sent' and at > known.at offset 0) c
             cross join lateral (
               select coalesce(max(v.at), c.at) as at from mandated.events v
                where v.execution_id = o.id and v.kind = 'execution.executing' and v.at <= c.at) begun
             where begun.at > known.at and not (s.word = 'mandate_dead' and s.is_unknown and told.at is null)
               and (select true from mandated.events v
                     where v.mandate_id = s.mandate_id and v.execution_id is null and v.to_state = 'active'
                       and v.at >= s.at - interval '5 minutes' and v.at <= c.at limit 1) is null
             order by c.id, s.at) found
         order by execution_id, id limit $1
        "#
    ),
];
