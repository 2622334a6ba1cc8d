//! The log contract: which lines there are, what is in them, and at which level.

mod catalog;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::engine::metrics::Metrics;
use serde_json::Value;

use crate::support::due::column;
use crate::support::log::Log;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at};

/// On every line, whatever it is about.
const EVERYWHERE: [&str; 4] = ["timestamp", "level", "target", "message"];

/// On every line about a state change of a job: the rest has no value where there was no call, no failure, or nothing comes next.
const ALWAYS: [&str; 15] = [
    "execution.id",
    "mandate.ref",
    "cycle",
    "order.id",
    "account",
    "rail",
    "step",
    "attempt.no",
    "from",
    "state",
    "decision",
    "lag_ms",
    "lease.token",
    "worker.id",
    "message",
];

/// A month in which all that has a line of its own happens.
async fn month(filter: &str) -> (World, Log) {
    // Its cycle is over before anybody plans it.
    let over = Scenario::of("over", Flow::Enach).every("daily");
    let over = over.from("2027-02-01").until("2027-02-03");
    let world = ["poor", "lost", "stopped", "odd", "late"]
        .into_iter()
        .fold(over, |all, name| all.mandate(name, Flow::UpiSeparate))
        .more(Flow::ALL)
        .open()
        .await;
    let low = Then::Declines(Reason::LowBalance);
    world.script("poor", Call::Execute, [low.clone()]);
    world.script("poor", Call::Retry, [low.clone(), low.clone(), low]);
    world.script("lost", Call::Execute, [Then::Fault(Fault::AnswerLost)]);
    world.script("stopped", Call::Execute, [Then::Declines(Reason::Revoked)]);
    world.script("late", Call::Notify, [Then::Fault(Fault::Throttled)]);
    world.script(
        "odd",
        Call::Execute,
        [Then::DeclinesWith(Box::new(
            serde_json::from_value(
                serde_json::json!({"status": "JUSPAY_DECLINED", "bank_error_code": "JP_852",
                    "bank_error_message": "Transaction was declined by merchant."}),
            )
            .unwrap(),
        ))],
    );
    world.outage("03 12:00");
    let log = Log::filtered(filter);
    world.run_until(at("28 23:59")).await;
    (world, log)
}

/// The lines that tell of a state change.
fn changes(log: &Log) -> Vec<Value> {
    let mut lines = log.lines();
    lines.retain(|line| line.get("state").is_some() && line.get("from") != line.get("state"));
    lines
}

fn names(line: &Value) -> BTreeSet<String> {
    line.as_object().unwrap().keys().cloned().collect()
}

fn text<'l>(line: &'l Value, field: &str) -> &'l str {
    line[field].as_str().unwrap_or("-")
}

#[tokio::test]
async fn every_state_change_has_one_line_and_is_one_row_of_the_outbox() {
    let (world, log) = month("info,mandated::engine::log=debug").await;
    let mut lines: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for line in changes(&log) {
        let change = format!("{} {}", text(&line, "from"), text(&line, "state"));
        let id = line["execution.id"].as_i64().unwrap();
        lines.entry(id).or_default().push(change);
    }
    let events: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s', execution_id, coalesce(from_state, '-'), to_state)
           from mandated.events where execution_id is not null order by id",
    )
    .await;
    let mut rows: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for event in events {
        let (id, change) = event.split_once(' ').unwrap();
        rows.entry(id.parse().unwrap())
            .or_default()
            .push(change.to_owned());
    }
    assert_eq!(lines, rows);
    let all: BTreeSet<String> = rows.into_values().flatten().collect();
    for change in [
        "- planned",
        "- expired",
        "executing unknown",
        "pending retrying",
        "pending charged",
    ] {
        assert!(
            all.contains(change),
            "nothing of {change} happened: {all:?}"
        );
    }
}

#[tokio::test]
async fn a_line_has_the_fields_that_the_readme_lists_and_no_others() {
    let (_world, log) = month("debug").await;
    let mut seen = BTreeSet::new();
    for line in changes(&log) {
        assert_eq!(text(&line, "target"), "mandated::engine::log");
        let names = names(&line);
        if names.contains("lease.token") {
            for field in ALWAYS {
                assert!(names.contains(field), "{field} is missing in {line}");
            }
            let called = names.contains("outcome");
            assert_eq!(called, names.contains("latency_ms"), "{line}");
        }
        assert_eq!(
            names.contains("next_step"),
            names.contains("next_at"),
            "{line}"
        );
        seen.extend(names);
    }
    for field in EVERYWHERE {
        assert!(seen.remove(field), "{field} is on no line");
    }
    let listed: BTreeSet<String> = fields_in_the_readme().into_iter().collect();
    assert_eq!(seen, listed, "the code's fields and the README's");
}

#[tokio::test]
async fn a_line_speaks_the_words_of_the_contract() {
    let (_world, log) = month("info").await;
    for line in changes(&log) {
        for (field, value) in line.as_object().unwrap() {
            let is_number = matches!(
                field.as_str(),
                "execution.id" | "attempt.no" | "latency_ms" | "lag_ms" | "lease.token"
            );
            assert_eq!(value.is_number(), is_number, "{field} in {line}");
            assert_eq!(value.is_string(), !is_number, "{field} in {line}");
        }
        for field in ["timestamp", "next_at"] {
            let time = line.get(field).and_then(Value::as_str);
            let is_time =
                time.is_none_or(|time| chrono::DateTime::parse_from_rfc3339(time).is_ok());
            assert!(is_time, "{field} in {line}");
        }
    }
}

#[tokio::test]
async fn an_error_is_what_a_person_must_act_on() {
    let (world, log) = month("debug").await;
    let errors = log.of("ERROR");
    let reviews: Vec<String> = column(
        world.pool(),
        "select mandate_ref from mandated.events where to_state = 'review' order by id",
    )
    .await;
    assert!(reviews.contains(&"odd".to_owned()), "{reviews:?}");
    let about: Vec<&str> = errors
        .iter()
        .map(|line| text(line, "mandate.ref"))
        .collect();
    assert_eq!(about, reviews);
    for line in &errors {
        assert_eq!(text(line, "state"), "review", "{line}");
    }
}

#[tokio::test]
async fn a_warning_is_what_did_not_go_well_and_is_said_once() {
    let (world, log) = month("debug").await;
    let bad: Vec<String> = column(
        world.pool(),
        "select format('%s %s', mandate_ref, to_state) from mandated.events
          where to_state in ('failed', 'expired', 'unknown') order by 1",
    )
    .await;
    let mut warnings: Vec<String> = Vec::new();
    for line in log.of("WARN") {
        if let Some(state) = line.get("state") {
            let state = state.as_str().unwrap();
            warnings.push(format!("{} {state}", text(&line, "mandate.ref")));
        } else {
            let message = text(&line, "message");
            let is_known = message.starts_with("the provider throttles the account")
                || message.starts_with("the mandate is over");
            assert!(is_known, "{message}");
        }
    }
    warnings.sort();
    assert_eq!(warnings, bad);
}

#[tokio::test]
async fn refused_credentials_are_one_error_however_many_calls_find_out() {
    let world = Scenario::many(20, Flow::Enach).open().await;
    let engine = world.engine_with_a_wrong_key().await;
    let log = Log::filtered("debug");
    crate::support::world::live(&engine, at("05 07:04")).await;
    let errors = log.of("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(text(&errors[0], "account"), "juspay_main");
    assert!(text(&errors[0], "message").contains("accounts.juspay_main.api_key"));
}

#[tokio::test]
async fn the_heartbeat_has_the_figures_that_the_readme_lists() {
    let world = Scenario::of("one", Flow::Enach).open().await;
    let log = Log::capture();
    world.engine.heartbeat().tick(3).await.unwrap();
    let lines = log.lines();
    assert_eq!(lines.len(), 1);
    let mut names = names(&lines[0]);
    for field in EVERYWHERE.into_iter().chain(["worker.id"]) {
        assert!(names.remove(field), "{field} is missing");
    }
    assert_eq!(lines[0]["settle_backlog"], 3);
    let readme = readme();
    let (_, rest) = readme
        .split_once("A heartbeat every 10 seconds carries `")
        .expect("README.md says what the heartbeat carries");
    let (listed, _) = rest.split_once('`').unwrap();
    let listed: BTreeSet<String> = listed.split_whitespace().map(str::to_owned).collect();
    assert_eq!(names, listed);
}

/// What the heartbeat says, and the metric that repeats it.
const METRICS: [(&str, &str); 24] = [
    ("timestamp", "mandated_heartbeat_timestamp_seconds"),
    ("due", "mandated_jobs_due"),
    ("leased", "mandated_jobs_leased"),
    ("oldest_due_s", "mandated_oldest_due_age_seconds"),
    ("open_intents", "mandated_intents_open"),
    ("oldest_unknown_s", "mandated_oldest_unknown_age_seconds"),
    ("reviews", "mandated_reviews_open"),
    ("paused_accounts", "mandated_accounts_paused"),
    ("recovering_accounts", "mandated_accounts_recovering"),
    ("paused_rails", "mandated_rails_paused"),
    ("unconfigured_mandates", "mandated_mandates_unconfigured"),
    ("budget_headroom", "mandated_budget_headroom_percent"),
    ("unmapped", "mandated_answers_unmapped_last_day"),
    ("dead_rows", "mandated_dead_rows"),
    ("oldest_snapshot_s", "mandated_oldest_snapshot_age_seconds"),
    ("settle_backlog", "mandated_settle_backlog"),
    ("lines_left_out", "mandated_log_lines_left_out_total"),
    (
        "charged_total",
        "mandated_state_changes_total{state=\"charged\"}",
    ),
    (
        "failed_total",
        "mandated_state_changes_total{state=\"failed\"}",
    ),
    (
        "skipped_total",
        "mandated_state_changes_total{state=\"skipped\"}",
    ),
    (
        "expired_total",
        "mandated_state_changes_total{state=\"expired\"}",
    ),
    (
        "review_total",
        "mandated_state_changes_total{state=\"review\"}",
    ),
    (
        "unknown_total",
        "mandated_state_changes_total{state=\"unknown\"}",
    ),
    (
        "retrying_total",
        "mandated_state_changes_total{state=\"retrying\"}",
    ),
];

#[tokio::test]
async fn the_metrics_are_the_heartbeat_once_more() {
    let (world, _log) = month("info").await;
    let log = Log::capture();
    let heartbeat = world.engine.heartbeat().tick(3).await.unwrap();
    let line = &log.lines()[0];
    let metrics = Metrics::default();
    metrics.record(&heartbeat);
    metrics.record_backlog(3);
    let text = metrics.render();
    let mut samples: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.rsplit_once(' ').unwrap())
        .collect();
    for (field, metric) in METRICS {
        let sample = samples.remove(metric);
        let sample = sample.unwrap_or_else(|| panic!("{metric} is missing in:\n{text}"));
        let said = if field == "timestamp" {
            world.clock.now().timestamp().to_string()
        } else {
            line[field].to_string()
        };
        assert_eq!(sample, said, "{field} in {line}");
        let name = metric.split('{').next().unwrap();
        for word in ["HELP", "TYPE"] {
            assert!(text.contains(&format!("# {word} {name} ")), "{word} {name}");
        }
    }
    assert_eq!(samples, BTreeMap::new(), "more than the heartbeat says");
    let ended: Vec<i64> = ["charged_total", "failed_total", "expired_total"]
        .map(|field| line[field].as_i64().unwrap())
        .into();
    assert!(ended.iter().all(|count| *count > 0), "{line}");
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(path).expect("there is a README.md")
}

/// The first column of the table under "### Log fields".
fn fields_in_the_readme() -> Vec<String> {
    let readme = readme();
    let (_, section) = readme
        .split_once("### Log fields\n")
        .expect("README.md has a section \"### Log fields\"");
    let table = section.lines().skip_while(|line| !line.starts_with('|'));
    table
        .take_while(|line| line.starts_with('|'))
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect()
}
