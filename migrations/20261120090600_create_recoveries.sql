-- A database that was restored asks its providers for what it has forgotten: one row a recovery of an account, and one for each of its
-- executions that were asked about, so that a recovery which was stopped in the middle goes on where it was.
-- It locks accounts against writes for a moment, and nothing else that exists: who locks two tables, as for a second foreign key, and a
-- statement of a daemon that has taken them in another order, wait for each other. The version before this one writes no row here and reads none.

create table mandated.recoveries (
  id bigint generated always as identity primary key,
  account_id smallint not null references mandated.accounts (id),
  -- What was sent from then on may be forgotten.
  since timestamptz not null,
  started_at timestamptz not null,
  -- When somebody was last at work on it. What was asked long before is no answer any more: another database may have sent since.
  seen_at timestamptz not null,
  -- From then on the account's money may move.
  finished_at timestamptz,
  -- Who began it, and why; who went on with it is in operator_requests.
  who text not null,
  reason text not null,
  constraint recoveries_finished_check check (finished_at >= started_at),
  constraint recoveries_who_check check (length(btrim(who)) between 1 and 100),
  constraint recoveries_reason_check check (length(btrim(reason)) between 1 and 1000)
);
-- An account has one recovery at a time.
create unique index recoveries_open_idx on mandated.recoveries (account_id) where finished_at is null;

-- What came of an execution. Written with what follows from it in one transaction, and never changed.
create table mandated.recovered_executions (
  recovery_id bigint not null references mandated.recoveries (id),
  execution_id bigint not null,
  at timestamptz not null,
  result text not null,
  primary key (recovery_id, execution_id),
  constraint recovered_executions_result_check check (result in ('collected', 'not_collected', 'known', 'review', 'not_found'))
);
create index recovered_executions_execution_idx on mandated.recovered_executions (execution_id);

-- A mandate whose payments were compared with those that this database knows, after its executions were asked about.
create table mandated.compared_mandates (
  recovery_id bigint not null references mandated.recoveries (id),
  mandate_id bigint not null,
  at timestamptz not null,
  -- Payments that no execution has: the mandate was paused for them.
  unowned jsonb not null,
  primary key (recovery_id, mandate_id),
  constraint compared_mandates_unowned_check check (jsonb_typeof(unowned) = 'array')
);
create index compared_mandates_mandate_idx on mandated.compared_mandates (mandate_id);
