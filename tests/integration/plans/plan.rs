//! What Postgres did for a statement, in its own words: `auto_explain` hands over the plan of all that a connection runs. So what is
//! looked at is what the daemon runs, as it was prepared by it, and not a copy.

use std::time::Duration;

use mandated::store::pool::DatabasePool;
use mandated::store::{ConnectSettings, connect};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;

use super::statements::Statement;
use crate::support::TestDatabase;
use crate::support::log::Log;

/// What one step of a plan may read or sort: batches of 100, and what is due as far as the pulse counts it.
const ROWS: u64 = 2_000;

/// Tables that have a few rows for ever, and the one of what waits for proof or for a person.
const SMALL: [&str; 7] = [
    "accounts",
    "account_faults",
    "daemons",
    "installation",
    "unresolved_executions",
    "policies",
    "rails",
];

/// One statement that was run.
pub(crate) struct Plan {
    pub(crate) text: String,
    root: Value,
    /// Whether Postgres compiled it.
    pub(crate) is_compiled: bool,
}

/// A connection as a daemon has it. It plans each statement at every run, or keeps the plan of the first one.
pub(crate) async fn daemon(database: &TestDatabase, keeps_plans: bool) -> DatabasePool {
    let mode = if keeps_plans {
        "force_generic_plan"
    } else {
        "force_custom_plan"
    };
    let options: PgConnectOptions = database.url().parse().unwrap();
    let options = options.options([
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_buffers", "on"),
        ("auto_explain.log_timing", "off"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_level", "notice"),
        ("plan_cache_mode", mode),
    ]);
    let settings = ConnectSettings {
        max_connections: 1,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_mins(1),
        lock_timeout: Duration::from_secs(5),
        application_name: "mandated".to_owned(),
    };
    connect(vec![options], &settings, None)
        .await
        .unwrap_or_else(|error| {
            panic!("{error:?}: is auto_explain, of Postgres's own extensions, installed?")
        })
}

/// Hears the plans of all that is run on this thread.
pub(crate) fn listen() -> Log {
    Log::filtered("off,sqlx::postgres::notice=info")
}

/// The plans that were heard.
pub(crate) fn heard(log: &Log) -> Vec<Plan> {
    let told = log.lines().into_iter().filter_map(|line| {
        let (_, plan) = line["message"].as_str()?.split_once("plan:\n")?;
        let mut plan: Value = serde_json::from_str(plan).unwrap();
        Some(Plan {
            text: plan["Query Text"].as_str().unwrap().to_owned(),
            is_compiled: !plan["JIT"].is_null(),
            root: plan["Plan"].take(),
        })
    });
    told.collect()
}

impl Plan {
    /// Pages of tables and indexes that it touched.
    pub(crate) fn pages(&self) -> u64 {
        number(&self.root, "Shared Hit Blocks") + number(&self.root, "Shared Read Blocks")
    }

    /// The big tables that it reads whole.
    pub(crate) fn reads_whole(&self) -> Vec<String> {
        let scans = steps(&self.root).into_iter().filter_map(|node| {
            let table = node["Relation Name"].as_str().map(parent)?;
            let read = number(node, "Actual Rows") + number(node, "Rows Removed by Filter");
            let is_whole = node["Node Type"] == "Seq Scan" && !is_small(table) && read > 5_000;
            is_whole.then(|| format!("{table}, by {}", self.text))
        });
        scans.collect()
    }

    /// What is wrong with it.
    pub(crate) fn complaints(&self, statement: &Statement) -> Vec<String> {
        let mut found = Vec::new();
        for node in steps(&self.root) {
            let kind = node["Node Type"].as_str().unwrap();
            let what = node["Index Name"]
                .as_str()
                .or(node["Relation Name"].as_str());
            let step = format!("{}: {kind} {}", statement.name, what.unwrap_or_default());
            if let Some(table) = node["Relation Name"].as_str().map(parent) {
                if kind == "Seq Scan" && !is_small(table) {
                    found.push(format!("{step}: reads the whole table"));
                }
                // Of the tables of what is leased and open, only the pulse counts all rows.
                let is_whole = kind.starts_with("Index") && node["Index Cond"].is_null();
                if is_whole && !is_small(table) && !statement.name.starts_with("monitor.rs") {
                    found.push(format!("{step}: reads the whole index"));
                }
                if !is_small(table) && !statement.tables.contains(&table) {
                    found.push(format!("{step}: {table} is none of its tables"));
                }
            }
            let reads = number(node, "Actual Loops")
                * (number(node, "Actual Rows")
                    + number(node, "Rows Removed by Filter")
                    + number(node, "Rows Removed by Index Recheck"));
            if (what.is_some() || kind.ends_with("Sort")) && reads > ROWS {
                found.push(format!("{step}: {reads} rows"));
            }
        }
        if self.pages() > statement.pages {
            found.push(format!("{}: {} pages", statement.name, self.pages()));
        }
        found
    }
}

/// A step and all below it.
fn steps(node: &Value) -> Vec<&Value> {
    let mut all = vec![node];
    let below = node["Plans"].as_array().into_iter().flatten();
    all.extend(below.flat_map(steps));
    all
}

/// The table that a partition is part of.
fn parent(table: &str) -> &str {
    let letters = table.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
    letters.strip_suffix("_default").unwrap_or(letters)
}

fn is_small(table: &str) -> bool {
    // Postgres's own tables do not grow with ours.
    SMALL.contains(&table) || table.starts_with("pg_")
}

fn number(node: &Value, field: &str) -> u64 {
    // Newer servers count rows by halves.
    let text = node[field].to_string();
    let whole = text.split('.').next().unwrap();
    whole.parse().unwrap_or_default()
}
