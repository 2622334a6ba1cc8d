//! The work itself: what is late, open or paused, and whether anybody is there to do it.

use std::time::Duration;

use super::Finding;
use crate::domain::Timestamp;
use crate::store::monitor::{WorkCounts, work_counts};
use crate::store::pauses::accounts;
use crate::store::pool::DatabasePool;
use crate::store::unconfigured::{UnconfiguredAccount, unconfigured_accounts};
use crate::store::{StoreError, bloat, doctor};

/// A daemon that has not beaten for longer is counted as gone by the others.
const GONE_S: f64 = 20.0;

/// What only waits for its turn is not late.
const LATE: Duration = Duration::from_mins(5);

/// A snapshot that is held for longer keeps dead rows.
const SNAPSHOT_S: i64 = 600;

pub(super) async fn work(
    pool: &DatabasePool,
    configured: &[String],
    now: Timestamp,
) -> Result<Vec<Finding>, StoreError> {
    let work_counts = work_counts(pool, now).await?;
    let mut findings = vec![daemons(
        doctor::daemons(pool, GONE_S).await?,
        work_counts.due,
    )];
    findings.extend(waiting(&work_counts, now));
    for account in accounts(pool, now).await? {
        if let Some(since) = account.recovering_since {
            let name = &account.name;
            findings.push(Finding::failed(
                format!("account {name}"),
                format!("recovering since {since}: nothing of it is notified or debited"),
                format!(
                    "run `mandated recover --since TIME --account {name} --by WHO --reason WHY` to its end; deploy/README.md, \
                     \"the database was restored, copied or failed over\""
                ),
            ));
        }
    }
    for account in unconfigured_accounts(pool, configured).await? {
        let UnconfiguredAccount {
            name,
            mandates,
            jobs,
            ..
        } = account;
        findings.push(Finding::warning(
            format!("account {name}"),
            format!("no daemon has it in its configuration, and it has {mandates} mandates and {jobs} jobs: their cycles expire"),
            format!(
                "configure accounts.{name} again, under this name; `mandated mandates list --account {name}` shows them; \
                 deploy/README.md, \"mandates belong to no configured account\""
            ),
        ));
    }
    if let Some(snapshot) = bloat::oldest_snapshot(pool).await?
        && let Some(age) = snapshot.age_s.filter(|age| *age > SNAPSHOT_S)
    {
        let holder = snapshot.name.unwrap_or_default();
        let found = format!(
            "{} {holder} has held a snapshot for {age} s",
            snapshot.holder
        );
        let fix = "end it (`select pg_terminate_backend(pid)`, or drop the slot): while it is held, dead rows stay";
        findings.push(Finding::warning("snapshots", found, fix));
    }
    Ok(findings)
}

fn daemons(running: i64, due: i64) -> Finding {
    let about = "daemons";
    match running {
        0 if due > 0 => Finding::failed(
            about,
            format!("none is running, and {due} jobs are due"),
            "start one (`systemctl start mandated`), and read its first lines",
        ),
        0 => Finding::warning(about, "none is running", "start one: `mandated run`"),
        1 => Finding::ok(about, "one is running"),
        more => Finding::ok(about, format!("{more} are running")),
    }
}

fn waiting(work_counts: &WorkCounts, now: Timestamp) -> Vec<Finding> {
    let about = "work";
    let mut findings = Vec::new();
    let mut warn = |is_so: bool, found: String, fix: &str| {
        if is_so {
            findings.push(Finding::warning(about, found, fix));
        }
    };
    let age = |at: Option<Timestamp>| {
        at.and_then(|at| now.signed_duration_since(at).to_std().ok())
            .unwrap_or_default()
    };
    let late = age(work_counts.oldest_due_at);
    warn(
        late > LATE,
        format!("the oldest due job is {} s late", late.as_secs()),
        "`mandated jobs` shows which; deploy/README.md, \"jobs are late\"",
    );
    warn(
        work_counts.oldest_unknown_at.is_some(),
        format!(
            "an outcome has been unknown for {} s",
            age(work_counts.oldest_unknown_at).as_secs()
        ),
        "`mandated executions list --state unknown`; look-ups go on by themselves",
    );
    warn(
        work_counts.reviews > 0,
        format!("{} executions wait for a person", work_counts.reviews),
        "`mandated executions list --state review`, then `mandated executions resolve ID`",
    );
    warn(
        work_counts.paused_accounts > 0,
        format!("{} accounts are paused", work_counts.paused_accounts),
        "`mandated accounts list` says why and until when",
    );
    warn(
        work_counts.paused_rails > 0,
        format!("{} rails are paused", work_counts.paused_rails),
        "`mandated rails list` says why and until when",
    );
    if findings.is_empty() {
        findings.push(Finding::ok(
            about,
            "nothing is late, unknown, in review or paused",
        ));
    }
    findings
}
