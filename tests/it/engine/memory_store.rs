//! The rows in memory that the property tests live on do what the SQL does: for a table of rows claim, counter, settlement and rescue
//! go through both, and what they leave is compared.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use mandated::config::Config;
use mandated::domain::cycle::Cycle;
use mandated::domain::execution::{Intent, Progress};
use mandated::domain::machine::rescue::PROCESSED;
use mandated::domain::machine::{Action, Answer, Conclusion, Input, Job, Machine};
use mandated::domain::outcome::{CallFailure, Counter, NotificationOutcome};
use mandated::domain::policy::Policy;
use mandated::domain::{
    Amount, Class, Currency, Execution, ExecutionId, Failure, Instant, MandateStatus, Notify,
    Outcome, ProviderKind, Rail, State, Step,
};
use mandated::store::claim::Claimed;
use mandated::store::rescue::rescue_expired;
use mandated::store::settle::{
    Debit, MandateChange, NextJob, NotificationResult, Settlement, record_counter, settle,
};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::support::due::{FAULTS, claim, due, execute, now, settlement};
use crate::support::memory_store::{DebitRow, JobRow, Limits, MemoryStore};

/// Each changes one execution, `{id}`.
const CHANGES: &[(&str, &str)] = &[
    ("as it is", "select 1"),
    (
        "the window is over",
        "update mandated.jobs set run_at = '2026-01-30T23:00Z', run_before = '2026-01-31T00:30Z' where execution_id = {id}",
    ),
    (
        "one second of the window is left",
        "update mandated.jobs set run_at = '2026-01-30T23:00Z', run_before = '2026-01-31T00:30:01Z' where execution_id = {id}",
    ),
    (
        "it is not due",
        "update mandated.jobs set run_at = '2026-01-31T00:30:01Z' where execution_id = {id}",
    ),
    (
        "the cycle is over",
        "update mandated.executions set debit_at = '2026-01-30Z', closes_at = '2026-01-31T00:30Z' where id = {id}",
    ),
    (
        "the operator has paused the mandate",
        "update mandated.mandates set status = 'paused' where id = {id}",
    ),
    (
        "the provider has paused the mandate",
        "update mandated.mandates set status = 'paused', provider_paused_at = '2026-01-29Z' where id = {id}",
    ),
    ("the mandate is revoked", "update mandated.mandates set status = 'revoked' where id = {id}"),
    ("the rail is paused", "update mandated.mandates set rail = 'card' where id = {id}"),
    ("the attempts are spent", "update mandated.executions set debits_tried = 4 where id = {id}"),
    (
        "the first order is collected",
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at, provider_txn)
         values ({id}, '2026-01-31', {id}, 'order-{id}-1', 49900, 'INR', '2026-01-31Z', 'txn-a')",
    ),
    (
        "the second order is collected",
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
         values ({id}, '2026-01-31', {id}, 'order-{id}-2', 49900, 'INR', '2026-01-31Z')",
    ),
    (
        "the attempts of 30 days are spent",
        "with e as (update mandated.executions set max_attempts_in_30_days = 3 where id = {id})
         insert into mandated.budgets values ({id}, '2026-01-29', 2), ({id}, '2026-01-20', 2), ({id}, '2025-12-01', 9)",
    ),
    (
        "one attempt of 30 days is left",
        "with e as (update mandated.executions set max_attempts_in_30_days = 3 where id = {id})
         insert into mandated.budgets values ({id}, '2026-01-01', 2), ({id}, '2025-12-31', 9)",
    ),
    (
        "the payer was notified less than 25 hours ago",
        "update mandated.notifications set delivered_at = delivered_at + interval '1 second' where execution_id = {id}",
    ),
    (
        "the notification failed",
        "with e as (update mandated.executions set delivered_at = null where id = {id})
         update mandated.notifications set state = 'failed', delivered_at = null where execution_id = {id}",
    ),
    (
        "another notification is the current one",
        "update mandated.executions set notification_no = 2 where id = {id}",
    ),
    (
        "it is pending",
        "update mandated.executions set state = 'pending', finished_at = null where id = {id}",
    ),
    (
        "it is retrying",
        "update mandated.executions set state = 'retrying', finished_at = null where id = {id}",
    ),
    (
        "a person must decide",
        "update mandated.executions set state = 'review', finished_at = '2026-01-30Z' where id = {id}",
    ),
    (
        "the mandate's maximum was lowered",
        "update mandated.mandates set amount_minor = null, frequency = 'aspresented', max_amount_minor = 49899 where id = {id}",
    ),
    (
        "the provider debits in 25 hours",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id})
         update mandated.executions set execute_at = '2026-02-01T01:30Z' where id = {id}",
    ),
    (
        "the provider debits a second sooner",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id})
         update mandated.executions set execute_at = '2026-02-01T01:29:59Z' where id = {id}",
    ),
    (
        "nobody is notified",
        "with m as (update mandated.mandates set rail = 'enach', notify = 'none' where id = {id})
         update mandated.executions set notification_no = 0, notification_ref = null, delivered_at = null where id = {id}",
    ),
    (
        "it is Signzy's",
        "with m as (update mandated.mandates set provider = 'signzy', rail = 'enach', notify = 'none' where id = {id})
         update mandated.executions set notification_no = 0, notification_ref = null, delivered_at = null where id = {id}",
    ),
];

/// Where an execution commonly stands at each step.
const fn state_at(step: Step) -> State {
    match step {
        Step::Notify => State::Planned,
        Step::NotifyStatus => State::Notifying,
        Step::Execute => State::Notified,
        Step::Lookup => State::Unknown,
        Step::Retry => State::Retrying,
        Step::Verify => State::Failed,
    }
}

/// One execution for each step, with and without an intent, at its first and its second order, and each of [`CHANGES`].
async fn table() -> (crate::support::TestDatabase, Vec<String>) {
    let mut cases = Vec::new();
    let mut statements = vec![
        "update mandated.rails set paused_until = 'infinity', pause_reason = 'an outage' where rail = 'card'".to_owned(),
    ];
    for step in Step::ALL {
        for has_intent in [false, true] {
            for order_no in [1, 2] {
                for (name, change) in CHANGES {
                    cases.push(format!(
                        "{step}, order {order_no}, intent {has_intent}: {name}"
                    ));
                    let id = cases.len();
                    let (state, finished) = match state_at(*step) {
                        State::Failed => (State::Failed, "'2026-01-30Z'"),
                        state => (state, "null"),
                    };
                    statements.push(format!(
                        "update mandated.executions set state = '{state}', finished_at = {finished}, order_no = {order_no},
                           looked = array['2026-01-30T22:00Z'::timestamptz] where id = {id}"
                    ));
                    statements.push(format!(
                        "update mandated.jobs set step = '{step}' where execution_id = {id}"
                    ));
                    if has_intent {
                        let kind = if *step == Step::Retry {
                            "retry"
                        } else {
                            "execute"
                        };
                        statements.push(format!(
                            "insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor,
                               max_amount_minor, notice, debit_at, opened_at, opened_by)
                             values ({id}, {id}, '2026-01-31', '{kind}', 'order-{id}-{order_no}', 49900, 500000, 'exempt',
                                     '2026-01-31T00:20Z', '2026-01-31T00:20Z', 1)"
                        ));
                    }
                    statements.push(change.replace("{id}", &id.to_string()));
                }
            }
        }
    }
    let database = due(i32::try_from(cases.len()).unwrap()).await;
    for statement in statements {
        execute(&database.pool, &statement).await;
    }
    (database, cases)
}

/// All executions with their rows, by their number.
async fn read(pool: &PgPool) -> BTreeMap<i64, MemoryStore> {
    let rows = sqlx::query(AssertSqlSafe(
        "select e.*, m.provider, m.notify, m.status, m.provider_paused_at, m.max_amount_minor as mandate_max,
                m.rail in (select rail from mandated.rails where paused_until is not null) as rail_paused,
                i.kind, i.opened_at, i.counter_before, j.step, j.run_at, j.run_before, j.parked, j.lease_token is not null as leased,
                d.order_id as debit_order, d.provider_txn, d.amount_minor as debit_minor,
                (select coalesce(array_agg(notification_no order by notification_no), '{}') from mandated.notifications
                  where execution_id = e.id) as notification_nos,
                (select coalesce(array_agg(n.delivered_at order by notification_no), '{}') from mandated.notifications n
                  where execution_id = e.id) as deliveries,
                (select coalesce(array_agg(day order by day), '{}') from mandated.budgets where mandate_id = m.id) as days,
                (select coalesce(array_agg(tried order by day), '{}') from mandated.budgets where mandate_id = m.id) as day_tries
           from mandated.executions e
           join mandated.mandates m on m.id = e.mandate_id
           left join mandated.intents i on i.execution_id = e.id
           left join mandated.jobs j on j.execution_id = e.id
           left join mandated.debits d on d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on",
    ))
    .fetch_all(pool)
    .await
    .unwrap();
    rows.iter().map(|row| (row.get("id"), store(row))).collect()
}

fn word<T>(row: &PgRow, column: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text: Option<String> = row.get(column);
    text.map(|text| parse(&text).unwrap())
}

fn number(row: &PgRow, column: &str) -> u16 {
    u16::try_from(row.get::<i16, _>(column)).unwrap()
}

fn rupees(minor: i64) -> Amount {
    Amount::new(minor, Currency::INR).unwrap()
}

fn store(row: &PgRow) -> MemoryStore {
    let numbers: Vec<i16> = row.get("notification_nos");
    let deliveries: Vec<Option<Instant>> = row.get("deliveries");
    let days: Vec<NaiveDate> = row.get("days");
    let day_tries: Vec<i32> = row.get("day_tries");
    let numbers = numbers.into_iter().map(|no| u16::try_from(no).unwrap());
    let day_tries = day_tries.into_iter().map(|no| u16::try_from(no).unwrap());
    let most: Option<i16> = row.get("max_attempts_in_30_days");
    let debit_order: Option<String> = row.get("debit_order");
    MemoryStore {
        execution: execution(row),
        limits: Limits {
            max_amount: rupees(row.get("mandate_max")),
            max_attempts: number(row, "max_attempts"),
            max_attempts_in_30_days: most.map(|most| u16::try_from(most).unwrap()),
            next_scheduled_on: None,
        },
        job: word(row, "step", Step::parse).map(|step| JobRow {
            step,
            run_at: row.get("run_at"),
            run_before: row.get("run_before"),
            parked: row.get("parked"),
            is_leased: row.get("leased"),
        }),
        debit: debit_order.map(|order| DebitRow {
            order_no: order.rsplit_once('-').unwrap().1.parse().unwrap(),
            provider_ref: row.get("provider_txn"),
            amount: rupees(row.get("debit_minor")),
        }),
        notifications: numbers.zip(deliveries).collect(),
        budgets: days.into_iter().zip(day_tries).collect(),
        provider_ref: row.get("provider_ref"),
    }
}

fn execution(row: &PgRow) -> Execution {
    let looked: Vec<Instant> = row.get("looked");
    let kind: Option<String> = row.get("kind");
    Execution {
        id: ExecutionId(row.get("id")),
        provider: word(row, "provider", ProviderKind::parse).unwrap(),
        notify: word(row, "notify", Notify::parse).unwrap(),
        mandate_status: word(row, "status", MandateStatus::parse).unwrap(),
        paused_at: row.get("provider_paused_at"),
        rail_paused: row.get("rail_paused"),
        budget_from: None,
        state: word(row, "state", State::parse).unwrap(),
        cycle: Cycle {
            on: row.get("cycle_on"),
            debit_at: row.get("debit_at"),
            closes_at: row.get("closes_at"),
        },
        amount: rupees(row.get("amount_minor")),
        approval_above: None,
        progress: Progress {
            order_no: number(row, "order_no"),
            notification_no: number(row, "notification_no"),
            delivered_at: row.get("delivered_at"),
            undelivered_at: row.get("undelivered_at"),
            execute_at: row.get("execute_at"),
            debits_tried: number(row, "debits_tried"),
            lookups: number(row, "lookups"),
            tries: number(row, "tries"),
            sent_at: row.get("sent_at"),
            failed_at: row.get("failed_at"),
            not_before: row.get("not_before"),
            looked: [0, 1, 2].map(|nth| looked.get(nth).copied()),
        },
        class: word(row, "class", Class::parse),
        intent: kind.map(|kind| Intent {
            is_retry: kind == "retry",
            opened_at: row.get("opened_at"),
            counter_before: row.get("counter_before"),
        }),
    }
}

/// The job as the engine hands it to the machine.
fn job(claimed: &Claimed) -> Job {
    Job {
        step: claimed.step,
        execution: claimed.execution.clone(),
        opened: claimed.opened,
        run_before: claimed.run_before,
        provider_ref: claimed.provider_ref.clone(),
        next_scheduled_on: None,
        execute_needs_counter: claimed.execution.provider == ProviderKind::Signzy,
    }
}

fn failure(class: Class) -> Failure {
    Failure {
        class,
        code: None,
        message: None,
        rule: None,
        retry_after: None,
        not_before: None,
    }
}

/// What a job may be settled with: what the machine does at once, or makes of one of many answers.
fn transition(job: &Job, policy: &Policy, nth: usize) -> Option<Conclusion> {
    let mut machine = Machine::new(job.clone(), policy, now());
    let mut action = machine.next(Input::Claimed, now());
    if action == Action::AskMandate {
        let statuses = [
            Some(MandateStatus::Active),
            Some(MandateStatus::Paused),
            Some(MandateStatus::Revoked),
            None,
        ];
        action = machine.next(Input::MandateAnswered(statuses[nth % 4]), now());
    } else if !matches!(action, Action::Settle(_)) || nth % 3 == 0 {
        let mut machine = Machine::in_call(job.clone(), policy, now());
        action = machine.next(answer(job.step, nth)?, now());
    }
    match action {
        Action::Settle(conclusion) => Some(*conclusion),
        Action::Abandon(_) => None,
        action => panic!("{action:?} is no end"),
    }
}

fn answer(step: Step, nth: usize) -> Option<Input> {
    if matches!(step, Step::Notify | Step::NotifyStatus) {
        let outcomes = [
            NotificationOutcome::Delivered,
            NotificationOutcome::Pending,
            NotificationOutcome::Failed(failure(Class::Notification)),
            NotificationOutcome::Failed(failure(Class::MandatePaused)),
            NotificationOutcome::NotFound,
        ];
        return outcomes
            .get(nth % 5)
            .cloned()
            .map(Input::NotificationAnswered);
    }
    let outcomes = [
        Outcome::Charged {
            amount: None,
            txn: None,
        },
        Outcome::Failed(failure(Class::Funds)),
        Outcome::Pending,
        Outcome::Refused(failure(Class::MandatePaused)),
        Outcome::Refused(failure(Class::MandateDead)),
        Outcome::NotFound,
        Outcome::Failed(failure(Class::Risk)),
        Outcome::Call(CallFailure::NotSent {
            why: "no connection".to_owned(),
        }),
    ];
    let outcome = outcomes.get(nth % 8).cloned()?;
    let named = ["txn-a", "txn-b"]
        .get(nth % 3)
        .map(|name| (*name).to_owned());
    Some(Input::Answered(Answer {
        outcome,
        counter: Counter {
            attempts: Some(2),
            no_retry_allowed: nth % 2 == 0,
        },
        provider_ref: named,
    }))
}

/// The columns of a conclusion.
fn columns(claimed: &Claimed, conclusion: &Conclusion, limits: &Limits) -> Settlement {
    let (id, decision) = (claimed.execution.id, &conclusion.decision);
    let notified_no = claimed.execution.progress.notification_no;
    let is_separate = claimed.execution.notify == Notify::Separate;
    let reference = |no: u16| format!("reference-{id}-{no}");
    let order = |no: u16| format!("order-{id}-{no}");
    let debited = conclusion
        .transition
        .collected
        .zip(conclusion.debited_order);
    let declined = limits.max_attempts_in_30_days.map(|_| decision.declined);
    Settlement {
        class: decision.class,
        next: decision.next.map(|next| NextJob {
            step: next.step,
            run_at: next.span.opens,
            run_before: next.span.closes,
            parked: decision.parked,
        }),
        closes_intent: conclusion.transition.closes_intent,
        progress: decision.progress,
        order_id: order(decision.progress.order_no),
        notification_ref: is_separate.then(|| reference(decision.progress.notification_no)),
        provider_ref: conclusion.provider_ref.clone(),
        mandate: decision.mandate.map(|status| MandateChange {
            status,
            paused_at: claimed.execution.paused_at,
        }),
        card_tries: declined.filter(|tries| *tries > 0),
        debit: debited.map(|(amount, no)| Debit {
            amount,
            order_id: order(no),
        }),
        notification: conclusion.notification.map(|state| NotificationResult {
            no: notified_no,
            reference: reference(notified_no),
            state,
            message: None,
        }),
        ..settlement(claimed, conclusion.transition.to)
    }
}

fn policy() -> Policy {
    let variables = [("MANDATED__DATABASE__URL", "postgres://localhost/none")];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = Config::load_with(None, variables).unwrap();
    config.policy(ProviderKind::Juspay, Rail::Upi)
}

fn compare(
    what: &str,
    cases: &[String],
    postgres: &BTreeMap<i64, MemoryStore>,
    memory: &BTreeMap<i64, MemoryStore>,
) {
    for ((id, ours), name) in memory.iter().zip(cases) {
        assert_eq!(ours, &postgres[id], "{what}: {id}, {name}");
    }
}

#[tokio::test]
async fn rows_in_memory_are_claimed_settled_and_rescued_as_in_postgres() {
    let (database, cases) = table().await;
    let pool = &database.pool;
    let policy = policy();
    let mut memory = read(pool).await;

    let claimed = claim(pool, 10_000, "worker-1").await;
    let mut jobs: BTreeMap<i64, Job> = memory
        .iter_mut()
        .filter_map(|(id, store)| Some((*id, store.claim(now())?)))
        .collect();
    let opened = jobs.values().filter(|job| job.opened).count();
    assert!(
        opened > 20 && opened < jobs.len() / 2,
        "{opened} of {}",
        jobs.len()
    );
    for claimed in &claimed {
        let id = claimed.execution.id.0;
        let name = &cases[usize::try_from(id).unwrap() - 1];
        assert_eq!(jobs.remove(&id), Some(job(claimed)), "claim: {id}, {name}");
    }
    assert!(jobs.is_empty(), "not claimed in Postgres: {jobs:?}");
    compare("claim", &cases, &read(pool).await, &memory);

    for claimed in claimed.iter().filter(|one| one.execution.id.0 % 5 == 0) {
        let id = claimed.execution.id;
        let theirs = record_counter(pool, id, claimed.token, 3).await.unwrap();
        let ours = memory.get_mut(&id.0).unwrap().record_counter(3);
        assert_eq!(ours, theirs, "counter: {id}");
    }
    compare("counter", &cases, &read(pool).await, &memory);

    settles(pool, &claimed, &policy, &mut memory).await;
    compare("settle", &cases, &read(pool).await, &memory);

    execute(
        pool,
        "update mandated.jobs set lease_until = now() - interval '1 second' where lease_token is not null",
    )
    .await;
    let late = now() + TimeDelta::minutes(3);
    let mut rescued = 0;
    loop {
        let taken = rescue_expired(pool, late, PROCESSED, "rescuer")
            .await
            .unwrap();
        if taken.is_empty() {
            break;
        }
        rescued += taken.len();
    }
    assert!(rescued > 100, "{rescued}");
    for store in memory.values_mut() {
        store.expire(late, PROCESSED);
    }
    compare("rescue", &cases, &read(pool).await, &memory);
}

/// Settles two thirds of what was claimed, in both.
async fn settles(
    pool: &PgPool,
    claimed: &[Claimed],
    policy: &Policy,
    memory: &mut BTreeMap<i64, MemoryStore>,
) {
    let at = now() + TimeDelta::seconds(20);
    let mut batch = Vec::new();
    let mut states = BTreeMap::new();
    for (nth, claimed) in claimed
        .iter()
        .enumerate()
        .filter(|(nth, _)| nth % 3 > 0 || nth % 2 > 0)
    {
        let no_notification = claimed.execution.progress.notification_no == 0;
        if no_notification && matches!(claimed.step, Step::Notify | Step::NotifyStatus) {
            continue;
        }
        let Some(conclusion) = transition(&job(claimed), policy, nth) else {
            continue;
        };
        let store = memory.get_mut(&claimed.execution.id.0).unwrap();
        batch.push(columns(claimed, &conclusion, &store.limits));
        states.insert(claimed.execution.id, store.settle(&conclusion, at).unwrap());
    }
    let written = settle(pool, &batch, &[], at, "worker-1", FAULTS)
        .await
        .unwrap();
    assert_eq!(written.executions.len(), batch.len());
    for (id, settled) in written.executions {
        assert_eq!(states[&id], settled.state, "settle: {id}");
    }
}
