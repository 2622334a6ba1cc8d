//! What a killed daemon leaves behind, and how the next one goes on from there.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use lab::sandbox::Ledger;
use mandated::ops::audit::audit;
use serde_json::Value;

use crate::support::due::{self, column, scalar};
use crate::support::process::{Installation, Process};

/// The end of simulated time: nothing is left to do but to look once more.
pub(crate) const END: (&str, &str) = ("MANDATED__CLOCK__END", "2040-03-12T00:00:00+05:30");
/// Where the log says which points were passed.
const TARGET: &str = "mandated::failpoint";

/// A daemon that says which points it passes, and does at some of them what `failpoints` says.
pub(crate) fn start(installation: &Installation, failpoints: &str) -> Process {
    let mut command = installation.command(&["run"]);
    command
        .env(
            "MANDATED__LOG__FILTER",
            format!("info,sqlx=warn,mandated::engine::log=debug,{TARGET}=trace"),
        )
        .env("FAILPOINTS", failpoints);
    Process::start(command)
}

/// Waits until a daemon has come to the end of simulated time.
pub(crate) async fn lives_to_the_end(daemon: &mut Process) {
    let status = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{}\n{}", daemon.err(), daemon.out());
    assert_eq!(daemon.err(), "");
}

/// Waits until a daemon was killed; the points that it passed.
pub(crate) async fn killed(daemon: &mut Process) -> Vec<String> {
    let status = daemon.ended().await;
    assert_eq!(
        status.signal(),
        Some(9),
        "ended with {status}: {}\n{}",
        daemon.err(),
        daemon.out()
    );
    passed(daemon)
}

/// The log of a daemon. Of one that was killed the last line may be cut off.
pub(crate) fn log(daemon: &Process) -> Vec<Value> {
    let out = daemon.out();
    let lines = out.lines();
    lines
        .map_while(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The point that a line of the log is about.
pub(crate) fn point(line: &Value) -> Option<&str> {
    line["point"].as_str().filter(|_| line["target"] == TARGET)
}

/// The points that a daemon has passed.
pub(crate) fn passed(daemon: &Process) -> Vec<String> {
    let log = log(daemon);
    log.iter().filter_map(point).map(str::to_owned).collect()
}

/// The next daemon begins when the dead one's leases are over, at the time that it had come to.
pub(crate) async fn leases_end(installation: &mut Installation) {
    due::leases_end(&installation.database.pool).await;
    time_goes_on(installation).await;
}

/// The next daemon begins at the time that the one before had come to.
pub(crate) async fn time_goes_on(installation: &mut Installation) {
    let now: Option<String> = scalar(
        &installation.database.pool,
        "select to_char(date_trunc('minute', greatest((select max(at) from mandated.events where at > '2040-01-01Z'),
                  (select max(run_at) from mandated.jobs where lease_token is not null)) + interval '59.999999 seconds')
                  at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    )
    .await;
    if let Some(now) = now {
        installation.set("MANDATED__CLOCK__START", &now);
    }
}

/// The calls that the sandbox has received.
pub(crate) fn received(ledger: &Ledger) -> usize {
    usize::try_from(ledger.calls.values().sum::<u64>()).unwrap()
}

/// Those of them that can move money.
pub(crate) fn of_money(ledger: &Ledger) -> u64 {
    const PATHS: [&str; 4] = [
        "POST /txns",
        "POST /ecr/mandate/retry",
        "POST /eMandates/{id}/charge",
        "POST /eMandates/{id}/retry-charge",
    ];
    PATHS
        .iter()
        .filter_map(|path| ledger.calls.get(*path))
        .sum()
}

/// Asserts that no call that can move money was made without an intent, nor one without an idempotency key without a counter.
pub(crate) async fn intended(installation: &Installation, ledger: &Ledger) {
    let pool = &installation.database.pool;
    let written: i64 = scalar(
        pool,
        "select count(*) from mandated.attempts where call in ('execute', 'retry') and outcome <> 'lost'",
    )
    .await;
    let open: Vec<String> = column(
        pool,
        "select case when i.kind = 'execute' and m.provider = 'juspay' then 'by its order id'
                     when i.counter_before is not null then 'by its counter' else 'not at all' end
           from mandated.intents i join mandated.mandates m on m.id = i.mandate_id
           join mandated.jobs j on j.execution_id = i.execution_id where j.lease_token = i.opened_by",
    )
    .await;
    let lost = of_money(ledger) - u64::try_from(written).unwrap();
    assert!(
        lost == 0 || lost == 1 && open.len() == 1 && open[0] != "not at all",
        "{lost} calls that nobody knows of can be found {open:?}"
    );
}

/// Asserts that the sandbox and the database know of the same debits, that no rule was broken, and how each cycle ended.
pub(crate) async fn agree(installation: &Installation, (state, debits): (&str, usize)) {
    let ledger = installation.ledger().await;
    assert_eq!(ledger.violations, []);
    let mut theirs: Vec<_> = ledger
        .debits
        .iter()
        .map(|debit| {
            format!(
                "{} {} {}",
                debit.mandate_id, debit.cycle, debit.amount_minor
            )
        })
        .collect();
    theirs.sort();
    let pool = &installation.database.pool;
    let ours: Vec<String> = column(
        pool,
        // Where the answer stated no amount, it was the order's.
        "select format('%s %s %s', m.provider_mandate_id, d.cycle_on, coalesce(d.amount_minor, e.amount_minor))
           from mandated.debits d join mandated.mandates m on m.id = d.mandate_id
           join mandated.executions e on e.id = d.execution_id order by 1",
    )
    .await;
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), debits);
    let stands: Vec<String> = column(
        pool,
        "select distinct format('%s, next %s', state, coalesce(next_step, 'nothing')) from mandated.execution_status",
    )
    .await;
    assert_eq!(stands, [format!("{state}, next nothing")]);
    let late = Duration::from_mins(15);
    let end = installation.get(END.0).parse().unwrap();
    let verdict = audit(pool, end, late, &|_| {}).await.unwrap();
    let broken: Vec<_> = verdict
        .rules
        .iter()
        .filter(|rule| rule.broken > 0)
        .collect();
    assert!(verdict.holds, "{broken:#?}");
}
