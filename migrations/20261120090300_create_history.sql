-- What happened, append-only: every call to a provider, and every state change for the merchant to read.
-- Monthly partitions, made ahead by the daemon and dropped by its retention. No row in them ever dies: Postgres's own rule for
-- tables that only grow freezes them as they do, and is what is wanted.

create table mandated.attempts (
  id bigint generated always as identity,
  at timestamptz not null,
  execution_id bigint not null,
  mandate_id bigint not null,
  call text not null check (call in ('notify', 'notification_status', 'execute', 'order_status', 'retry', 'mandate_status')),
  reference text not null,
  http_status smallint,
  latency_ms integer not null check (latency_ms >= 0),
  outcome text not null,
  class text,
  code text,
  message text,
  rule text,
  body text,
  decision text not null,
  next_step text,
  next_at timestamptz,
  lease_token bigint not null,
  worker_id text not null,
  primary key (execution_id, id, at)
) partition by range (at);
-- Stays empty while the daemon runs. Rows here mean that partitions were not made in time; making them moves the rows.
create table mandated.attempts_default partition of mandated.attempts default;
-- For the answers that no rule knows: the heartbeat counts them, and an operator writes rules from them.
create index attempts_unmapped_idx on mandated.attempts (at) where class = 'unmapped';

create table mandated.events (
  id bigint generated always as identity,
  at timestamptz not null,
  kind text not null,
  mandate_id bigint not null,
  mandate_ref text not null,
  execution_id bigint,
  cycle_on date,
  from_state text,
  to_state text,
  order_id text,
  amount_minor bigint,
  currency text,
  class text,
  reason text not null,
  primary key (id, at)
) partition by range (at);
create index events_execution_idx on mandated.events (execution_id, id);
create index events_mandate_idx on mandated.events (mandate_id, id) where execution_id is null;
create table mandated.events_default partition of mandated.events default;

-- Makes the partitions of the month of `first` and of the `ahead` months after it. Safe to call at any time, by any
-- number of daemons at once. This and drop_partitions run as their owner: the daemon's role needs no other DDL.
-- Of one history in a transaction: who reads both holds one while waiting for the other, and would wait for ever.
create function mandated.make_partitions(first timestamptz, ahead integer, parents text[] default array['attempts', 'events']) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  made integer := 0;
  month timestamptz;
  next_month timestamptz;
  parent text;
  part text;
begin
  -- Conflicts with itself only: of two daemons the second waits, and finds everything made.
  lock table mandated.attempts in share update exclusive mode;
  for i in 0..ahead loop
    month := (date_trunc('month', first at time zone 'UTC') + make_interval(months => i)) at time zone 'UTC';
    foreach parent in array array['attempts', 'events'] loop
      continue when parent <> all (parents);
      part := format('%s_%s', parent, to_char(month at time zone 'UTC', 'YYYYMM'));
      if to_regclass('mandated.' || part) is null then
        next_month := ((month at time zone 'UTC') + interval '1 month') at time zone 'UTC';
        execute format('create table mandated.%I (like mandated.%I including all excluding identity)', part, parent);
        -- If we come late, its first rows are in the default partition.
        execute format('with late as (delete from mandated.%I where at >= %L and at < %L returning *)
                        insert into mandated.%I select * from late', parent || '_default', month, next_month, part);
        execute format('alter table mandated.%I attach partition mandated.%I for values from (%L) to (%L)',
          parent, part, month, next_month);
        made := made + 1;
      end if;
    end loop;
  end loop;
  return made;
end $$;
revoke execute on function mandated.make_partitions from public;

-- Drops the partitions of `parent` (attempts or events) that end at `kept_from` or before, and names them. What is younger than
-- 365 days by this server's clock it keeps, whatever the argument: whoever holds the daemon's password cannot have what he did
-- forgotten. It locks the parent against everything for a moment: call it with a lock_timeout, and again later.
create function mandated.drop_partitions(parent text, kept_from timestamptz) returns setof text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  part text;
begin
  for part in
    select c.relname
      from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
     where i.inhparent = to_regclass('mandated.' || parent)
       and parent in ('attempts', 'events')
       and c.relname ~ '_[0-9]{6}$'
       and (to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month') at time zone 'UTC'
           <= least(kept_from, now() - interval '365 days')
     order by c.relname
  loop
    execute format('drop table mandated.%I', part);
    return next part;
  end loop;
end $$;
revoke execute on function mandated.drop_partitions from public;

-- What an operator reads: the effective state, why, and what comes next.
create view mandated.execution_status as
select e.id, m.ref as mandate_ref, e.mandate_id, e.cycle_on,
       case when i.execution_id is not null and e.state in ('planned', 'notified', 'retrying')
            then 'executing' else e.state end as state,
       e.reason, e.class, e.amount_minor, e.currency, e.order_id, e.debit_attempts, e.debit_at, e.closes_at,
       j.step as next_step, j.run_at as next_at, j.lease_until, e.finished_at
  from mandated.executions e
  join mandated.mandates m on m.id = e.mandate_id
  left join mandated.jobs j on j.execution_id = e.id
  left join mandated.intents i on i.execution_id = e.id;
