-- Inserts executions with their first jobs and their events. A cycle that has an execution keeps it. Parameter 1 is the time; the
-- arrays of the columns that src/store/planning.rs declares come after it.
with n as materialized (
  select * from unnest({execution arrays}, {job arrays}) as n ({execution names}, {job names})
), added as (
  -- Soon after a recovery nobody knows whether the payer was notified before it, and of which amount. A notification is valid for days.
  insert into mandated.executions ({execution names}, is_forgotten, undelivered_at, planned_at, updated_at, finished_at)
  select {execution names}, d.is_doubted, case when d.is_doubted then 'epoch'::timestamptz end, $1::timestamptz, $1::timestamptz,
         case when state in ('expired', 'skipped') then $1::timestamptz end
    from n
    cross join lateral (
      select n.notification_ref is not null and n.account_id = any (array(
               select a.id from mandated.accounts a
                where a.recovering_since is not null or a.recovered_at > $1::timestamptz - interval '10 days')) as is_doubted
    ) d
  on conflict (mandate_id, period) do nothing
  returning id
), queued as (
  insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
  select n.id, n.account_id, n.mandate_id, n.step, n.run_at, n.run_before
    from n join added using (id) where n.step is not null
), announced as (
  insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, to_state, order_id,
                               amount_minor, currency, reason)
  select $1::timestamptz, 'execution.' || n.state, n.mandate_id, n.mandate_ref, n.id, n.cycle_on, n.state, n.order_id,
         n.amount_minor, n.currency, n.reason
    from n join added using (id)
)
select id from added
