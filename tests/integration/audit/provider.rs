//! `audit --provider`: what the provider says of our orders, asked within the rail's budget, and held against our record.

use std::cell::Cell;

use chrono::TimeDelta;
use lab::sandbox::Faults;
use mandated::cli::print::{Format, Print};
use mandated::domain::Timestamp;
use mandated::engine::Engine;
use mandated::ops::audit::provider::{Comparison, Question, compare};
use serde_json::Value;

use crate::support::due::{column, execute, scalar};
use crate::support::provider::{Asked, FIRST_ORDER, declined, juspay, order};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday, at, live, start};

async fn asked_with(world: &World, engine: &Engine, mandate: Option<&str>) -> Comparison {
    let question = Question {
        clients: engine
            .accounts
            .iter()
            .map(|account| (account.id.0, account.client()))
            .collect(),
        since: start(),
        mandate,
        worker: "auditor",
    };
    let now = || world.clock.now();
    compare(world.pool(), &question, now, &|_| {})
        .await
        .unwrap()
}

async fn asked(world: &World) -> Comparison {
    asked_with(world, &world.engine, None).await
}

fn details(comparison: &Comparison) -> Vec<&str> {
    comparison
        .findings
        .examples
        .iter()
        .map(|case| case.detail.as_str())
        .collect()
}

fn text(comparison: &Comparison) -> String {
    let mut out = Vec::new();
    comparison.write(&mut out, Format::Text).unwrap();
    String::from_utf8(out).unwrap()
}

/// One payer of each flow, who paid.
async fn collected() -> World {
    let world = Scenario::flows(Flow::ALL).open().await;
    world.run_until(after_payday()).await;
    world
}

#[tokio::test]
async fn a_provider_that_says_the_same_agrees_and_each_question_is_a_look_up_on_record() {
    let world = collected().await;
    let comparison = asked(&world).await;
    assert_eq!(
        (
            comparison.compared,
            comparison.agrees(),
            comparison.open.count
        ),
        (8, true, 0),
        "{comparison:?}"
    );
    assert!(comparison.not_asked.is_empty() && comparison.is_answered());
    assert!(text(&comparison).ends_with("The providers say the same of all executions.\n"));
    let kept: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s', call, outcome, worker_id) from mandated.attempts where decision = 'asked by the audit'",
    )
    .await;
    let [charged, not_found] = ["charged", "not_found"]
        .map(|outcome| kept.iter().filter(|kept| kept.contains(outcome)).count());
    // Of the six that have order ids of ours: each may have had three orders, on whatever rail.
    assert_eq!((charged, not_found), (8, 6 * 2), "{kept:?}");
    let counted: i64 = scalar(
        world.pool(),
        &format!(
            "select count(*) from mandated.executions where lookup_times[1] = '{}'",
            world.clock.now()
        ),
    )
    .await;
    assert_eq!(counted, 8, "each look-up is counted");
    // The judge saw no rule of look-ups broken.
    world.agrees().await;
}

#[tokio::test]
async fn what_is_damaged_on_our_side_is_found() {
    let world = collected().await;
    execute(
        world.pool(),
        "delete from mandated.debits where execution_id = 1",
    )
    .await;
    execute(
        world.pool(),
        "update mandated.debits set amount_minor = 49800 where execution_id = 2",
    )
    .await;
    let comparison = asked(&world).await;
    assert!(!comparison.agrees());
    let mut found = details(&comparison);
    found.sort_by_key(|found| found.contains(" took "));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].ends_with("is collected there and has no debit here; the execution is charged"),
        "{found:?}"
    );
    assert!(
        found[1].ends_with("took 499.00 INR there and 498.00 INR here"),
        "{found:?}"
    );
    assert!(text(&comparison).contains("THE PROVIDER CONTRADICTS OUR RECORD."));
}

/// A UPI execution under a provider that answers as told; then the provider's side is damaged.
async fn told(
    answer: impl Fn(Asked, &str, Timestamp) -> Value + Send + Sync + 'static,
    until: &str,
    ask_at: &str,
) -> (World, Comparison) {
    let provider = juspay(answer).await;
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at(until)).await;
    world.outage(ask_at);
    let comparison = asked_with(&world, &engine, None).await;
    (world, comparison)
}

#[tokio::test]
async fn what_is_damaged_on_the_providers_side_is_found() {
    let answer = |_, id: &str, time| {
        if time < at("07 00:00") {
            order(id, "CHARGED")
        } else {
            declined(id, "Z9", false)
        }
    };
    let (world, comparison) = told(answer, "06 00:00", "08 00:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    let found = details(&comparison);
    assert!(
        found.len() == 1 && found[0].ends_with("has its debit here, and there it is failed"),
        "{found:?}"
    );
}

#[tokio::test]
async fn two_orders_of_a_cycle_that_were_both_collected_are_found() {
    let answer = |asked, id: &str, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        Asked::LookUp if id == FIRST_ORDER && time < at("06 20:00") => declined(id, "Z9", false),
        Asked::LookUp => order(id, "CHARGED"),
    };
    let (world, comparison) = told(answer, "06 19:00", "06 22:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    let found = details(&comparison);
    assert!(
        found.len() == 1 && found[0].ends_with("are collected there: refund due"),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_is_open_here_and_decided_there_is_listed_and_no_finding() {
    for (word, decided) in [("failed", false), ("collected", true)] {
        let answer = move |_, id: &str, time| match (time < at("06 11:00"), decided) {
            (true, _) => serde_json::json!({ "what": "is this" }),
            (false, true) => order(id, "CHARGED"),
            (false, false) => declined(id, "ZA", false),
        };
        let (world, comparison) = told(answer, "06 10:00", "06 11:30").await;
        assert_eq!(world.stands("a").await.0, "unknown");
        assert!(comparison.agrees(), "{comparison:?}");
        let open: Vec<_> = comparison
            .open
            .examples
            .iter()
            .map(|case| &case.detail)
            .collect();
        assert!(open.len() == 1 && open[0].contains(word), "{open:?}");
        let intents: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
        assert_eq!(intents, 1, "the audit closes nothing");
        world.audited().await;
    }
}

#[tokio::test]
async fn a_look_up_beyond_the_budget_is_not_made_and_the_audit_says_so() {
    let world = collected().await;
    let now = world.clock.now();
    let upi: Vec<i64> = column(
        world.pool(),
        "select e.id from mandated.executions e join mandated.mandates m on m.id = e.mandate_id where m.rail = 'upi' order by m.ref",
    )
    .await;
    let recent = now - TimeDelta::minutes(90);
    execute(
        world.pool(),
        &format!("update mandated.executions set lookup_times = array['{recent}', '{recent}', '{recent}']::timestamptz[] where id = {}", upi[0]),
    )
    .await;
    execute(
        world.pool(),
        &format!("insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, lease_until, lease_token, worker_id)
         select id, account_id, mandate_id, 'recheck', now(), now() + interval '1 minute', 7, 'worker-1' from mandated.executions where id = {}
         on conflict (execution_id) do update set lease_until = excluded.lease_until, lease_token = 7, worker_id = 'worker-1'", upi[1]),
    )
    .await;
    // Within the first 90 seconds nobody can know.
    execute(
        world.pool(),
        &format!("update mandated.attempts set at = timestamptz '{now}' - interval '80 seconds' where execution_id = {} and call = 'execute'", upi[2]),
    )
    .await;
    let comparison = asked(&world).await;
    assert_eq!(
        comparison.not_asked.iter().collect::<Vec<_>>(),
        [
            (&"a worker is at work on it", &1),
            (
                &"its budget of look-ups is spent, or it was debited too recently",
                &2
            )
        ]
    );
    assert_eq!((comparison.executions, comparison.compared), (8, 5));
    let said = text(&comparison);
    assert!(
        said.contains("5 of 8 executions compared with their providers, 3 not"),
        "{said}"
    );
    assert!(!said.contains("say the same"), "{said}");
    let asked_of: i64 = scalar(
        world.pool(),
        &format!("select count(*) from mandated.attempts where decision = 'asked by the audit' and execution_id in ({}, {}, {})", upi[0], upi[1], upi[2]),
    )
    .await;
    assert_eq!(asked_of, 0);
    assert_eq!(world.ledger().violations, []);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_contradicts_nothing_and_proves_nothing() {
    let world = collected().await;
    let nowhere = world.engine_at("http://127.0.0.1:9", |_| {}).await;
    let comparison = asked_with(&world, &nowhere, None).await;
    assert!(comparison.agrees() && !comparison.is_answered());
    assert_eq!(comparison.compared, 0, "{comparison:?}");
    let unanswered: u64 = comparison.not_answered.values().sum();
    // Eight executions, and the payments of two eMandates.
    assert_eq!(unanswered, 10);
    assert!(
        comparison
            .not_answered
            .contains_key("the provider has stopped answering"),
        "nobody asks on and on: {comparison:?}"
    );
    assert!(text(&comparison).ends_with("Nothing was compared.\n"));
}

/// Case F8: a part is never called the whole, in text or in JSON.
#[tokio::test]
async fn every_execution_is_counted_as_compared_or_with_the_reason_why_not() {
    let world = collected().await;
    // One is older than what is asked about, one was never sent, one's account is configured nowhere.
    let statements = [
        "update mandated.executions set updated_at = updated_at - interval '100 days' where id = 1",
        "delete from mandated.attempts where execution_id = 2",
        "delete from mandated.debits where execution_id = 2",
        "update mandated.executions set state = 'planned', finished_at = null where id = 2",
        "insert into mandated.accounts (name, provider) values ('gone', 'juspay')",
        "update mandated.executions set account_id = (select id from mandated.accounts where name = 'gone') where id = 3",
    ];
    for statement in statements {
        execute(world.pool(), statement).await;
    }
    let comparison = asked(&world).await;
    let reasons = [
        ("its account is not configured", 1),
        ("no order of it was sent", 1),
        ("too old: it has not changed within --since", 1),
    ];
    assert_eq!(
        comparison
            .not_asked
            .iter()
            .map(|(why, count)| (*why, *count))
            .collect::<Vec<_>>(),
        reasons
    );
    assert_eq!(
        (
            comparison.executions,
            comparison.compared,
            comparison.not_compared
        ),
        (8, 5, 3)
    );
    let said = text(&comparison);
    assert!(said.ends_with(
        "Nothing contradicts in the 5 that were compared. Of the other 3 nothing is proven.\n"
    ));
    for (why, count) in reasons {
        assert!(
            said.contains(&format!("not asked: {count}, {why}")),
            "{said}"
        );
    }
    let mut out = Vec::new();
    comparison.write(&mut out, Format::Json).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        (
            &json["executions"],
            &json["compared"],
            &json["not_compared"]
        ),
        (&8.into(), &5.into(), &3.into())
    );
    assert_eq!(json["not_asked"]["no order of it was sent"], 1);
}

#[tokio::test]
async fn one_mandate_is_asked_about_alone() {
    let world = collected().await;
    let comparison = asked_with(&world, &world.engine, Some("901")).await;
    assert_eq!(comparison.compared, 1);
}

/// Workers look up as well: together they stay within the budget, and a look-up that one of them makes is not lost.
#[tokio::test]
async fn the_audit_asks_while_a_daemon_is_at_work_and_no_budget_is_broken() {
    let scenario = Scenario::flows(Flow::ALL.into_iter().cycle().take(40));
    let world = scenario.faults(Faults::DEMO).open().await;
    let over = Cell::new(false);
    let living = async {
        world.run_until(after_payday()).await;
        over.set(true);
    };
    let asking = async {
        let mut compared = 0;
        while !over.get() {
            let comparison = asked(&world).await;
            assert!(comparison.agrees(), "{comparison:#?}");
            compared += comparison.compared;
        }
        compared
    };
    let ((), compared) = tokio::join!(living, asking);
    assert!(compared > 40, "{compared}");
    world.agrees().await;
}
