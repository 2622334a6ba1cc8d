-- $1 settlements, $2 attempts (both JSON arrays), $3 business time, $4 worker
with s as materialized (
  select * from jsonb_to_recordset($1) as s (
    execution_id bigint, lease_token bigint, from_state text, to_state text, reason text, class text,
    step text, run_at timestamptz, run_before timestamptz, closes_intent boolean,
    order_no smallint, order_id text, notification_no smallint, notification_ref text, delivered_at timestamptz,
    execute_at timestamptz, debits_tried smallint, lookups smallint, tries smallint, provider_ref text,
    sent_at timestamptz, failed_at timestamptz, looked timestamptz[], mandate_status text,
    debit_minor bigint, debit_order_id text,
    told_no smallint, told_ref text, told_state text, told_message text)
), gone as (
  delete from mandated.jobs j using s
   where j.execution_id = s.execution_id and j.lease_token = s.lease_token and s.step is null
  returning j.execution_id, s.lease_token
), again as (
  update mandated.jobs j
     set step = s.step, run_at = s.run_at, run_before = s.run_before, lease_until = null, lease_token = null, worker_id = null
    from s
   where j.execution_id = s.execution_id and j.lease_token = s.lease_token and s.step is not null
  returning j.execution_id, s.lease_token
), held as materialized (
  -- The fence: only what this worker still held is written anywhere below. By the token too: the same batch may hold an
  -- older settlement of the execution, from before its lease was lost and won again.
  select s.* from s join (select * from gone union all select * from again) o using (execution_id, lease_token)
), closed as (
  delete from mandated.intents i using held h where i.execution_id = h.execution_id and h.closes_intent
), proven as (
  insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, amount_minor, currency, proven_at)
  select e.mandate_id, e.cycle_on, e.id, h.debit_order_id, h.provider_ref, h.debit_minor, e.currency, $3
    from held h join mandated.executions e on e.id = h.execution_id
   where h.debit_minor is not null
  on conflict (mandate_id, cycle_on) do nothing
  returning execution_id
), moved as (
  update mandated.executions e
     set state = n.state, finished_at = case when n.is_final then coalesce(old.finished_at, $3) end,
         reason = n.reason, class = h.class, updated_at = $3,
         order_no = h.order_no, order_id = h.order_id, notification_no = h.notification_no, notification_ref = h.notification_ref,
         delivered_at = h.delivered_at, execute_at = h.execute_at, debits_tried = h.debits_tried, lookups = h.lookups,
         tries = h.tries, provider_ref = h.provider_ref, sent_at = h.sent_at, failed_at = h.failed_at, looked = h.looked
    from held h
    join mandated.executions old on old.id = h.execution_id
    left join proven p on p.execution_id = h.execution_id
    cross join lateral (
      -- A second collection of a cycle that has its debit: a person must give it back. The same one seen again is none.
      select h.debit_minor is not null and p.execution_id is null
             and not exists (select 1 from mandated.debits d
                              where d.mandate_id = old.mandate_id and d.cycle_on = old.cycle_on
                                and d.order_id = h.debit_order_id
                                and coalesce(d.provider_txn = h.provider_ref, true)) as is_second
    ) collected
    cross join lateral (
      select case when collected.is_second then 'review' else h.to_state end as state,
             case when collected.is_second
                  then 'refund due: order ' || h.debit_order_id || ' was collected, and the cycle had its debit'
                  -- A second look that changes nothing leaves the reason of the end.
                  when h.to_state = h.from_state and old.finished_at is not null then old.reason
                  else h.reason end as reason
    ) chosen
    cross join lateral (
      select chosen.state, chosen.reason,
             chosen.state in ('charged', 'failed', 'skipped', 'expired', 'review') as is_final
    ) n
   where e.id = h.execution_id
  returning e.id, e.mandate_id, e.cycle_on, e.state, e.reason, e.class, e.order_id, e.amount_minor, e.currency, h.from_state
), told as (
  insert into mandated.notifications (execution_id, notification_no, mandate_id, reference, state, amount_minor, requested_at,
                                      delivered_at, message)
  select e.id, h.told_no, e.mandate_id, h.told_ref, h.told_state, e.amount_minor, $3,
         -- The same instant as the execution's: the claim compares this one, and the job was planned by the other.
         case when h.told_state = 'delivered' then coalesce(h.delivered_at, $3) end, h.told_message
    from held h join mandated.executions e on e.id = h.execution_id
   where h.told_state is not null
  on conflict (execution_id, notification_no) do update
     set state = excluded.state, delivered_at = excluded.delivered_at, message = excluded.message
   where notifications.state <> 'delivered'
), stopped as (
  update mandated.mandates m set status = h.mandate_status, status_reason = h.reason, updated_at = $3
    from held h join mandated.executions e on e.id = h.execution_id
   where m.id = e.mandate_id and h.mandate_status is not null and m.status = 'active'
  returning m.id, m.ref, m.status, m.status_reason
), announced as (
  insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                               amount_minor, currency, class, reason)
  select $3, 'execution.' || v.state, v.mandate_id, m.ref, v.id, v.cycle_on, v.from_state, v.state, v.order_id,
         v.amount_minor, v.currency, v.class, v.reason
    from moved v join mandated.mandates m on m.id = v.mandate_id
   where v.state <> v.from_state
  union all
  select $3, 'mandate.' || status, id, ref, null, null, 'active', status, null, null, null, null, status_reason from stopped
), logged as (
  insert into mandated.attempts (at, execution_id, mandate_id, call, reference, http_status, latency_ms, outcome, class, code,
                                 message, rule, body, decision, next_step, next_at, lease_token, worker_id)
  select $3, a.execution_id, e.mandate_id, a.call, a.reference, a.http_status, a.latency_ms, a.outcome, a.class, a.code,
         a.message, a.rule, a.body, h.reason, h.step, h.run_at, h.lease_token, $4
    from jsonb_to_recordset($2) as a (
      execution_id bigint, call text, reference text, http_status smallint, latency_ms integer, outcome text, class text,
      code text, message text, rule text, body text)
    join held h on h.execution_id = a.execution_id
    join mandated.executions e on e.id = a.execution_id
)
select id as "execution_id!", state as "state!", reason as "reason!" from moved
