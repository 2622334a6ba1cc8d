-- $1 account, $2 business time, $3 at most so many, $4 lease in seconds, $5 worker, $6 not those that were due before
-- Postgres keeps the plan that it made when a table was empty or the limit unknown, and would read whole tables for
-- each row of a later burst. So each table is reached by its key, in ways that leave it no choice: = any (array(...)),
-- lateral with limit 1, and `in` a sub-select that is no condition of its own.
with due as materialized (
  -- jobs_due_idx in its own order: an index scan that stops at the limit
  select j.execution_id, j.step, j.run_at
    from mandated.jobs j
   where j.lease_token is null and j.account_id = $1 and j.run_at <= $2
     and j.run_at >= coalesce($6, '-infinity'::timestamptz)
     and not exists (select 1 from mandated.accounts a
                      where a.id = $1 and (greatest(a.paused_until, a.probe_until) > $2 or a.recovering_since is not null))
   order by j.run_at, j.execution_id
   limit case when (select a.paused_until is null from mandated.accounts a where a.id = $1) then $3::bigint else least($3::bigint, 1) end
     for no key update skip locked
), probe as (
  -- After a pause one job goes first, and the others wait for what comes of it (settle.sql); if its worker dies, until its lease ends.
  update mandated.accounts set probe_until = $2 + make_interval(secs => $4)
   where id = $1 and paused_until <= $2 and coalesce(probe_until <= $2, true) and exists (select 1 from due)
  returning id
), claimed as (
  update mandated.jobs j
     set lease_until = now() + make_interval(secs => $4), worker_id = $5,
         -- A counter, so that no two leases of this database have the same; and by chance, so that whoever held a lease before the
         -- database was restored or lost commits holds none of it, though its counter counts the same numbers again.
         lease_token = (floor(random() * 2147483647)::bigint + 1) << 32 | (nextval('mandated.lease_tokens') & 4294967295)
   where j.execution_id = any (array(select execution_id from due))
     and ((select a.paused_until is null from mandated.accounts a where a.id = $1) or exists (select 1 from probe))
     -- A job that was done and is due again since this statement began is locked as it is now, but everything else would be
     -- read as it was: what is locked and what is seen must be the same, or it is left for the next claim.
     and ((j.execution_id, j.step, j.run_at) in (select execution_id, step, run_at from due)) is true
  returning j.execution_id, j.step, j.run_at, j.run_before, j.lease_token
), job as materialized (
  select c.execution_id, c.step, c.run_at, c.run_before, c.lease_token,
         e.mandate_id, e.cycle_on, e.period, e.debit_at, e.closes_at, e.amount_minor, e.max_amount_minor, e.currency, e.policy_id, e.state,
         e.class, e.order_no, e.order_id, e.notification_no, e.notification_ref, e.delivered_at, e.undelivered_at, e.is_forgotten,
         e.execute_at, e.max_attempts, e.max_attempts_in_period, e.debit_attempts, e.earlier_attempts, e.lookups, e.step_attempts, e.provider_ref, e.sent_at, e.failed_at, e.not_before, e.lookup_times,
         m.ref, m.provider, m.provider_mandate_id, m.customer_id, m.rail, m.notify, m.amount_minor as mandate_amount_minor,
         m.max_amount_minor as mandate_max_minor, m.frequency, m.cron, m.time_zone, m.starts_on, m.ends_on,
         m.debit_at as debit_time, m.category, m.description, m.metadata, m.status as mandate_status, m.provider_paused_at,
         case when (select a.worked_at is null from mandated.accounts a where a.id = $1) then m.not_found_days end as not_found_days, m.not_found_on,
         m.rail = any (array(select r.rail from mandated.rails r
                              where r.rail in ('upi', 'card', 'enach') and r.paused_until > $2)) as rail_paused,
         -- The day of which the attempts must be older than 30 days before one more fits; null while one fits. A day counts as a
         -- whole, so it is later than by the hour, and never earlier. Where only what the provider may have tried unseen is too
         -- much, one may fit on the day after the first of those orders is looked at.
         case when e.max_attempts_in_30_days is not null and c.step in ('notify', 'execute', 'retry') then (
           select coalesce(max(b.day) filter (where b.declined_attempts >= e.max_attempts_in_30_days), (
                    -- Juspay tries an order up to four times by itself ("Notification/Execution Silent Retry").
                    select greatest((min(w.run_at) at time zone 'UTC')::date, ($2 at time zone 'UTC')::date) - 30
                      from mandated.executions o
                      cross join lateral (select run_at from mandated.jobs where execution_id = o.id limit 1) w
                     where o.mandate_id = e.mandate_id and o.cycle_on >= ($2 at time zone 'UTC')::date - 31
                       and o.id <> e.id and o.state <> 'charged' and o.sent_at is not null and o.debit_attempts < 4
                    having coalesce(max(b.declined_attempts), 0) + sum(4 - o.debit_attempts) >= e.max_attempts_in_30_days))
             from (
               select b.day, sum(b.declined_attempts) over (order by b.day desc) as declined_attempts from mandated.budgets b
                where b.mandate_id = e.mandate_id and b.day >= ($2 at time zone 'UTC')::date - 30) b) end as budget_spent_on,
         -- When the mandate was debited last, for the cycles before this one: when its call was made, or was planned where nobody here has
         -- called. An order that the provider collected by itself after a failure counts from when that was proven, at most ten hours
         -- after the failure, which is how long it retries. Both of the last two are read: the older one may have been collected later.
         case when c.step <> 'recheck' and m.rail <> 'card' then (
           select max(case when o.id is null then d.proven_at
                           when o.failed_at > o.sent_at then least(d.proven_at, o.failed_at + interval '10 hours')
                           else least(greatest(o.execute_at, o.sent_at, case when o.sent_at is null then o.debit_at end),
                                      o.closes_at - interval '1 second') end)
             from (select execution_id, proven_at from mandated.debits
                    where mandate_id = e.mandate_id and cycle_on < e.cycle_on order by cycle_on desc limit 2) d
             left join lateral (select id, failed_at, execute_at, sent_at, debit_at, closes_at from mandated.executions
                                 where id = d.execution_id limit 1) o on true
         ) end as last_debit_at
    from claimed c
    cross join lateral (select * from mandated.executions where id = c.execution_id limit 1) e
    cross join lateral (select * from mandated.mandates where id = e.mandate_id limit 1) m
), opened as (
  -- G5: the intent is durable before the worker sees the row. What this refuses, the gate explains.
  insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor, notice,
                                notified_amount_minor, delivered_at, debit_at, opened_at, opened_by)
  select j.execution_id, j.mandate_id, j.cycle_on, j.step, j.order_id, j.amount_minor,
         least(j.max_amount_minor, j.mandate_max_minor),
         case j.notify when 'separate' then 'notified' when 'provider' then 'provider' else 'exempt' end,
         n.amount_minor, n.delivered_at,
         case when j.step = 'execute' and j.notify = 'provider' then j.execute_at else $2 end, $2, j.lease_token
    from job j
    left join lateral (select amount_minor, delivered_at from mandated.notifications n
                        where n.execution_id = j.execution_id and n.notification_no = j.notification_no limit 1) n on true
   where j.step in ('execute', 'retry')
     and j.mandate_status = 'active' and not j.rail_paused
     and j.state in ('planned', 'notified', 'retrying')
     and $2 < j.closes_at and (j.run_before is null or $2 < j.run_before)
     and j.debit_attempts < j.max_attempts
     and coalesce(j.earlier_attempts + j.debit_attempts < j.max_attempts_in_period, true)
     and j.budget_spent_on is null
     and j.amount_minor <= j.mandate_max_minor
     and (select true from mandated.debits d where d.mandate_id = j.mandate_id and d.cycle_on = j.cycle_on limit 1) is null
     and case j.notify
           when 'separate' then n.delivered_at + interval '25 hours' <= $2 and n.amount_minor = j.amount_minor
           when 'provider' then j.step = 'retry' or j.execute_at >= $2 + interval '25 hours'
           else true end
  on conflict do nothing
  returning execution_id
), leased as materialized (
  select j.*, j.execution_id in (select execution_id from opened) as opened from job j
), announced as (
  insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                               amount_minor, currency, class, reason)
  select $2, 'execution.executing', mandate_id, ref, execution_id, cycle_on, state, 'executing', order_id,
         amount_minor, currency, class, step || ' begins'
    from leased where opened
)
select l.execution_id as "execution_id!", l.step as "step!", l.run_at as "run_at!", l.run_before, l.lease_token as "lease_token!",
       l.opened as "opened!", case when l.opened then l.step else i.kind end as intent_kind,
       case when l.opened then $2 else i.opened_at end as intent_opened_at, i.counter_before, i.payments_before,
       l.cycle_on as "cycle_on!", l.period as "period!", l.debit_at as "debit_at!", l.closes_at as "closes_at!", l.amount_minor as "amount_minor!",
       l.currency as "currency!", l.policy_id as "policy_id!", l.state as "state!", l.class, l.order_no as "order_no!",
       l.order_id as "order_id!", l.notification_no as "notification_no!", l.notification_ref, l.delivered_at,
       l.undelivered_at, l.is_forgotten as "is_forgotten!", l.execute_at,
       l.debit_attempts as "debit_attempts!", l.earlier_attempts as "earlier_attempts!", l.lookups as "lookups!", l.step_attempts as "step_attempts!", l.provider_ref, l.sent_at, l.failed_at, l.not_before,
       l.lookup_times as "lookup_times!", l.mandate_id as "mandate_id!", l.ref as "mandate_ref!", l.provider as "provider!",
       l.provider_mandate_id as "provider_mandate_id!", l.customer_id as "customer_id!", l.rail as "rail!",
       l.notify as "notify!", l.mandate_amount_minor, l.mandate_max_minor as "max_amount_minor!", l.frequency, l.cron,
       l.time_zone as "time_zone!", l.starts_on as "starts_on!", l.ends_on, l.debit_time as "debit_time!", l.category,
       l.description as "description!", l.metadata as "metadata!", l.mandate_status as "mandate_status!",
       l.provider_paused_at, l.not_found_days, l.not_found_on, l.rail_paused as "rail_paused!", l.budget_spent_on, l.last_debit_at
  from leased l
  left join lateral (select kind, opened_at, counter_before, payments_before from mandated.intents
                      where execution_id = l.execution_id limit 1) i on true
 order by l.run_at, l.execution_id
