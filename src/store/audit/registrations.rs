//! G1 and G7 of a mandate as a whole: it is registered once, and stands where its history says.

use super::{Check, Finding, RangeKey, check};

pub(super) const CHECKS: &[Check] = &[
    check!(
        Mandates,
        "G1",
        "a registration is known once",
        // Whatever the accounts and the case: two may be one merchant by two addresses, and no provider gives an id twice.
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s of account %s and mandate %s of account %s are both %s at the provider', m.ref, mine.name, o.ref, o.name,
                      m.provider_mandate_id) as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
          join mandated.accounts mine on mine.id = m.account_id
         cross join lateral (
           select twin.ref, theirs.name
             from mandated.mandates twin join mandated.accounts theirs on theirs.id = twin.account_id
            where twin.provider = m.provider
              and lower(twin.provider_mandate_id collate "C") = lower(m.provider_mandate_id collate "C") and twin.id > m.id limit 1) o
         where m.id > $2 and m.id <= $3
         order by m.id limit $1
        "#
    ),
    check!(
        Mandates,
        "G10",
        "a mandate stands where its last event says",
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s is %s, and its last event says %s', m.ref, m.status, coalesce(v.to_state, 'nothing')) as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
          left join lateral (select to_state from mandated.events
                              where mandate_id = m.id and execution_id is null and to_state is not null
                              order by id desc limit 1) v on true
         where m.id > $2 and m.id <= $3
           and (v.to_state <> m.status or (v.to_state is null and m.status <> 'active' and m.updated_at >= $4))
         order by m.id limit $1
        "#,
        history_from
    ),
    check!(
        Mandates,
        "G10",
        "a mandate is active again by its provider's word or a person's",
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s became active again at %s: %s', m.ref, v.at, v.reason) as "detail!", count(*) over () as "total!"
          from mandated.mandates m
         cross join lateral (select at, reason from mandated.events
                              where mandate_id = m.id and execution_id is null and to_state = 'active' and from_state <> 'active'
                                and at >= $4 offset 0) v
         where m.id > $2 and m.id <= $3
           and (select true from mandated.operator_requests o
                 where o.mandate_id = m.id and o.what in ('resume', 'reinstate') and o.at = v.at limit 1) is null
           and (select true from mandated.executions e
                 cross join lateral (select from mandated.attempts a
                                      where a.execution_id = e.id and a.call = 'mandate_status' and a.outcome = 'active'
                                        and a.at <= v.at + interval '5 minutes' offset 0) a
                 where e.mandate_id = m.id limit 1) is null
         order by m.id limit $1
        "#,
        history_from
    ),
    check!(
        Mandates,
        "G7",
        "cycles are planned when they are due",
        // Whatever its row says of when to plan it: the day of the cycle is over.
        r#"
        select null::bigint as execution_id, m.id as "mandate_id?",
               format('mandate %s: the cycle %s is still to be planned, at %s', m.ref, m.next_cycle_on, m.next_plan_at) as "detail!",
               count(*) over () as "total!"
          from mandated.mandates m
         where m.id > $2 and m.id <= $3 and m.status in ('active', 'paused')
           and m.next_cycle_on < ($4::timestamptz at time zone m.time_zone)::date - 1
           and m.next_plan_at >= $4::timestamptz - make_interval(secs => $5)
         order by m.id limit $1
        "#,
        now,
        late
    ),
];
