-- $1 account, $2 business time, $3 at most so many, $4 lease in seconds, $5 worker
with due as materialized (
  -- jobs_due_idx in its own order: an index scan that stops at the limit
  select j.execution_id, j.step, j.run_at
    from mandated.jobs j
   where j.lease_token is null and j.account_id = $1 and j.run_at <= $2
     and not exists (select 1 from mandated.accounts a where a.id = $1 and a.paused_until > $2)
   order by j.run_at, j.execution_id
   limit $3
     for no key update skip locked
), claimed as (
  update mandated.jobs j
     set lease_until = now() + make_interval(secs => $4), lease_token = nextval('mandated.lease_tokens'), worker_id = $5
    from due
   -- A job that was done and is due again since this statement began is locked as it is now, but everything else would be
   -- read as it was: what is locked and what is seen must be the same, or it is left for the next claim.
   where j.execution_id = due.execution_id and j.step = due.step and j.run_at = due.run_at
  returning j.execution_id, j.step, j.run_at, j.run_before, j.lease_token
), opened as (
  -- G5: the intent is durable before the worker sees the row. What this refuses, the gate explains.
  insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor, notice,
                                notified_amount_minor, delivered_at, debit_at, opened_at, opened_by)
  select e.id, e.mandate_id, e.cycle_on, c.step, e.order_id, e.amount_minor, least(e.max_amount_minor, m.max_amount_minor),
         case m.notify when 'separate' then 'notified' when 'provider' then 'provider' else 'exempt' end,
         n.amount_minor, n.delivered_at,
         case when c.step = 'execute' and m.notify = 'provider' then e.execute_at else $2 end, $2, c.lease_token
    from claimed c
    join mandated.executions e on e.id = c.execution_id
    join mandated.mandates m on m.id = e.mandate_id
    left join mandated.notifications n on n.execution_id = e.id and n.notification_no = e.notification_no
   where c.step in ('execute', 'retry')
     and m.status = 'active'
     and e.state in ('planned', 'notified', 'retrying')
     and $2 < e.closes_at and (c.run_before is null or $2 < c.run_before)
     and e.debits_tried < e.max_attempts
     and e.amount_minor <= m.max_amount_minor
     and not exists (select 1 from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on)
     and case m.notify
           when 'separate' then n.delivered_at + interval '25 hours' <= $2 and n.amount_minor = e.amount_minor
           when 'provider' then c.step = 'retry' or e.execute_at >= $2 + interval '25 hours'
           else true end
  on conflict do nothing
  returning execution_id, kind, opened_at
), announced as (
  insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                               amount_minor, currency, class, reason)
  select $2, 'execution.executing', e.mandate_id, m.ref, e.id, e.cycle_on, e.state, 'executing', e.order_id,
         e.amount_minor, e.currency, e.class, o.kind || ' begins'
    from opened o
    join mandated.executions e on e.id = o.execution_id
    join mandated.mandates m on m.id = e.mandate_id
)
select c.execution_id as "execution_id!", c.step as "step!", c.run_at as "run_at!", c.run_before, c.lease_token as "lease_token!",
       (o.execution_id is not null) as "opened!",
       coalesce(o.kind, i.kind) as intent_kind, coalesce(o.opened_at, i.opened_at) as intent_opened_at, i.counter_before,
       e.cycle_on as "cycle_on!", e.debit_at as "debit_at!", e.closes_at as "closes_at!", e.amount_minor as "amount_minor!",
       e.currency as "currency!", e.policy_id as "policy_id!", e.state as "state!", e.class, e.order_no as "order_no!",
       e.order_id as "order_id!", e.notification_no as "notification_no!", e.notification_ref, e.delivered_at, e.execute_at,
       e.debits_tried as "debits_tried!", e.lookups as "lookups!", e.tries as "tries!", e.provider_ref, e.sent_at, e.failed_at, e.looked as "looked!",
       m.id as "mandate_id!", m.ref as "mandate_ref!", m.provider as "provider!", m.provider_mandate_id as "provider_mandate_id!",
       m.customer_id as "customer_id!", m.rail as "rail!", m.notify as "notify!", m.amount_minor as mandate_amount_minor,
       m.max_amount_minor as "max_amount_minor!", m.frequency, m.cron, m.time_zone as "time_zone!",
       m.starts_on as "starts_on!", m.ends_on, m.debit_at as "debit_time!", m.category, m.description as "description!",
       m.metadata as "metadata!", m.status as "mandate_status!"
  from claimed c
  join mandated.executions e on e.id = c.execution_id
  join mandated.mandates m on m.id = e.mandate_id
  left join opened o on o.execution_id = c.execution_id
  left join mandated.intents i on i.execution_id = c.execution_id
 order by c.run_at, c.execution_id
