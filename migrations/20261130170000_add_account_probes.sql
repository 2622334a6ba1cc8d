-- After a pause of an account one job goes first, and a corrected key ends a pause that was made for a refused one.
-- Locks accounts for a moment; it has a row for each configured account. The version before writes neither column and pauses as before.
alter table mandated.accounts
  -- Whether it is paused because the provider refuses its credentials.
  add column refused boolean not null default false,
  -- Until when the first job after a pause is waited for.
  add column probe_until timestamptz,
  add constraint accounts_refused_check check (not refused or paused_until is not null),
  add constraint accounts_probe_check check (probe_until is null or paused_until is not null);
