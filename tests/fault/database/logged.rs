//! What is said of health, whoever finds them.

use std::time::Duration;

use mandated::engine::database_health::DatabaseHealth;
use mandated::store::StoreError;

use crate::support::log::Log;

fn no_answer(waiting_for_a_replica: i64) -> StoreError {
    StoreError::NoAnswer {
        what: "settle jobs",
        after: Duration::from_secs(40),
        waiting_for_a_replica,
    }
}

fn locked() -> StoreError {
    StoreError::Locked {
        executions: "7, 9".to_owned(),
    }
}

fn out_of_connections() -> StoreError {
    StoreError::Database {
        what: "claim due jobs",
        source: sqlx::Error::PoolTimedOut,
    }
}

/// Every line in a few words.
fn said(log: &Log) -> Vec<String> {
    let lines = log.lines();
    let said = lines.iter().map(|line| {
        let text = |name: &str| line[name].as_str().unwrap_or("over").to_owned();
        format!("{} {} {}", text("level"), text("failure"), text("loops"))
    });
    said.collect()
}

#[test]
fn what_all_loops_find_is_said_once_and_is_over_when_it_is_for_all_of_them() {
    let (log, health) = (Log::capture(), DatabaseHealth::new(Duration::from_hours(1)));
    for name in ["plan", "settle", "plan"] {
        health.failed(name, &no_answer(0));
    }
    health.recovered("plan");
    assert_eq!(said(&log), ["WARN no_answer plan"]);
    health.recovered("settle");
    health.recovered("settle");
    assert_eq!(said(&log), ["WARN no_answer plan", "INFO no_answer over"]);
}

#[test]
fn a_lock_of_one_loop_hides_no_other_failure() {
    let (log, health) = (Log::capture(), DatabaseHealth::new(Duration::from_hours(1)));
    health.failed("plan", &locked());
    health.failed("settle", &locked());
    health.failed("claim", &no_answer(0));
    health.failed("plan", &locked());
    health.recovered("plan");
    assert_eq!(
        said(&log),
        [
            "WARN locked plan",
            "WARN locked settle",
            "WARN no_answer claim",
            "INFO locked over"
        ]
    );
}

#[test]
fn a_failure_that_becomes_another_is_not_over() {
    let (log, health) = (Log::capture(), DatabaseHealth::new(Duration::from_hours(1)));
    health.failed("settle", &no_answer(0));
    std::thread::sleep(Duration::from_millis(5));
    health.failed("settle", &no_answer(3));
    assert_eq!(said(&log), ["WARN no_answer settle", "WARN replica settle"]);
    assert!(log.lines()[1]["lasts_ms"].as_u64().unwrap() >= 5);
    assert!(
        log.text()
            .contains("3 commit(s) wait for a synchronous replica")
    );
}

/// While the server does not answer, our own connections get stuck. When nothing else is wrong they are used up.
#[test]
fn a_pool_without_connections_is_a_failure_of_its_own_only_when_there_is_no_other() {
    let (log, health) = (Log::capture(), DatabaseHealth::new(Duration::from_hours(1)));
    health.failed("settle", &no_answer(0));
    health.failed("claim", &out_of_connections());
    health.recovered("settle");
    health.recovered("claim");
    health.failed("claim", &out_of_connections());
    assert_eq!(
        said(&log),
        [
            "WARN no_answer settle",
            "INFO no_answer over",
            "WARN connections claim"
        ]
    );
}

#[test]
fn a_failure_that_lasts_is_said_again_with_the_answers_that_are_kept() {
    let (log, health) = (Log::capture(), DatabaseHealth::new(Duration::ZERO));
    health.failed("settle", &no_answer(0));
    health.keep(12, true);
    health.failed("settle", &no_answer(0));
    assert_eq!(log.lines().len(), 2);
    assert_eq!(log.lines()[1]["answers_kept"], 12);
}
