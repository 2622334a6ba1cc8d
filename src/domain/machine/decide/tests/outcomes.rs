//! The table of what each outcome leads to, and the stories behind its rows.

use std::fmt::Write;

use super::*;
use crate::domain::machine::Collection;
use crate::domain::reason::RecheckCause;

/// The verdict in one word or two.
fn verdict(decision: &Decision) -> String {
    let name: String = format!("{:?}", decision.verdict)
        .chars()
        .take_while(|c| c.is_alphanumeric())
        .collect();
    if decision.intent_unused {
        format!("{name}, not processed")
    } else {
        name
    }
}

#[test]
fn what_every_outcome_of_a_first_debit_leads_to() {
    let now = at("2026-12-02T00:40:00Z");
    let mut table = String::new();
    for outcome in outcomes() {
        let execution = executing(now);
        let decision = decide(
            &execution,
            Step::Execute,
            &outcome,
            Counter::default(),
            &policy(),
            now,
        );
        let next = decision.next.map_or("-".to_owned(), |next| {
            format!("{} {}", next.step, next.span.opens.format("%m-%d %H:%M"))
        });
        let change = change(&execution, &decision);
        let (state, closes) = (change.to, change.closes_intent);
        let intent = if closes { "closed" } else { "open" };
        let verdict = verdict(&decision);
        let mandate = decision.mandate.map_or("", |status| status.as_str());
        writeln!(
            table,
            "{:<26} {state:<9} {intent:<7} {next:<20} {verdict:<34} {mandate}",
            name(&outcome)
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_lost_answer_is_asked_about_and_sent_again_only_when_the_provider_never_had_it() {
    let sent = at("2026-12-02T00:40:00Z");
    let policy = policy();
    let lost = decide(
        &executing(sent),
        Step::Execute,
        &Outcome::Call(CallFailure::Unknown {
            why: "reset".to_owned(),
        }),
        Counter::default(),
        &policy,
        sent,
    );
    assert_eq!(lost.next.unwrap().step, Step::Lookup);
    assert!(!change(&executing(sent), &lost).closes_intent);
    let mut unknown = executing(sent);
    unknown.state = State::Unknown;
    unknown.progress = lost.progress;
    let early = decide(
        &unknown,
        Step::Lookup,
        &Outcome::NotFound,
        Counter::default(),
        &policy,
        after(sent, Duration::from_mins(1)),
    );
    assert_eq!(
        early.next.unwrap().step,
        Step::Lookup,
        "not found proves nothing yet"
    );
    let late = decide(
        &unknown,
        Step::Lookup,
        &Outcome::NotFound,
        Counter::default(),
        &policy,
        after(sent, Duration::from_secs(91)),
    );
    assert_eq!(
        (
            late.next.unwrap().step,
            change(&unknown, &late).closes_intent
        ),
        (Step::Execute, true)
    );
    assert_eq!(late.progress.order_no, 1, "the same order, never a new one");
    assert_eq!(
        late.progress.debit_attempts, 0,
        "no budget is spent on what never happened"
    );
}

#[test]
fn a_retry_whose_answer_was_lost_is_judged_by_the_providers_counter() {
    let opened_at = at("2026-12-02T03:00:00Z");
    let mut execution = executing(opened_at);
    execution.state = State::Unknown;
    execution.intent = Some(Intent {
        is_retry: true,
        opened_at,
        counter_before: Some(1),
    });
    execution.progress.debit_attempts = 1;
    execution.progress.sent_at = Some(opened_at);
    let funds = Outcome::Failed(failure(Class::Funds));
    let seen = |attempts, seconds| {
        let counter = Counter {
            attempts: Some(attempts),
            no_retry_allowed: false,
        };
        decide(
            &execution,
            Step::Lookup,
            &funds,
            counter,
            &policy(),
            after(opened_at, Duration::from_secs(seconds)),
        )
    };
    // A minute is too early, whichever way: the provider's own retry can have moved the counter while ours is on its way.
    for attempts in [1, 2] {
        let early = seen(attempts, 60);
        assert_eq!(
            (early.next.unwrap().step, early.verdict, early.intent_unused),
            (Step::Lookup, Verdict::Unproven, false)
        );
    }
    let never = seen(1, 120);
    assert_eq!(
        (never.next.unwrap().step, never.progress.debit_attempts),
        (Step::Retry, 1)
    );
    let happened = seen(2, 120);
    assert_eq!(
        (happened.verdict, happened.progress.debit_attempts),
        (Verdict::Declined, 2)
    );
}

#[test]
fn a_new_order_waits_until_the_old_one_is_dead() {
    let now = at("2026-12-02T00:40:00Z");
    let mut execution = executing(now);
    execution.progress.debit_attempts = 3;
    let policy = policy();
    let last = decide(
        &execution,
        Step::Execute,
        &Outcome::Failed(failure(Class::Funds)),
        Counter::default(),
        &policy,
        now,
    );
    let next = last.next.unwrap();
    assert_eq!(
        (next.step, next.span.opens),
        (Step::Lookup, after(now, hours(10))),
        "{:?}",
        last.reason
    );
    let mut waiting = execution.clone();
    waiting.state = State::Retrying;
    waiting.intent = None;
    waiting.progress = last.progress;
    let dead = decide(
        &waiting,
        Step::Lookup,
        &Outcome::Failed(failure(Class::Funds)),
        Counter::default(),
        &policy,
        next.span.opens,
    );
    assert_eq!(dead.verdict, Verdict::OrderRenewed);
    assert_eq!(
        (dead.progress.order_no, dead.progress.notification_no),
        (2, 2)
    );
    assert_eq!(
        dead.progress.delivered_at, None,
        "a new order needs a new notification"
    );
    assert_eq!(dead.next.unwrap().step, Step::Notify);
    // "The provider says that it will not retry" needs no waiting.
    let no_retry = Counter {
        attempts: Some(4),
        no_retry_allowed: true,
    };
    let at_once = decide(
        &execution,
        Step::Execute,
        &Outcome::Failed(failure(Class::Funds)),
        no_retry,
        &policy,
        now,
    );
    assert_eq!(at_once.verdict, Verdict::OrderRenewed);
}

#[test]
fn the_second_collection_of_a_cycle_goes_to_a_person() {
    let mut execution = notified();
    execution.state = State::Charged;
    execution.progress.order_no = 2;
    let decision = decide_recheck(
        &execution,
        1,
        &charged(),
        Counter::default(),
        &policy(),
        at("2026-12-09T00:00:00Z"),
    );
    assert_eq!(
        decision.verdict,
        Verdict::CollectedTwice(Collection { stated: None })
    );
    assert_eq!(follow(&execution, &decision), Ok(State::Review));
    let twice = RecheckCause::CollectedTwice { order_no: 1 };
    assert_eq!(decision.reason, twice.into());
}

#[test]
fn an_unknown_outcome_never_fails_by_age_and_a_pending_one_goes_to_review() {
    let sent = at("2026-12-02T00:40:00Z");
    let mut execution = executing(sent);
    execution.progress.sent_at = Some(sent);
    let lost = Outcome::Call(CallFailure::Unknown {
        why: "502".to_owned(),
    });
    let look_up = |execution: &Execution, outcome| {
        let late = after(sent, hours(72));
        let counter = Counter::default();
        let decision = decide(execution, Step::Lookup, outcome, counter, &policy(), late);
        assert!(!change(execution, &decision).closes_intent);
        (decision.verdict, decision.next.unwrap().step)
    };
    execution.state = State::Unknown;
    assert_eq!(
        look_up(&execution, &lost),
        (Verdict::Unproven, Step::Lookup)
    );
    execution.state = State::Pending;
    assert_eq!(
        look_up(&execution, &Outcome::Pending),
        (Verdict::Review, Step::Recheck)
    );
}
