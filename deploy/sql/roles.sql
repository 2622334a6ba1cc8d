-- Two roles: the owner applies migrations, the daemon only works with rows.
--
-- Run it as a superuser in the database that mandated shall live in, before the first `mandated migrate` (for the roles)
-- and after every `mandated migrate` (for the rights on what is new). It may be run any number of times:
--   psql --dbname merchant --file deploy/sql/roles.sql
-- Then give both a way to log in, for example: alter role mandated_app login password '…'.
do $$
begin
  if to_regrole('mandated_owner') is null then create role mandated_owner login; end if;
  if to_regrole('mandated_app') is null then create role mandated_app login; end if;
  -- For the schema, which the first migration makes.
  execute format('grant connect, create on database %I to mandated_owner', current_database());
  execute format('grant connect, temporary on database %I to mandated_app', current_database());
  if to_regclass('mandated._sqlx_migrations') is null then return; end if;

  -- Everything that a person who operates it may read.
  grant usage on schema mandated to mandated_app;
  grant select on all tables in schema mandated to mandated_app;
  grant usage on all sequences in schema mandated to mandated_app;
  -- What is never changed once it is written: the proofs and the history.
  grant insert on mandated.debits, mandated.attempts, mandated.events, mandated.policies, mandated.resolutions,
    mandated.operator_requests, mandated.recoveries, mandated.recovered_executions, mandated.compared_mandates to mandated_app;
  -- A recovery that is open may have to look further back, and ends.
  grant update (since, seen_at, finished_at) on mandated.recoveries to mandated_app;
  -- What lives on.
  grant insert, update on mandated.accounts, mandated.mandates to mandated_app;
  grant update on mandated.rails to mandated_app;
  grant insert, update, delete on mandated.executions, mandated.notifications, mandated.jobs, mandated.intents,
    mandated.budgets, mandated.account_faults, mandated.daemons to mandated_app;
  -- Tells which database it is.
  grant execute on function mandated.this_database to mandated_app;
  -- The only DDL that a daemon needs. Both run as their owner and reach no other table.
  grant execute on function mandated.make_partitions, mandated.drop_partitions to mandated_app;
end $$;
