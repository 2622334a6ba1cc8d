-- What a person said became of an execution that no answer had decided: who, why, and by what evidence. Append-only.
-- No lock on anything that exists. The version before this one writes no row here and reads none.

create table mandated.resolutions (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  execution_id bigint not null,
  mandate_id bigint not null,
  order_id text not null,
  from_state text not null,
  to_state text not null,
  resolved_as text not null,
  who text not null,
  reason text not null,
  evidence text not null,
  -- The provider's id of the debit, where the operator gave one.
  provider_ref text,
  constraint resolutions_resolved_as_check check (resolved_as in ('charged', 'failed', 'refunded')),
  constraint resolutions_who_check check (length(btrim(who)) between 1 and 100),
  constraint resolutions_reason_check check (length(btrim(reason)) between 1 and 1000),
  constraint resolutions_evidence_check check (length(btrim(evidence)) between 1 and 4000)
);
create index resolutions_execution_idx on mandated.resolutions (execution_id, id);
