-- $1 business time, $2 worker; one reason that parks $3 executions of an account within $4 seconds pauses it for $5 seconds;
-- then the settlements and the attempts, an array for each column: settle/parameters.rs declares them, and fills in their lists here
-- Each table is reached by its key, in ways that leave Postgres no choice: see claim.sql.
with s as materialized (
  select * from unnest({settlement arrays}) as s ({settlement names})
), waited_for as materialized (
  -- Locked, so that a mandate is not resumed between reading it and the parking of its job: whoever comes second sees
  -- what the first one did.
  select m.id, m.status from mandated.mandates m
   where m.id = any (array(select j.mandate_id from mandated.jobs j
                            where j.execution_id = any (array(select execution_id from s where parked or fault is not null))))
   order by m.id
     for no key update
), gone as (
  delete from mandated.jobs
   where execution_id = any (array(select execution_id from s where step is null))
     and ((execution_id, lease_token) in (select execution_id, lease_token from s where step is null)) is true
  returning execution_id, lease_token
), again as (
  update mandated.jobs j
     set step = s.step, run_before = s.run_before, lease_until = null, lease_token = null, worker_id = null,
         parked = coalesce(s.parked, false),
         -- A mandate that was resumed while its job was held is not waited for.
         run_at = case when s.parked and (s.mandate_status is null or s.paused_at is not null)
                            and (select w.status <> 'paused' from waited_for w where w.id = j.mandate_id)
                       then $1 else s.run_at end
    from s
   where j.execution_id = any (array(select execution_id from s where step is not null))
     and ((j.execution_id, j.lease_token) in (select execution_id, lease_token from s where step is not null)) is true
     -- `is true`: or Postgres reads the index of all leases, and every dead entry in it.
     and j.execution_id = s.execution_id and (j.lease_token = s.lease_token) is true
  returning j.execution_id, s.lease_token
), held as materialized (
  -- The fence: only what this worker still held is written anywhere below. By the token too: the same batch may hold an
  -- older settlement of the execution, from before its lease was lost and won again.
  select s.*, e.mandate_id, e.account_id, e.cycle_on, e.amount_minor, e.currency, e.reason as old_reason, e.finished_at as old_finished_at,
         m.ref as mandate_ref
    from s
    cross join lateral (select * from mandated.executions where id = s.execution_id limit 1) e
    cross join lateral (select * from mandated.mandates where id = e.mandate_id limit 1) m
   where ((s.execution_id, s.lease_token) in (select * from gone union all select * from again)) is true
), closed as (
  delete from mandated.intents where execution_id = any (array(select execution_id from held where closes_intent))
), proven as (
  insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, amount_minor, currency, proven_at)
  select mandate_id, cycle_on, execution_id, debit_order_id, provider_ref, debit_minor,
         case when debit_minor is not null then currency end, $1
    from held
   where debit_order_id is not null
  -- The cycle has a debit, or another cycle has the payment.
  on conflict do nothing
  returning execution_id
), ended as materialized (
  -- A second collection of a cycle that has its debit: a person must give it back. The same one seen again is none. And a payment that is
  -- another cycle's collects nothing: a person must tell the two apart. What was booked by others at this moment is not seen yet.
  select h.*, u.not_proven, t.cycle_on as payments_cycle,
         u.not_proven and t.cycle_on is null and o.order_id is not null
           and not (o.order_id = h.debit_order_id and coalesce(o.provider_txn = h.provider_ref, true)) as refund_due,
         u.not_proven and t.cycle_on is null and o.order_id is null as booked_elsewhere
    from held h
    cross join lateral (
      select h.debit_order_id is not null and h.execution_id not in (select execution_id from proven) as not_proven
    ) u
    left join lateral (
      select d.cycle_on from mandated.debits d
       where u.not_proven and d.mandate_id = h.mandate_id and d.provider_txn = h.provider_ref and d.cycle_on <> h.cycle_on limit 1
    ) t on true
    left join lateral (
      select d.order_id, d.provider_txn from mandated.debits d
       where u.not_proven and d.mandate_id = h.mandate_id and d.cycle_on = h.cycle_on limit 1
    ) o on true
), moved as (
  update mandated.executions e
     set state = n.state, finished_at = case when n.is_final then coalesce(h.old_finished_at, $1) end,
         reason = n.reason, class = h.class, updated_at = $1,
         order_no = h.order_no, order_id = h.order_id, notification_no = h.notification_no, notification_ref = h.notification_ref,
         delivered_at = h.delivered_at, undelivered_at = h.undelivered_at, execute_at = h.execute_at,
         debit_attempts = h.debit_attempts, earlier_attempts = h.earlier_attempts, lookups = h.lookups,
         step_attempts = h.step_attempts,
         -- Another cycle's payment is not looked up as this one's any more.
         provider_ref = case when h.payments_cycle is not null or h.booked_elsewhere then nullif(e.provider_ref, h.provider_ref) else h.provider_ref end, sent_at = h.sent_at, failed_at = h.failed_at, not_before = h.not_before,
         lookup_times = array_remove(array[h.lookup_time_1, h.lookup_time_2, h.lookup_time_3], null)
    from ended h
    cross join lateral (
      select case when h.refund_due or h.payments_cycle is not null or h.booked_elsewhere then 'review' else h.to_state end as state,
             case when h.payments_cycle is not null
                  then 'payment ' || h.provider_ref || ' is the debit of the cycle of ' || h.payments_cycle
                       || ': see at the provider whether this one was collected'
                  when h.booked_elsewhere
                  then 'payment ' || coalesce(h.provider_ref, 'of order ' || h.debit_order_id)
                       || ' was booked elsewhere at this moment: see at the provider whether this cycle was collected'
                  when h.refund_due
                  then 'refund due: order ' || h.debit_order_id || ' was collected, and the cycle had its debit'
                  -- A recheck that changes nothing leaves the reason of the end.
                  when h.to_state = h.from_state and h.old_finished_at is not null then h.old_reason
                  else h.reason end as reason
    ) chosen
    cross join lateral (
      select chosen.state, chosen.reason,
             chosen.state in ('charged', 'failed', 'skipped', 'expired', 'review') as is_final
    ) n
   where e.id = any (array(select execution_id from held)) and e.id = h.execution_id
  returning e.id, e.mandate_id, h.mandate_ref, e.cycle_on, e.state, e.reason, e.class, e.order_id, e.amount_minor, e.currency,
            h.from_state
), notified as (
  insert into mandated.notifications (execution_id, notification_no, mandate_id, reference, state, amount_minor, requested_at,
                                      delivered_at, message)
  select execution_id, notification_result_no, mandate_id, notification_result_ref, notification_result_state, amount_minor, $1,
         -- The same instant as the execution's: the claim compares this one, and the job was planned by the other.
         case when notification_result_state = 'delivered' then coalesce(delivered_at, $1) end, notification_result_message
    from held
   where notification_result_state is not null
  on conflict (execution_id, notification_no) do update
     set state = excluded.state, delivered_at = excluded.delivered_at, message = excluded.message
   where notifications.state <> 'delivered'
), stopped as (
  -- What a provider said of a paused mandate holds only while nothing newer is known of its pause.
  update mandated.mandates m
     set status = h.mandate_status, updated_at = $1,
         status_reason = case when m.status = h.mandate_status then m.status_reason else h.reason end,
         provider_paused_at = case when h.mandate_status = 'paused' then $1 end
    from held h
   where m.id = any (array(select mandate_id from held where mandate_status is not null))
     and m.id = h.mandate_id and h.mandate_status is not null
     and case when h.paused_at is null then m.status = 'active' else m.provider_paused_at = h.paused_at end
  returning m.id, m.ref, m.status, m.status_reason, case when h.paused_at is null then 'active' else 'paused' end as from_status
), spent as (
  insert into mandated.budgets (mandate_id, day, declined_attempts)
  select mandate_id, ($1 at time zone 'UTC')::date, sum(declined_card_attempts) from held where declined_card_attempts > 0
   group by mandate_id order by mandate_id
  on conflict (mandate_id, day) do update set declined_attempts = budgets.declined_attempts + excluded.declined_attempts
), missed as (
  -- The provider does not know the mandate, and has taken no call of its account: one more day of that.
  update mandated.mandates m
     set not_found_days = m.not_found_days + (m.not_found_on is distinct from ($1 at time zone 'UTC')::date)::int,
         not_found_on = ($1 at time zone 'UTC')::date
    from held h
   where m.id = any (array(select mandate_id from held where fault like 'mandate_dead%'))
     and m.id = h.mandate_id and h.fault like 'mandate_dead%'
     -- A statement changes a row once: another answer of this batch ends the mandate, or pauses it.
     and m.id <> all (array(select mandate_id from held where mandate_status is not null))
), taken as materialized (
  -- The accounts whose debits the provider takes: what was wrong with them is not any more. That it answers with somebody else's
  -- debits is wrong all the same.
  select distinct account_id from held where from_state = 'executing' and to_state in ('pending', 'charged')
), sound as (
  delete from mandated.account_faults
   where account_id = any (array(select account_id from taken)) and reason not like 'answers with another %'
), faults as (
  -- Counted from the first of them. One that has paused the account does so again at the next, for a while after the pause.
  insert into mandated.account_faults as f (account_id, reason, first_at, last_at, parked, paused_until, ended)
  select account_id, fault, $1, $1, count(*), case when count(*) >= $3 then $1 + make_interval(secs => $5) end,
         coalesce((array_agg(mandate_ref order by mandate_id) filter (where mandate_status is not null))[1:20], '{}')
    from held
   where fault is not null
     and (account_id not in (select account_id from taken) or fault like 'answers with another %')
   group by account_id, fault order by account_id, fault
  on conflict (account_id, reason) do update
     set first_at = case when f.first_at > $1 - make_interval(secs => $4) then f.first_at else $1 end,
         last_at = greatest(f.last_at, $1),
         parked = excluded.parked + case when f.first_at > $1 - make_interval(secs => $4) then f.parked else 0 end,
         paused_until = case
           when f.paused_until > $1 - make_interval(secs => $4)
             or excluded.parked + case when f.first_at > $1 - make_interval(secs => $4) then f.parked else 0 end >= $3
           then $1 + make_interval(secs => $5) end,
         ended = (f.ended || excluded.ended)[1:20]
  returning account_id, reason, first_at, parked, paused_until, ended
), working as (
  -- One that is paused says so at the next settlement after its pause.
  update mandated.accounts set worked_at = $1
   where worked_at is null and paused_until is null
     and id = any (array(select account_id from held where to_state in ('notified', 'pending', 'charged') and to_state <> from_state))
     -- A statement changes a row once.
     and id <> all (array(select account_id from faults where paused_until > $1))
), paused as (
  -- Of all that find out at the same time, the first one pauses it, and has something to say.
  update mandated.accounts a
     set paused_until = f.paused_until, refused = false, probe_until = null, pause_reason = format('%s, %s times since %s', f.reason, f.parked, f.first_at)
    from faults f
   where a.id = f.account_id and f.paused_until > $1 and (a.paused_until is null or a.paused_until <= $1)
  returning a.id, f.reason, f.parked, f.first_at, a.paused_until, f.ended
), answered as (
  -- The accounts whose provider has answered a call, and not that it refuses or throttles them.
  select distinct h.account_id
    from held h
    join unnest({attempt arrays}) as a ({attempt names}) on a.execution_id = h.execution_id
   where a.outcome not in ('not_sent', 'unknown', 'throttled', 'account_refused', 'lost')
), probed as (
  -- After a pause one job goes first (claim.sql). An answer to it is the end of the pause; without one the next job goes first.
  update mandated.accounts a
     set paused_until = case when n.ends then null else a.paused_until end, probe_until = null, refused = a.refused and not n.ends,
         pause_reason = case when n.ends then null else a.pause_reason end
    from (select id, id in (select account_id from answered) as ends from mandated.accounts) n
   where a.paused_until <= $1 and a.id = any (array(select account_id from held)) and n.id = a.id
     and a.id not in (select account_id from faults where paused_until > $1)
  returning a.id, n.ends
), woken as (
  select pg_notify('mandated_jobs', '') from probed limit 1
), announced as (
  insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                               amount_minor, currency, class, reason)
  select $1, 'execution.' || state, mandate_id, mandate_ref, id, cycle_on, from_state, state, order_id,
         amount_minor, currency, class, reason
    from moved
   where state <> from_state
  union all
  select $1, 'mandate.' || status, id, ref, null, null, from_status, status, null, null, null, null, status_reason
    from stopped
   where status <> from_status
), logged as (
  insert into mandated.attempts (at, execution_id, mandate_id, call, reference, http_status, latency_ms, outcome, class, code,
                                 message, rule, body, decision, next_step, next_at, lease_token, worker_id)
  select a.at, a.execution_id, h.mandate_id, a.call, a.reference, a.http_status, a.latency_ms, a.outcome, a.class, a.code,
         a.message, a.rule, a.body, h.reason, h.step, h.run_at, h.lease_token, $2
    from unnest({attempt arrays}) with ordinality as a ({attempt names}, nth)
    join held h on h.execution_id = a.execution_id
   -- Their numbers tell in which order they were made: a look-up, and the debit that it let go out.
   order by a.nth
)
select id as execution_id, state, reason, null::smallint as account_id, null::integer as parked,
       null::timestamptz as first_at, null::timestamptz as paused_until, null::text[] as ended
  from moved
union all
select null, null, p.reason, p.id, p.parked, p.first_at, p.paused_until, p.ended from paused p
union all
select null, null, '', null, null, null, null, null from woken
