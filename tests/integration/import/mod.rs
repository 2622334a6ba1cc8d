//! `mandates import`, and the database, clock and policy that the other commands are tested with.

mod currencies;
mod files;
mod hints;
mod ids;
mod lengths;
mod refused;
mod registered;
mod taken;

use std::io::Read;
use std::time::Duration;

use chrono::{TimeZone, Utc};
use mandated::cli::print::{Format, Print};
use mandated::domain::cycle::CycleCloses;
use mandated::domain::policy::Policy;
use mandated::domain::window::{Windows, WindowsText};
use mandated::domain::{ProviderKind, Rail, Timestamp};
use mandated::ops::import::{self, ImportError, Options, Report, import};
use mandated::provider::juspay;
use mandated::store::import::Account;
use mandated::store::pool::DatabasePool;
use serde_json::{Map, Value};

use crate::support::TestDatabase;

/// 20 November 2026, 11:30 in India.
pub(crate) fn now() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 20, 6, 0, 0).unwrap()
}

/// UPI debits between 21:31 and 09:59 and in the early afternoon, everything else at any time.
pub(crate) fn policy(_provider: ProviderKind, rail: Rail) -> Policy {
    let ranges = match rail {
        Rail::Upi => vec!["13:01-16:59".to_owned(), "21:31-09:59".to_owned()],
        Rail::Card | Rail::Enach => Vec::new(),
    };
    let text = WindowsText {
        time_zone: "Asia/Kolkata".to_owned(),
        ranges,
    };
    let windows = Windows::try_from(text).unwrap();
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    Policy {
        rail,
        cycle_closes: CycleCloses::NextCycle,
        debit_windows: windows.clone(),
        notify_windows: windows,
        jitter: Duration::ZERO,
        notify_lead: hours(2),
        notify_to_debit: hours(25),
        notification_validity: hours(48),
        notification_attempts: 3,
        max_attempts: 4,
        min_gap: hours(1),
        min_gap_after_failure: Duration::ZERO,
        max_orders: 1,
        provider_retry_horizon: hours(10),
        processing_time: Duration::from_mins(2),
        lookup_after: vec![Duration::from_mins(1)],
        lookup_every: hours(1),
        lookup_window: hours(2),
        review_after: hours(72),
        recheck_after: hours(24),
        retry: std::collections::BTreeMap::new(),
        max_attempts_in_period: None,
        max_attempts_in_30_days: None,
        max_lateness: None,
        paused_check_every: Duration::from_hours(24),
    }
}

fn check_metadata(provider: ProviderKind, fields: &Map<String, Value>) -> Result<(), String> {
    match fields.keys().find(|key| !key.starts_with("udf")) {
        Some(key) => Err(format!("{provider} has no field {key}")),
        None => Ok(()),
    }
}

pub(crate) async fn with_accounts() -> TestDatabase {
    let database = TestDatabase::new().await;
    sqlx::query("insert into mandated.accounts (name, provider) values ('main', 'juspay'), ('nach', 'signzy')")
        .execute(&database.pool)
        .await
        .unwrap();
    sqlx::query("select mandated.make_partitions('2026-11-01Z', 2)")
        .execute(&database.pool)
        .await
        .unwrap();
    database
}

async fn run(
    pool: &DatabasePool,
    input: impl Read,
    skip_invalid: bool,
) -> Result<Report, ImportError> {
    let options = Options {
        skip_invalid,
        now: now(),
        horizon: Duration::from_hours(6),
        policy: &policy,
        check_metadata: &check_metadata,
    };
    import(pool, input, &options, &|_| {}).await
}

/// Imports a text that is expected to be taken.
pub(crate) async fn take(pool: &DatabasePool, text: &str) {
    let report = run(pool, text.as_bytes(), false).await.unwrap();
    assert!(report.kept, "{:?}", report.problems);
}

/// What a file comes to before the database is asked: for each row what is wrong with it, nothing if it is taken.
fn checked(text: impl AsRef<[u8]>) -> Result<Vec<String>, ImportError> {
    let account = |id, name: &str, provider| Account {
        id,
        name: name.to_owned(),
        provider,
    };
    let accounts = vec![
        account(1, "main", ProviderKind::Juspay),
        account(2, "nach", ProviderKind::Signzy),
    ];
    let options = Options {
        skip_invalid: false,
        now: now(),
        horizon: Duration::from_hours(6),
        policy: &policy,
        check_metadata: &|_, fields| juspay::check_metadata(fields),
    };
    let rows = import::check(text.as_ref(), accounts, &options)?;
    let words = rows.into_iter().map(|row| match row {
        Ok(_) => String::new(),
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("\n")
        }
    });
    Ok(words.collect())
}

/// What is wrong with a good row in which some columns are replaced.
fn wrong(changes: &[(&str, &str)]) -> String {
    let rows = checked(file(&[row(changes)])).unwrap();
    assert_eq!(rows.len(), 1, "{changes:?}");
    rows[0].clone()
}

/// A good row of JSON Lines, with a value of one column as it stands in the file.
fn json_row(column: &str, value: &str) -> String {
    let good = [
        ("ref", r#""sub-1""#),
        ("account", r#""main""#),
        ("mandate_id", r#""mandate-1""#),
        ("customer_id", r#""customer-1""#),
        ("rail", r#""card""#),
        ("notify", r#""separate""#),
        ("amount", r#""499.00""#),
        ("frequency", r#""monthly""#),
        ("starts_on", r#""2026-11-30""#),
    ];
    let mut cells: Vec<String> = good
        .iter()
        .filter(|(name, _)| *name != column)
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    cells.push(format!("{column:?}:{value}"));
    format!("{{{}}}\n", cells.join(","))
}

fn printed(report: &Report) -> String {
    let mut out = Vec::new();
    report.write(&mut out, Format::Text).unwrap();
    String::from_utf8(out).unwrap()
}

async fn mandates(pool: &DatabasePool) -> Vec<String> {
    sqlx::query_scalar("select ref from mandated.mandates order by id")
        .fetch_all(pool)
        .await
        .unwrap()
}

const HEADER: &str = "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,currency,frequency,cron,time_zone,starts_on,ends_on,debit_at,category,description,metadata";

/// A good row, with some columns replaced.
fn row(changes: &[(&str, &str)]) -> String {
    let good = [
        ("ref", "sub-1"),
        ("account", "main"),
        ("mandate_id", "mandate-1"),
        ("customer_id", "customer-1"),
        ("rail", "upi"),
        ("notify", "separate"),
        ("amount", "499.00"),
        ("frequency", "monthly"),
        ("starts_on", "2026-11-30"),
    ];
    let value = |column: &str| {
        let set = changes.iter().find(|(name, _)| *name == column);
        set.or_else(|| good.iter().find(|(name, _)| *name == column))
            .map_or("", |(_, value)| *value)
    };
    let cells: Vec<String> = HEADER
        .split(',')
        .map(|column| format!("\"{}\"", value(column).replace('"', "\"\"")))
        .collect();
    cells.join(",")
}

fn file(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}
