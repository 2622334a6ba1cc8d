-- What a person did to an account, a rail, a mandate or an execution: who, what and why. Append-only.
-- No lock on anything that exists. The version before this one writes no row here and reads none.

create table mandated.operator_requests (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  what text not null,
  -- What it was done to; an execution's with its mandate.
  account_id smallint references mandated.accounts (id),
  rail text references mandated.rails (rail),
  mandate_id bigint,
  execution_id bigint,
  -- The end of a pause, where it has one.
  until timestamptz,
  who text not null,
  reason text not null,
  constraint operator_requests_subject_check check (num_nonnulls(account_id, rail, mandate_id) = 1
                                             and (execution_id is null or mandate_id is not null)),
  constraint operator_requests_what_check
    check (what in ('pause', 'resume') and execution_id is null
           or what in ('rebind', 'recover') and account_id is not null
           or what in ('revoke', 'reinstate') and mandate_id is not null and execution_id is null
           or what in ('retry', 'skip') and execution_id is not null),
  constraint operator_requests_until_check check (until is null or what = 'pause'),
  constraint operator_requests_who_check check (length(btrim(who)) between 1 and 100),
  constraint operator_requests_reason_check check (length(btrim(reason)) between 1 and 1000)
);
create index operator_requests_execution_idx on mandated.operator_requests (execution_id, id) where execution_id is not null;
