-- Who pays, how much, how often: accounts and mandates.
-- No lock on anything that exists: this is the first migration.
-- A CHECK also passes when it is null: mind the columns that may be.
create schema if not exists mandated;

-- One row for the whole database. The tag is in the x-request-id of every request.
create table mandated.installation (
  singleton boolean primary key default true check (singleton),
  tag text not null check (tag ~ '^[a-z0-9]{4}$')
);
insert into mandated.installation (tag) values (substr(md5(gen_random_uuid()::text), 1, 4));

-- Which database this is: what a restore or a copy changes, and what a fail-over changes. As its owner, so that every role is told the same.
create function mandated.this_database(out identity text, out timeline text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  server text := 'of an unknown server';
begin
  if has_function_privilege('pg_control_system()', 'execute') then
    select c.system_identifier::text into server from pg_control_system() c;
  end if;
  select format('database %s (table %s, row %s) of server %s', d.oid, 'mandated.installation'::regclass::oid,
                coalesce((select xmin::text from mandated.installation), 'none'), server),
         left(pg_walfile_name(pg_current_wal_lsn()), 8)
    into identity, timeline
    from pg_database d where d.datname = current_database();
end $$;
revoke execute on function mandated.this_database from public;

-- Configured provider accounts. Credentials stay in the configuration; only the pause is shared.
create table mandated.accounts (
  id smallint generated always as identity primary key,
  name text not null unique,
  provider text not null check (provider in ('juspay', 'signzy')),
  -- What it is bound to since its first use, and refused outside of: who we are at the provider, the kind of clock, the database.
  merchant text unique,
  is_simulated boolean,
  database text,
  paused_until timestamptz,
  pause_reason text,
  -- Whether it is paused because the provider refuses its credentials.
  refused boolean not null default false,
  -- When the provider first took a call of it. Before that its "mandate not found" may only mean that this is another merchant's account.
  worked_at timestamptz,
  -- Until when the first job after a pause is waited for.
  probe_until timestamptz,
  -- Since when `mandated recover` asks its provider what this database has forgotten. Until that is over nothing of it is claimed.
  recovering_since timestamptz,
  -- When it was recovered: notifications of cycles that are planned soon after may have been sent before.
  recovered_at timestamptz,
  -- What a mandate names, so that its provider is its account's.
  constraint accounts_id_provider_key unique (id, provider),
  constraint accounts_refused_check check (not refused or paused_until is not null),
  constraint accounts_probe_check check (probe_until is null or paused_until is not null),
  constraint accounts_bound_check check (num_nulls(merchant, is_simulated, database) in (0, 3)),
  constraint accounts_pause_check check ((paused_until is null) = (pause_reason is null))
);

-- A rail that a person has paused: nothing of it is notified or debited. Its outcomes are looked up all the same.
create table mandated.rails (
  rail text primary key check (rail in ('upi', 'card', 'enach')),
  paused_until timestamptz,
  pause_reason text,
  constraint rails_pause_check check ((paused_until is null) = (pause_reason is null))
);
insert into mandated.rails (rail) values ('upi'), ('card'), ('enach');

-- The same trouble with many executions of an account: one row a reason, from its first time in this hour. When it has parked
-- many, it pauses the account; a row that has done so does it again at the next one. A debit that the provider takes deletes it.
create table mandated.account_faults (
  account_id smallint not null,
  reason text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  parked integer not null check (parked > 0),
  -- Until when it paused the account last.
  paused_until timestamptz,
  -- The refs of mandates that it ended, the first of them.
  ended text[] not null default '{}',
  primary key (account_id, reason),
  constraint account_faults_times_check check (last_at >= first_at)
);

create table mandated.mandates (
  id bigint generated always as identity primary key,
  ref text not null unique check (length(ref) between 1 and 100),
  account_id smallint not null,
  provider text not null check (provider in ('juspay', 'signzy')),
  provider_mandate_id text not null,
  customer_id text not null,
  rail text not null check (rail in ('upi', 'card', 'enach')),
  notify text not null check (notify in ('separate', 'provider', 'none')),
  amount_minor bigint check (amount_minor > 0),
  max_amount_minor bigint not null check (max_amount_minor > 0),
  -- ISO 4217, what people pay with: the list of domain::money.
  currency text not null check (currency in (
    'AED', 'AFN', 'ALL', 'AMD', 'AOA', 'ARS', 'AUD', 'AWG', 'AZN', 'BAM', 'BBD', 'BDT', 'BHD', 'BIF',
    'BMD', 'BND', 'BOB', 'BRL', 'BSD', 'BTN', 'BWP', 'BYN', 'BZD', 'CAD', 'CDF', 'CHF', 'CLP', 'CNY',
    'COP', 'CRC', 'CUP', 'CVE', 'CZK', 'DJF', 'DKK', 'DOP', 'DZD', 'EGP', 'ERN', 'ETB', 'EUR', 'FJD',
    'FKP', 'GBP', 'GEL', 'GHS', 'GIP', 'GMD', 'GNF', 'GTQ', 'GYD', 'HKD', 'HNL', 'HTG', 'HUF', 'IDR',
    'ILS', 'INR', 'IQD', 'IRR', 'ISK', 'JMD', 'JOD', 'JPY', 'KES', 'KGS', 'KHR', 'KMF', 'KPW', 'KRW',
    'KWD', 'KYD', 'KZT', 'LAK', 'LBP', 'LKR', 'LRD', 'LSL', 'LYD', 'MAD', 'MDL', 'MGA', 'MKD', 'MMK',
    'MNT', 'MOP', 'MRU', 'MUR', 'MVR', 'MWK', 'MXN', 'MYR', 'MZN', 'NAD', 'NGN', 'NIO', 'NOK', 'NPR',
    'NZD', 'OMR', 'PAB', 'PEN', 'PGK', 'PHP', 'PKR', 'PLN', 'PYG', 'QAR', 'RON', 'RSD', 'RUB', 'RWF',
    'SAR', 'SBD', 'SCR', 'SDG', 'SEK', 'SGD', 'SHP', 'SLE', 'SOS', 'SRD', 'SSP', 'STN', 'SVC', 'SYP',
    'SZL', 'THB', 'TJS', 'TMT', 'TND', 'TOP', 'TRY', 'TTD', 'TWD', 'TZS', 'UAH', 'UGX', 'USD', 'UYU',
    'UZS', 'VED', 'VES', 'VND', 'VUV', 'WST', 'XAF', 'XCD', 'XCG', 'XOF', 'XPF', 'YER', 'ZAR', 'ZMW',
    'ZWG'
  )),
  frequency text check (frequency in ('onetime', 'daily', 'weekly', 'fortnightly', 'twicemonthly', 'monthly', 'bimonthly',
                                      'quarterly', 'halfyearly', 'yearly', 'aspresented')),
  cron text,
  time_zone text not null,
  starts_on date not null,
  ends_on date,
  debit_at time not null,
  category text,
  description text not null default '',
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  status text not null default 'active'
    check (status in ('active', 'paused', 'revoked', 'expired', 'completed', 'failed')),
  status_reason text,
  -- When the provider last said that it is paused; null while that is an operator's word alone. Only with it is the provider
  -- asked whether it is active again, and a later pause makes an earlier answer void.
  provider_paused_at timestamptz,
  -- On how many different days the provider has said that it does not know the mandate, while it had taken no call of the account.
  not_found_days smallint not null default 0 check (not_found_days >= 0),
  not_found_on date,
  -- The planning cursor: the next cycle that has no execution yet, and when to plan it.
  -- Null when no cycle is left, or none is ours to plan (aspresented).
  next_cycle_on date,
  next_plan_at timestamptz,
  -- Said by whoever has counted its cycles: none is left to plan. A row that has no cursor and does not say so would be listed as
  -- active and never be planned: it is refused.
  cycles_over boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- As the provider writes it, and in no other way: "03290000" or "3290000/" would be another id of one mandate. The same as
  -- domain::identifier::form.
  constraint mandates_provider_mandate_id_check
    check (provider_mandate_id ~ case provider when 'signzy' then '^[1-9][0-9]{0,17}$' else '^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$' end),
  -- Of its account's provider: else it would be called where its id may be another mandate's, or known already.
  constraint mandates_account_id_fkey foreign key (account_id, provider) references mandated.accounts (id, provider),
  -- Its payments have a day in India and no time: of a mandate with other days they would be taken for another cycle's.
  constraint mandates_signzy_time_zone_check check (provider <> 'signzy' or time_zone in ('Asia/Kolkata', 'Asia/Calcutta')),
  constraint mandates_schedule_check check ((frequency is null) <> (cron is null)),
  constraint mandates_max_amount_check check (amount_minor <= max_amount_minor),
  constraint mandates_fixed_amount_check check (amount_minor is not null or frequency is not distinct from 'aspresented'),
  constraint mandates_dates_check check (ends_on >= starts_on),
  constraint mandates_provider_paused_check check (provider_paused_at is null or status = 'paused'),
  constraint mandates_cursor_check check ((next_cycle_on is null) = (next_plan_at is null)),
  constraint mandates_is_planned_check
    check (cycles_over = (next_plan_at is null) or frequency is not distinct from 'aspresented'),
  -- Which ways of notifying exist where: see ARCHITECTURE.md, "The three flows".
  constraint mandates_flow_check
    check (case provider when 'juspay' then rail <> 'enach' or notify = 'none'
                         else rail = 'enach' and notify in ('provider', 'none') end),
  -- NACH has no period of 14 days or of two months, and calls two debits a month BIMN: see src/domain/mandate.rs, check_frequency.
  constraint mandates_frequency_of_rail_check
    check (case rail when 'enach' then frequency not in ('fortnightly', 'bimonthly') else frequency <> 'twicemonthly' end),
  -- UPI and eNACH are India's, and Signzy's API names no currency: a mandate in dollars would be charged as many rupees.
  constraint mandates_rupees_check check (currency = 'INR' or (provider = 'juspay' and rail = 'card')),
  constraint mandates_exempt_check
    check (notify <> 'none' or rail = 'enach' or coalesce(category in ('fastag', 'ncmc'), false))
-- Planning moves the cursor of each mandate once a cycle, and leaves a dead entry at the front of mandates_plan_idx, where the
-- planner begins to read. By default a fifth of all mandates may be such entries.
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- The cycles of a paused mandate are planned too, whoever has paused it: they wait where everybody sees them, and what its provider
-- debits by itself meanwhile is watched.
create index mandates_plan_idx on mandated.mandates (next_plan_at, id)
  where status in ('active', 'paused') and next_plan_at is not null;
-- Registered once: two refs for one registration could debit the same payer twice for a cycle. Whatever the account: it may be another name
-- of the same merchant, by another address. And whatever the case: nobody documents that a provider minds it, and none gives two ids that
-- differ in nothing else.
create unique index mandates_registration_key on mandated.mandates (provider, lower(provider_mandate_id collate "C"));
-- The mandates of one account, for who counts those of an account that no daemon has.
create index mandates_account_idx on mandated.mandates (account_id);
