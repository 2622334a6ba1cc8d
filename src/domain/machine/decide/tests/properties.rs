//! The rules of money, over random executions, outcomes and times.

#![expect(clippy::arithmetic_side_effects, reason = "times of a test")]

use proptest::prelude::*;

use super::*;
use crate::domain::machine::gate::{Gate, gate, mandate_answered};
use crate::domain::reason::{Cause, GateCause, Then};

fn instants() -> impl Strategy<Value = Timestamp> {
    // From two days before the cycle's debit to a week after its end.
    (-48i64 * 60..38 * 24 * 60)
        .prop_map(|minutes| at("2026-12-02T00:30:00Z") + chrono::TimeDelta::minutes(minutes))
}

prop_compose! {
    fn executions()(
        state in prop::sample::select(State::ALL),
        provider_notify in prop::sample::select(vec![
            (ProviderKind::Juspay, Notify::Separate), (ProviderKind::Juspay, Notify::Provider),
            (ProviderKind::Juspay, Notify::None), (ProviderKind::Signzy, Notify::None), (ProviderKind::Signzy, Notify::Provider),
        ]),
        mandate_status in prop::sample::select(MandateStatus::ALL),
        delivered in prop::option::of(instants()),
        sent in prop::option::of(instants()),
        failed in prop::option::of(instants()),
        execute_at in prop::option::of(instants()),
        (order_no, debit_attempts, lookups, step_attempts) in (1u16..4, 0u16..6, 0u16..9, 0u16..9),
        is_retry in any::<bool>(),
        counter_before in prop::option::of(0i64..4),
        opened_at in instants(),
        open in any::<bool>(),
        (paused_at, rail_paused, budget_from) in (prop::option::of(instants()), any::<bool>(), prop::option::of(instants())),
    ) -> Execution {
        let open = state.is_open() || state == State::Review && open;
        Execution {
            state,
            provider: provider_notify.0,
            notify: provider_notify.1,
            mandate_status,
            paused_at,
            rail_paused,
            budget_from,
            progress: Progress { order_no, notification_no: order_no, delivered_at: delivered, undelivered_at: None, execute_at, debit_attempts, earlier_attempts: 0, lookups, step_attempts,
                sent_at: sent, failed_at: failed, not_before: None, lookup_times: [None; 3] },
            intent: open.then_some(Intent { is_retry, opened_at, counter_before }),
            ..notified()
        }
    }
}

fn counters() -> impl Strategy<Value = Counter> {
    (prop::option::of(0i64..6), any::<bool>()).prop_map(|(attempts, no_retry_allowed)| Counter {
        attempts,
        no_retry_allowed,
    })
}

/// Which steps a job can have in a state.
fn steps(execution: &Execution) -> Vec<Step> {
    match execution.state {
        State::Planned if execution.is_watched() => vec![Step::Lookup],
        State::Planned if execution.notify == Notify::Separate => vec![Step::Notify],
        State::Planned | State::Notified => vec![Step::Execute],
        State::Notifying => vec![Step::NotifyStatus],
        State::Executing => vec![Step::Execute, Step::Retry, Step::Lookup],
        State::Pending | State::Unknown | State::Retrying => vec![Step::Lookup],
        State::Charged | State::Failed | State::Skipped | State::Expired | State::Review => {
            vec![Step::Recheck]
        }
    }
}

/// What must be true of every decision, whatever it was about.
fn check(
    execution: &Execution,
    step: Step,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let policy = policy();
    let change = transition(execution, decision)
        .map_err(|error| TestCaseError::fail(format!("{error}: {decision:?}")))?;
    let to = change.to;
    let intent_left = execution.intent.is_some() && !change.closes_intent;
    if !to.is_final() {
        prop_assert!(
            decision.next.is_some(),
            "{to} without a next step would be forgotten: {decision:?}"
        );
    } else if let Some(next) = decision.next {
        prop_assert_eq!(next.step, Step::Recheck, "a final state is only looked at");
    }
    if intent_left {
        prop_assert!(
            to.is_open() || to == State::Review,
            "{to} with an open intent"
        );
    }
    if let Some(next) = decision.next {
        prop_assert!(
            next.span.opens >= now || next.span.opens >= execution.cycle.closes_at,
            "{decision:?} in the past"
        );
        let debit_now = next.step == Step::Retry
            || next.step == Step::Execute && execution.notify != Notify::Provider;
        let parked = decision.parked || next.span.opens >= execution.cycle.closes_at;
        if debit_now && !parked && decision.reason.cause != Cause::Gate(GateCause::NoIntent) {
            prop_assert!(
                policy.debit_windows.contains(next.span.opens),
                "outside a window: {decision:?}"
            );
            prop_assert!(
                !intent_left,
                "a second call while the first is open: {decision:?}"
            );
        }
        if next.step == Step::Notify && !parked {
            prop_assert!(
                policy.notify_windows.contains(next.span.opens),
                "outside a window: {decision:?}"
            );
        }
    }
    if decision.progress.order_no > execution.progress.order_no {
        let failed = execution.progress.failed_at;
        let dead = failed.is_some_and(|failed| now >= after(failed, policy.provider_retry_horizon));
        prop_assert!(
            dead || matches!(decision.reason.then, Some(Then::NewOrder(_))),
            "a new order for a living one: {decision:?}"
        );
        prop_assert_eq!(decision.progress.delivered_at, None);
    }
    prop_assert!(
        step.moves_money()
            || decision.progress.sent_at == execution.progress.sent_at
            || decision.progress.sent_at.is_none()
            // A look-up has found the call of a worker that was lost.
            || decision.progress.sent_at == execution.intent.map(|intent| intent.opened_at)
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_decision_breaks_a_rule_of_money(
        execution in executions(), outcome in prop::sample::select(outcomes()), counter in counters(), now in instants(), pick in any::<prop::sample::Index>(),
    ) {
        let step = *pick.get(&steps(&execution));
        let decision = match step {
            Step::Notify | Step::NotifyStatus => return Ok(()),
            Step::Recheck => decide_recheck(&execution, 1, &outcome, Counter::default(), &policy(), now),
            Step::Execute | Step::Retry if execution.intent.is_none() => return Ok(()),
            Step::Execute | Step::Retry | Step::Lookup => decide(&execution, step, &outcome, counter, &policy(), now),
        };
        check(&execution, step, &decision, now)?;
        let proven = matches!(outcome, Outcome::Failed(_) | Outcome::Refused(_) | Outcome::NotFound | Outcome::Reversed(_) | Outcome::Charged { .. });
        if execution.intent.is_some() && !proven && step == Step::Lookup {
            prop_assert!(!change(&execution, &decision).closes_intent, "guessed from {outcome:?}: {decision:?}");
        }
        if matches!(outcome, Outcome::Call(CallFailure::Unknown { .. })) {
            let to = follow(&execution, &decision).unwrap();
            prop_assert!(to == execution.state || matches!(to, State::Unknown | State::Review), "{outcome:?} became {to}");
        }
    }

    #[test]
    fn no_notification_decision_breaks_a_rule(
        mut execution in executions(), class in prop::sample::select(Class::ALL), kind in 0usize..9, now in instants(),
    ) {
        execution.state = if kind % 2 == 0 { State::Planned } else { State::Notifying };
        execution.notify = Notify::Separate;
        execution.provider = ProviderKind::Juspay;
        execution.intent = None;
        execution.progress.delivered_at = None;
        let step = if execution.state == State::Planned { Step::Notify } else { Step::NotifyStatus };
        let why = || "w".to_owned();
        let outcome = match kind {
            0 | 1 => NotificationOutcome::Delivered,
            2 => NotificationOutcome::Pending,
            3 => NotificationOutcome::AlreadyExists,
            4 => NotificationOutcome::Failed(failure(class)),
            5 => NotificationOutcome::NotFound,
            6 => NotificationOutcome::Call(CallFailure::Unknown { why: why() }),
            7 => NotificationOutcome::Call(CallFailure::NotSent { why: why() }),
            _ => NotificationOutcome::Call(CallFailure::AccountRefused { why: why() }),
        };
        let decision = decide_notification(&execution, step, &outcome, &policy(), now);
        check(&execution, step, &decision, now)?;
        if outcome == NotificationOutcome::Delivered && let Some(next) = decision.next.filter(|next| next.step == Step::Execute) {
            prop_assert!(next.span.opens >= after(now, hours(25)) && next.span.opens <= after(now, hours(48)));
            prop_assert!(next.span.opens >= execution.cycle.debit_at && next.span.opens < execution.cycle.closes_at);
        }
    }

    #[test]
    fn the_gate_lets_nothing_through_that_is_unlawful(execution in executions(), now in instants(), opened in any::<bool>(), pick in any::<prop::sample::Index>()) {
        let mut execution = execution;
        let step = *pick.get(&[Step::Notify, Step::Execute, Step::Retry, Step::Lookup]);
        let moves = step.moves_money();
        let states: &[State] = match step {
            Step::Notify => &[State::Planned],
            Step::Lookup => &[State::Executing, State::Unknown, State::Pending],
            Step::Execute | Step::Retry if opened => &[State::Executing],
            Step::Execute | Step::Retry | Step::NotifyStatus | Step::Recheck => &[State::Planned, State::Notified, State::Retrying],
        };
        execution.state = *pick.get(states);
        if step == Step::Notify { execution.notify = Notify::Separate; execution.provider = ProviderKind::Juspay; }
        let intent = Intent { is_retry: step == Step::Retry, opened_at: now, counter_before: None };
        execution.intent = execution.state.is_open().then_some(intent);
        match gate(&execution, step, opened && moves, &policy(), now) {
            Gate::Go if moves => {
                prop_assert!(opened, "a call without an intent");
                prop_assert_eq!(execution.mandate_status, MandateStatus::Active);
                prop_assert!(!execution.rail_paused);
                prop_assert!(now < execution.cycle.closes_at);
                prop_assert!(execution.progress.debit_attempts < policy().max_attempts);
                if execution.notify == Notify::Separate {
                    let delivered = execution.progress.delivered_at.unwrap();
                    prop_assert!(now >= after(delivered, hours(25)) && now <= after(delivered, hours(48)));
                }
                let handed_over = step == Step::Execute && (execution.provider, execution.notify) == (ProviderKind::Juspay, Notify::Provider);
                if handed_over {
                    prop_assert!(execution.progress.execute_at.unwrap() >= after(now, hours(25)));
                } else {
                    prop_assert!(policy().debit_windows.contains(now));
                }
            }
            Gate::Go if step == Step::Notify => {
                prop_assert!(policy().notify_windows.contains(now) && now < execution.cycle.closes_at);
                prop_assert!(!execution.rail_paused);
                prop_assert_eq!(execution.mandate_status, MandateStatus::Active);
            }
            Gate::Go => {}
            Gate::Refused(decision) => check(&execution, step, &decision, now)?,
            Gate::LookUpMandate => {
                prop_assert_eq!(execution.mandate_status, MandateStatus::Paused);
                let day = policy().paused_check_every;
                prop_assert!(execution.paused_at.is_some_and(|at| now >= after(at, day)), "asked too soon, or of an operator's pause");
                for said in MandateStatus::ALL.iter().copied().map(Some).chain([None]) {
                    let decision = mandate_answered(&execution, step, said, &policy(), now);
                    prop_assert_eq!(decision.mandate, said);
                    if said != Some(MandateStatus::Active) {
                        check(&execution, step, &decision, now)?;
                    }
                }
            }
        }
    }
}
