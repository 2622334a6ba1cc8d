//! A database that a real run filled, damaged by hand in one way after the other. The audit holds before, and finds exactly the rules
//! that are broken after. What the schema refuses is shown to be refused, and then done without the constraint.

mod answers;
mod cycles;
mod history;
mod names;
mod stops;

use std::collections::BTreeSet;
use std::time::Duration;

use lab::sandbox::{Call, Reason, Then};
use mandated::ops::audit::audit;
use mandated::store::pool::DatabasePool;
use sqlx::AssertSqlSafe;

use crate::support::TestDatabase;
use crate::support::due::execute;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::at;

/// When the run ends, and the audits are made.
const END: &str = "22 12:00";

/// Executions with the ref of their mandate, and their number among its cycles; attempts and events with both.
const VIEWS: &str = "
    create view public.x as
      select e.*, m.ref, row_number() over (partition by m.ref order by e.cycle_on) as nth
        from mandated.executions e join mandated.mandates m on m.id = e.mandate_id;
    create function public.x(ref text, nth integer) returns bigint language sql stable as
      $$ select id from public.x where x.ref = $1 and x.nth = $2 $$;
    create function public.m(ref text) returns bigint language sql stable as
      $$ select id from mandated.mandates where mandates.ref = $1 $$";

/// A run of three weeks with a weekly mandate of each flow, 900 to 907 in their order: the first try of most has no money, and a later
/// one collects it. The two cycles after it are collected at once, and the fourth is planned. A week is too short for another try of what
/// we present by NACH.
async fn lived() -> TestDatabase {
    let low = [Then::Declines(Reason::LowBalance)];
    let database = TestDatabase::new().await;
    let world = Scenario::flows(Flow::ALL)
        .every("weekly")
        // A Tuesday: NACH can be tried once more in the week.
        .from("2027-02-02")
        .until("")
        .open_on(database.pool.clone())
        .await;
    for (reference, flow) in (900..).zip(Flow::ALL) {
        if !matches!(flow, Flow::Enach | Flow::SignzyOnDemand) {
            world.script(&reference.to_string(), Call::Execute, low.clone());
        }
    }
    world.run(END).await;
    world.agrees().await;
    sqlx::raw_sql(VIEWS).execute(world.pool()).await.unwrap();
    database
}

async fn broken(pool: &DatabasePool) -> BTreeSet<String> {
    let verdict = audit(pool, at(END), Duration::from_mins(15), &|_| {})
        .await
        .unwrap();
    let broken = verdict.rules.iter().filter(|rule| rule.broken > 0);
    let lines = broken.map(|rule| {
        let details = rule.examples.iter().map(|example| &example.detail);
        (rule.rule.to_owned(), details.cloned().collect::<Vec<_>>())
    });
    let mut rules = BTreeSet::new();
    for (rule, details) in lines {
        assert!(!details.is_empty(), "{rule}: without an example");
        rules.insert(rule);
    }
    rules
}

/// A month with a mandate of each provider that we present by NACH, 905 and 906: the first try has no money, and a later one collects it.
async fn lived_by_nach() -> TestDatabase {
    let database = TestDatabase::new().await;
    let world = Scenario::of("905", Flow::Enach)
        .mandate("906", Flow::SignzyOnDemand)
        .from("2027-02-01")
        .provider(Call::Execute, [Then::Declines(Reason::LowBalance)])
        .open_on(database.pool.clone())
        .await;
    world.run(END).await;
    world.agrees().await;
    sqlx::raw_sql(VIEWS).execute(world.pool()).await.unwrap();
    database
}

/// A way to damage a database, the rules that are broken by it, and the statements.
type Damage<'a> = (&'a str, &'a [&'a str], &'a str);

/// Does each damage to a copy of its own, and compares what is found.
async fn each_is_found(damages: &[Damage<'_>]) {
    each_is_found_in(&lived().await, damages).await;
}

async fn each_is_found_in(template: &TestDatabase, damages: &[Damage<'_>]) {
    let sound = template.twin().await;
    assert_eq!(broken(&sound.pool).await, BTreeSet::new(), "before");
    let mut wrong = Vec::new();
    for (name, rules, sql) in damages {
        let database = template.twin().await;
        let done = sqlx::raw_sql(AssertSqlSafe((*sql).to_owned()));
        let done = done.execute(&database.pool).await;
        let done = done.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(done.rows_affected() > 0, "{name}: nothing was damaged");
        let found = broken(&database.pool).await;
        let expected: BTreeSet<String> = rules.iter().map(|&rule| rule.to_owned()).collect();
        if found != expected {
            wrong.push(format!(
                "{name}:\n  found {found:#?}\n  expected {expected:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Statements that the schema refuses, each with what it names.
async fn each_is_refused(pool: &DatabasePool, refused: &[(&str, &str)]) {
    for (constraint, sql) in refused {
        let error = sqlx::raw_sql(AssertSqlSafe((*sql).to_owned()))
            .execute(pool)
            .await
            .expect_err(sql);
        assert!(error.to_string().contains(constraint), "{sql}: {error}");
    }
    execute(pool, "select 1").await;
}
