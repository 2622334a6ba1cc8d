-- The hot tables: what to do next, what is open with a provider, and the proof of what was collected.

-- One number for every claim and every rescue: a worker that wakes up late holds a token nobody honours.
create sequence mandated.lease_tokens cache 100;

-- One row for every execution that has a next step. No foreign keys: it is written with its execution in
-- one statement, and checked by the auditor.
create table mandated.jobs (
  execution_id bigint primary key,
  account_id smallint not null,
  mandate_id bigint not null,
  step text not null check (step in ('notify', 'notify_status', 'execute', 'lookup', 'retry', 'recheck')),
  run_at timestamptz not null,
  -- The end of the legal window that run_at lies in; null where the rail has none.
  run_before timestamptz,
  -- Its own time has come, and it waits for its mandate to be resumed.
  parked boolean not null default false,
  lease_until timestamptz,
  lease_token bigint,
  worker_id text,
  constraint jobs_lease_check check ((lease_until is null) = (lease_token is null)),
  constraint jobs_worker_check check ((worker_id is null) = (lease_token is null)),
  constraint jobs_window_check check (run_before > run_at)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);
create index jobs_due_idx on mandated.jobs (account_id, run_at, execution_id) where lease_token is null;
create index jobs_lease_idx on mandated.jobs (lease_until) where lease_token is not null;
create index jobs_mandate_idx on mandated.jobs (mandate_id) where parked;

-- Wakes sleeping daemons; polling stands behind it. One notification a statement, not one a row.
create function mandated.wake() returns trigger language plpgsql as $$
begin
  perform pg_notify('mandated_jobs', '');
  return null;
end $$;
create trigger jobs_wake after insert on mandated.jobs for each statement execute function mandated.wake();

-- The daemons that live. They share what an account allows: a row for each, which it renews every few seconds by this clock.
create table mandated.daemons (
  id bigint generated always as identity primary key,
  worker_id text not null,
  -- Those that it calls: nobody has a part of an account that he does not know.
  accounts smallint[] not null,
  joined_at timestamptz not null,
  heartbeat_at timestamptz not null,
  -- How often it has renewed its row: a number that no clock can put back.
  beats bigint not null default 0,
  -- The daemons for which it has made room: it calls no more than its share beside them.
  acknowledged_members bigint[] not null default '{}'
) with (fillfactor = 50, autovacuum_vacuum_threshold = 100);

-- A money-moving call that is open: committed before the call, deleted when its outcome is proven.
create table mandated.intents (
  execution_id bigint primary key,
  mandate_id bigint not null unique,
  cycle_on date not null,
  kind text not null check (kind in ('execute', 'retry')),
  order_id text not null,
  amount_minor bigint not null check (amount_minor > 0),
  max_amount_minor bigint not null,
  -- What the payer was told: 'notified' by us, 'provider' will be told by the provider, 'exempt' need not be. 'found' is a call that
  -- was made before this database forgot it: a recovery has found its order, and what the payer was told then is not known.
  notice text not null check (notice in ('notified', 'provider', 'exempt', 'found')),
  notified_amount_minor bigint,
  delivered_at timestamptz,
  -- When the money may move at the earliest: now, or the execution date handed to the provider.
  debit_at timestamptz not null,
  opened_at timestamptz not null,
  opened_by bigint not null,
  -- The provider's own attempt counter, read before a call that has no idempotency key.
  counter_before bigint,
  -- The ids of the payments that were there before a charge whose provider has no order ids of ours.
  payments_before bigint[],
  constraint intents_max_amount_check check (amount_minor <= max_amount_minor),
  constraint intents_delivered_check
    check (notice <> 'notified' or (delivered_at is not null and debit_at >= delivered_at + interval '24 hours')),
  constraint intents_notified_amount_check
    check (notice <> 'notified' or notified_amount_minor is not distinct from amount_minor),
  constraint intents_execution_date_check
    check (notice <> 'provider' or kind <> 'execute' or debit_at >= opened_at + interval '24 hours'),
  constraint intents_debit_at_check check (debit_at >= opened_at)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

-- The declined attempts of a mandate on a card, a row for each day (UTC): what card networks limit over 30 days and all cycles.
create table mandated.budgets (
  mandate_id bigint not null,
  day date not null,
  declined_attempts integer not null check (declined_attempts > 0),
  primary key (mandate_id, day)
);
create index budgets_day_idx on mandated.budgets (day);

-- The proof that a cycle was collected. Never deleted; hashed so that no index outgrows memory.
create table mandated.debits (
  mandate_id bigint not null,
  cycle_on date not null,
  execution_id bigint not null,
  order_id text not null,
  provider_txn text,
  -- What the provider states; nothing where its answer states no amount. The execution has what was asked for.
  amount_minor bigint check (amount_minor > 0),
  currency text,
  proven_at timestamptz not null,
  constraint debits_currency_check check ((amount_minor is null) = (currency is null)),
  primary key (mandate_id, cycle_on),
  -- One payment is the debit of one cycle. Its id comes first, so that it is also found among other mandates' debits.
  constraint debits_payment_key unique (provider_txn, mandate_id)
) partition by hash (mandate_id);
create table mandated.debits_0 partition of mandated.debits for values with (modulus 4, remainder 0);
create table mandated.debits_1 partition of mandated.debits for values with (modulus 4, remainder 1);
create table mandated.debits_2 partition of mandated.debits for values with (modulus 4, remainder 2);
create table mandated.debits_3 partition of mandated.debits for values with (modulus 4, remainder 3);
