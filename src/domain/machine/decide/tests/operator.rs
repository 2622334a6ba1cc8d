//! What an operator request leads to, in every state and for every step that waits.

use std::fmt::Write;

use super::super::operator::{CurrentJob, Declined, OperatorRequestKind, RequestContext, follow};
use super::*;

const WAITS: RequestContext = RequestContext {
    job: None,
    collected: false,
    was_sent: true,
    finished_at: None,
};

fn with_job(step: Step, run_at: Timestamp) -> RequestContext {
    RequestContext {
        job: Some(CurrentJob {
            step,
            run_at,
            parked: false,
        }),
        ..WAITS
    }
}

/// Declined on its day, and waiting for a payday.
fn retrying() -> Execution {
    let mut execution = notified();
    execution.state = State::Retrying;
    execution.class = Some(Class::Funds);
    execution.progress.debit_attempts = 1;
    execution.progress.sent_at = Some(at("2026-12-02T00:31:00Z"));
    execution.progress.failed_at = Some(at("2026-12-02T00:33:00Z"));
    execution
}

/// Given up on the day of its debit.
fn ended() -> RequestContext {
    RequestContext {
        finished_at: Some(at("2026-12-02T12:00:00Z")),
        ..WAITS
    }
}

/// Given up, and looked at once more a day later: its order is dead.
fn dead() -> Execution {
    let mut execution = retrying();
    execution.state = State::Failed;
    execution.progress.lookup_times = [Some(at("2026-12-03T12:00:00Z")), None, None];
    execution
}

fn retry(execution: &Execution, known: RequestContext, now: &str) -> Result<Decision, Declined> {
    follow(
        OperatorRequestKind::Retry,
        execution,
        known,
        &policy(),
        at(now),
    )
}

fn said(result: Result<Decision, Declined>) -> String {
    match result {
        Ok(decision) => {
            let next = decision.next.map_or_else(
                || "nothing".to_owned(),
                |NextStep { step, span }| format!("{step} {}", policy().local(span.opens)),
            );
            format!("{next} {:?}", decision.verdict)
        }
        Err(declined) => format!("no: {declined}"),
    }
}

#[test]
fn what_every_operator_request_leads_to() {
    let now = at("2026-12-02T02:00:00Z");
    let planned = at("2026-12-03T01:00:00Z");
    let mut table = String::new();
    for kind in OperatorRequestKind::ALL {
        for state in State::ALL {
            for step in [
                None,
                Some(Step::Lookup),
                Some(Step::Retry),
                Some(Step::Execute),
            ] {
                let mut execution = retrying();
                execution.state = *state;
                let known = step.map_or(WAITS, |step| with_job(step, planned));
                let led = follow(*kind, &execution, known, &policy(), now);
                let step = step.map_or("-", Step::as_str);
                writeln!(table, "{kind:<6} {state:<10} {step:<8} {}", said(led)).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_try_that_is_brought_forward_keeps_the_gaps_the_hours_and_the_notification() {
    let planned = at("2026-12-20T00:00:00Z");
    let mut execution = retrying();
    let mut policy = policy();
    policy.min_gap = hours(4);
    let tried = |execution: &Execution, policy: &Policy, now: &str| {
        let known = with_job(Step::Retry, planned);
        let led = follow(
            OperatorRequestKind::Retry,
            execution,
            known,
            policy,
            at(now),
        );
        led.map(|decision| decision.next.unwrap().span.opens)
    };
    // Four hours after the last try it is 10:01 in India, when UPI may not be debited: 13:01.
    let opens = tried(&execution, &policy, "2026-12-02T02:00:00Z");
    assert_eq!(opens, Ok(at("2026-12-02T07:31:00Z")));
    // The notification lasts 48 hours.
    let over = tried(&execution, &policy, "2026-12-02T22:31:00Z");
    assert!(matches!(over, Err(Declined::NoTime(_))), "{over:?}");
    // What the answer asked for: the next hours after it.
    execution.progress.not_before = Some(at("2026-12-02T08:00:00Z"));
    let opens = tried(&execution, &policy, "2026-12-02T02:00:00Z");
    assert_eq!(opens, Ok(at("2026-12-02T08:00:00Z")));
    execution.progress.not_before = None;
    // Three look-ups in two hours: it begins with a look-up.
    let looked_up_at = at("2026-12-02T01:50:00Z");
    execution.progress.lookup_times = [Some(looked_up_at); 3];
    policy.min_gap = Duration::ZERO;
    let opens = tried(&execution, &policy, "2026-12-02T02:00:00Z");
    assert_eq!(opens, Ok(after(looked_up_at, hours(2))));
    execution.rail_paused = true;
    let paused = tried(&execution, &policy, "2026-12-02T02:00:00Z");
    assert_eq!(paused, Err(Declined::RailPaused));
}

#[test]
fn a_look_up_is_not_brought_forward_to_where_it_proves_nothing() {
    let mut execution = retrying();
    execution.state = State::Unknown;
    execution.progress.sent_at = Some(at("2026-12-02T02:00:00Z"));
    let known = with_job(Step::Lookup, at("2026-12-02T09:00:00Z"));
    let led = retry(&execution, known, "2026-12-02T02:00:10Z").unwrap();
    let wait = policy().lookup_after[0];
    assert_eq!(
        led.next.unwrap().span.opens,
        after(at("2026-12-02T02:00:00Z"), wait)
    );
    // One that waits for the end of the provider's own retries stays where it is.
    execution.state = State::Retrying;
    let led = retry(&execution, known, "2026-12-02T02:00:10Z");
    assert!(matches!(led, Err(Declined::NotDead(_))), "{led:?}");
}

#[test]
fn a_new_order_is_made_only_after_a_look_up_that_found_the_old_one_dead() {
    let now = "2026-12-04T02:00:00Z";
    let again = retry(&dead(), ended(), now).unwrap();
    assert_eq!(again.verdict, Verdict::Reopened);
    assert_eq!(again.progress.order_no, 2);
    assert_eq!((again.progress.sent_at, again.class), (None, None));
    // Before the recheck it has a job for it.
    let waits = RequestContext {
        job: with_job(Step::Recheck, at("2026-12-05T02:00:00Z")).job,
        ..ended()
    };
    let led = retry(&dead(), waits, now);
    assert!(matches!(led, Err(Declined::NotDead(_))), "{led:?}");
    // A look-up within the provider's own retries says nothing, whatever the execution noted of its calls.
    for failed_at in [dead().progress.failed_at, None] {
        for sent_at in [dead().progress.sent_at, None] {
            let mut early = dead();
            early.progress.failed_at = failed_at;
            early.progress.sent_at = sent_at;
            early.progress.lookup_times = [Some(at("2026-12-02T20:00:00Z")), None, None];
            let first = retry(&early, ended(), now).unwrap();
            assert_eq!(first.verdict, Verdict::Waits);
            let next = first.next.unwrap();
            assert_eq!(next.step, Step::Recheck);
            assert_eq!(first.progress.order_no, 1);
        }
    }
    // What was never sent needs no look-up and no other order.
    let mut never = dead();
    never.progress.sent_at = None;
    never.progress.failed_at = None;
    never.progress.lookup_times = [None; 3];
    let known = RequestContext {
        was_sent: false,
        ..ended()
    };
    assert_eq!(retry(&never, known, now).unwrap().progress.order_no, 1);
}

#[test]
fn a_request_is_refused_where_mandate_cycle_or_budget_forbid_it() {
    let now = "2026-12-10T02:00:00Z";
    let refused = |change: fn(&mut Execution)| {
        let mut execution = dead();
        change(&mut execution);
        retry(&execution, ended(), now).unwrap_err()
    };
    let collected = RequestContext {
        collected: true,
        ..ended()
    };
    assert_eq!(retry(&dead(), collected, now), Err(Declined::Collected));
    let revoked = MandateStatus::Revoked;
    let said = refused(|one| one.mandate_status = MandateStatus::Revoked);
    assert_eq!(said, Declined::Mandate(revoked));
    let said = refused(|one| one.rail_paused = true);
    assert_eq!(said, Declined::RailPaused);
    let said = refused(|one| one.progress.order_no = 3);
    assert_eq!(said, Declined::NoOrder(policy().max_orders));
    let said = refused(|one| one.progress.notification_no = 100);
    let allowed = policy().notification_attempts.checked_mul(2).unwrap();
    assert_eq!(said, Declined::NoNotification(allowed));
    let said = refused(|one| one.cycle.closes_at = at("2026-12-10T02:00:00Z"));
    assert!(matches!(said, Declined::CycleOver(_)), "{said}");
    let said = refused(|one| one.cycle.closes_at = at("2026-12-10T22:00:00Z"));
    assert!(matches!(said, Declined::Closed { .. }), "{said}");
    let said = refused(|one| {
        one.intent = executing(at("2026-12-02T02:00:00Z")).intent;
    });
    assert_eq!(said, Declined::DebitOpen(State::Failed));
    let mut parked = with_job(Step::Retry, at(now));
    parked.job.as_mut().unwrap().parked = true;
    let mut execution = retrying();
    execution.mandate_status = MandateStatus::Paused;
    assert_eq!(
        retry(&execution, parked, now),
        Err(Declined::Mandate(MandateStatus::Paused))
    );
}

#[test]
fn a_card_that_was_stopped_is_not_tried_again() {
    let now = at("2026-12-10T02:00:00Z");
    let mut policy = policy();
    for (rail, class, allowed) in [
        (Rail::Upi, Class::CustomerStop, true),
        (Rail::Card, Class::CustomerStop, false),
        (Rail::Card, Class::Risk, false),
        (Rail::Card, Class::Funds, true),
    ] {
        policy.rail = rail;
        let mut execution = dead();
        execution.class = Some(class);
        let led = follow(
            OperatorRequestKind::Retry,
            &execution,
            ended(),
            &policy,
            now,
        );
        assert_eq!(led.is_ok(), allowed, "{rail} {class}: {led:?}");
    }
}

#[test]
fn an_operator_gets_no_attempt_beyond_the_period() {
    let now = at("2026-12-10T02:00:00Z");
    let policy = Policy {
        max_attempts_in_period: Some(4),
        ..policy()
    };
    let mut execution = dead();
    let retried = |execution: &Execution| {
        let kind = OperatorRequestKind::Retry;
        follow(kind, execution, ended(), &policy, now)
    };
    execution.progress.debit_attempts = 1;
    execution.progress.earlier_attempts = 2;
    assert!(retried(&execution).is_ok());
    execution.progress.earlier_attempts = 3;
    assert_eq!(retried(&execution), Err(Declined::NoAttempt(4)));
}
