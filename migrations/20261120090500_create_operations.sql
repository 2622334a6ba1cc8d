-- What a person did to an account: who, what and why. Append-only.
-- No lock on anything that exists. The version before this one writes no row here and reads none.

create table mandated.operations (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  account_id smallint not null references mandated.accounts (id),
  what text not null,
  -- The end of a pause.
  until timestamptz,
  who text not null,
  reason text not null,
  constraint operations_what_check check (what in ('pause', 'resume')),
  constraint operations_until_check check ((until is not null) = (what = 'pause')),
  constraint operations_who_check check (length(btrim(who)) between 1 and 100),
  constraint operations_reason_check check (length(btrim(reason)) between 1 and 1000)
);
