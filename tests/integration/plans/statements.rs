//! The statements that the loops run, and what each may touch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

use super::plan::Plan;

/// Where it is, words that no other one has unless it is a file of its own, the tables that it may touch besides those of a few rows, and so many pages of tables
/// and indexes at most, for a hundred jobs.
const STATEMENTS: &str = "
accounts.rs  | with before as (select id, paused        |                                          | 50
accounts.rs  | select refused from                      |                                          | 5
accounts.rs  | with ended as (                          |                                          | 50
accounts.rs  | select provider_mandate_id as            | mandates                                 | 500
bloat.rs     | pg_replication_slots s                   |                                          | 300
claim.sql    |                                          | jobs executions mandates budgets notifications debits intents events | 6500
cluster.rs   | insert into mandated.daemons             |                                          | 50
cluster.rs   | with beating as                          |                                          | 50
cluster.rs   | mandated.daemons where id = $1           |                                          | 50
monitor.rs   | select clock_timestamp()                 | attempts                                 | 80
monitor.rs   | order by run_at, execution_id limit 1    | jobs                                     | 1000
monitor.rs   | as job_at, coalesce                      | jobs mandates                            | 1000
monitor.rs   | as \"budget_headroom!\"                  | jobs intents executions                  | 6000
monitor.rs   | as \"oldest_at!\"                        |                                          | 50
planning.rs  | order by next_plan_at, id limit $2       | mandates                                 | 600
planning.rs  | 'mandated.executions', 'id'              |                                          | 600
planning.rs  | select tag from                          |                                          | 5
planning.rs  | ), added as (                            | executions jobs events                   | 2200
planning.rs  | set next_cycle_on = c                    | mandates                                 | 3500
policies.rs  | insert into mandated.policies            |                                          | 50
policies.rs  | where digest = md5                       |                                          | 5
policies.rs  | policies where id = $1                   |                                          | 5
rescue.rs    | as \"lease_token!\", j.step             | jobs intents executions                  | 4000
rescue.rs    | with t as materialized                   | jobs intents executions attempts         | 4000
retention.rs | mandated.make_partitions                 |                                          | 200
retention.rs | mandated.drop_partitions                 |                                          | 900
retention.rs | with old as                              | executions jobs                          | 1500
retention.rs | delete from mandated.budgets             | budgets                                  | 10
retention.rs | account_faults where last_at             |                                          | 5
settle.sql   |                                          | jobs executions mandates intents debits notifications budgets events attempts | 6000
settle.rs    | set counter_before                       | intents jobs                             | 500
settled.rs   | free_executions as                       | executions mandates jobs                 | 2600
settled.rs   | \"as_written!\"                          | executions attempts                      | 2200
settled.rs   | select order_id from mandated.debits     | debits                                   | 50
settled.rs   | select provider_txn from mandated.debits | executions debits                        | 300
unmapped.rs  | select count(*) as \"count!\" from mandated.attempts | attempts                                 | 50
unmapped.sql |                                          | attempts mandates executions             | 200";

/// What else the loops use of the store has no statement of its own, or one after a fail-over; or, once a minute, statements that read nothing but what belongs to
/// accounts that no daemon has in its configuration.
const WITHOUT: [&str; 5] = [
    "error",
    "database_error_kind",
    "environment",
    "pool",
    "unconfigured",
];

/// A statement that may be run, and what it may do.
pub(crate) struct Statement {
    pub(crate) name: String,
    pub(crate) tables: Vec<&'static str>,
    pub(crate) pages: u64,
    file: &'static str,
    words: &'static str,
}

impl Statement {
    fn is(&self, text: &str) -> bool {
        if self.file == "settle.sql" {
            return text == mandated::store::settle::statement();
        }
        if self.words.is_empty() {
            return text == read(&format!("src/store/{}", self.file));
        }
        text.contains(self.words)
    }

    /// The module that has it.
    fn module(&self) -> &'static str {
        self.file.split('.').next().unwrap()
    }
}

/// All of them.
pub(crate) fn statements() -> Vec<Statement> {
    let lines = STATEMENTS.trim_start().lines();
    let read = lines.map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let mut next = || cells.next().unwrap();
        let (file, words) = (next(), next());
        Statement {
            name: format!("{file} {words}"),
            tables: next().split_whitespace().collect(),
            pages: next().parse().unwrap(),
            file,
            words,
        }
    });
    read.collect()
}

/// The statement that each plan is one of.
pub(crate) fn named(plans: &[Plan]) -> Vec<(Statement, &Plan)> {
    let known = |plan: &Plan| {
        let mut found = statements();
        found.retain(|statement| statement.is(&plan.text));
        assert_eq!(found.len(), 1, "which statement is this? {}", plan.text);
        found.remove(0)
    };
    plans.iter().map(|plan| (known(plan), plan)).collect()
}

/// Fails unless each of them was run.
pub(crate) fn all_were_run(plans: &[Plan]) {
    let run: BTreeSet<String> = named(plans)
        .into_iter()
        .map(|(found, _)| found.name)
        .collect();
    let all: BTreeSet<String> = statements().into_iter().map(|found| found.name).collect();
    assert_eq!(run, all);
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap()
}

/// How many statements a text has.
fn count(text: &str) -> usize {
    text.matches("sqlx::query").count()
}

/// The modules of the store that a text speaks of.
fn used(text: &str) -> BTreeSet<String> {
    let module = Regex::new(r"store::([a-z_]+)").unwrap();
    let found = module.captures_iter(text);
    found.map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_statement_of_the_loops_is_in_the_list() {
    let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
    for statement in statements() {
        *listed.entry(statement.module()).or_default() += 1;
    }
    let mut there = BTreeMap::new();
    for module in listed.keys() {
        there.insert(*module, count(&read(&format!("src/store/{module}.rs"))));
    }
    assert_eq!(
        listed, there,
        "statements that are in the list, and in the file"
    );
}

#[test]
fn every_part_of_the_store_that_the_loops_use_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed: BTreeSet<String> = statements()
        .iter()
        .map(|statement| statement.module().to_owned())
        .collect();
    let mut folders = vec!["src/engine".to_owned()];
    let mut missing = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            if entry.path().is_dir() {
                folders.push(path);
            } else if entry.path().extension() == Some("rs".as_ref()) {
                missing.extend(used(&read(&path)));
            }
        }
    }
    missing.retain(|module| {
        let is_file = root.join(format!("src/store/{module}.rs")).is_file();
        is_file && !listed.contains(module) && !WITHOUT.contains(&module.as_str())
    });
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn a_new_statement_and_a_new_part_are_found() {
    let text = "use crate::store::listing::busy; let rows = sqlx::query!(\"select 1\"); sqlx::query_as!(Row, \"select 2\");";
    assert_eq!(count(text), 2);
    assert_eq!(used(text), BTreeSet::from(["listing".to_owned()]));
}
