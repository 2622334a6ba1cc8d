//! Notifications: how many an order has, and one that became known too late.

use super::*;

#[test]
fn an_order_has_three_notifications_and_a_second_order_three_more() {
    let now = at("2026-12-02T01:00:00Z");
    let outcome = NotificationOutcome::Failed(failure(Class::Transient));
    for (order_no, notification_no, ends) in
        [(1, 2, false), (1, 3, true), (2, 5, false), (2, 6, true)]
    {
        let mut execution = notified();
        execution.state = State::Notifying;
        execution.progress.order_no = order_no;
        execution.progress.notification_no = notification_no;
        let step = Step::NotifyStatus;
        let decision = decide_notification(&execution, step, &outcome, &policy(), now);
        let ended = decision.verdict == Verdict::GivenUp;
        assert_eq!(ended, ends, "order {order_no}, {notification_no} spent");
    }
}

#[test]
fn a_delivery_that_became_known_too_late_is_made_anew() {
    let asked = at("2026-11-30T22:30:00Z");
    let mut execution = notified();
    execution.state = State::Notifying;
    execution.progress.delivered_at = None;
    execution.progress.undelivered_at = Some(asked);
    let heard = |hours_later| {
        let now = after(asked, hours(hours_later));
        let delivered = NotificationOutcome::Delivered;
        decide_notification(&execution, Step::NotifyStatus, &delivered, &policy(), now)
    };
    // After 20 hours the debit is still within the 48 of the oldest that the notification can be; after 30 it is not.
    let good = heard(20);
    let debit = good.next.unwrap();
    assert_eq!(debit.step, Step::Execute);
    assert!(debit.span.opens <= after(asked, hours(48)));
    let old = heard(30);
    assert_eq!(old.next.unwrap().step, Step::Notify);
    assert_eq!(follow(&execution, &old), Ok(State::Planned));
    assert_eq!(
        (old.progress.notification_no, old.progress.delivered_at),
        (2, None)
    );
    // What is under way is known not to have arrived.
    let now = after(asked, hours(30));
    let pending = NotificationOutcome::Pending;
    let asked_again = decide_notification(&execution, Step::NotifyStatus, &pending, &policy(), now);
    assert_eq!(asked_again.progress.undelivered_at, Some(now));
}

#[test]
fn a_notification_that_exists_and_was_never_sent_from_here_is_made_anew() {
    let now = at("2026-11-30T22:30:00Z");
    let mut execution = notified();
    execution.state = State::Planned;
    execution.progress.delivered_at = None;
    let exists = NotificationOutcome::AlreadyExists;
    for (asked, step) in [(None, Step::Notify), (Some(now), Step::Execute)] {
        execution.progress.undelivered_at = asked;
        let decision = decide_notification(&execution, Step::Notify, &exists, &policy(), now);
        assert_eq!(decision.next.unwrap().step, Step::NotifyStatus);
        let mut asked = execution.clone();
        asked.state = State::Notifying;
        asked.progress = decision.progress;
        let later = after(now, hours(1));
        let delivered = NotificationOutcome::Delivered;
        let heard = decide_notification(&asked, Step::NotifyStatus, &delivered, &policy(), later);
        // The one that a database before this one had sent may be weeks old.
        assert_eq!(heard.next.unwrap().step, step);
    }
}

/// The answer to a new notification is lost, and the provider has it: a database before this one may have sent it, weeks ago.
#[test]
fn a_forgotten_notification_is_made_anew_even_when_its_answer_was_lost() {
    let now = at("2026-11-30T22:30:00Z");
    let lost = NotificationOutcome::Call(CallFailure::Unknown {
        why: "a time-out".to_owned(),
    });
    for (is_forgotten, step) in [(false, Step::Execute), (true, Step::Notify)] {
        let mut execution = notified();
        execution.state = State::Planned;
        execution.is_forgotten = is_forgotten;
        execution.progress.delivered_at = None;
        execution.progress.undelivered_at = execution.undelivered_before_call();
        let decision = decide_notification(&execution, Step::Notify, &lost, &policy(), now);
        execution.state = State::Notifying;
        execution.progress = decision.progress;
        let later = after(now, hours(1));
        let delivered = NotificationOutcome::Delivered;
        let heard = |execution: &Execution| {
            decide_notification(execution, Step::NotifyStatus, &delivered, &policy(), later)
        };
        let first = heard(&execution);
        assert_eq!(first.next.unwrap().step, step);
        // So many of them were sent as the payer may have: no more.
        execution.progress.notification_no = 3;
        let third = heard(&execution);
        let given_up = third.verdict == Verdict::GivenUp;
        assert_eq!(given_up, is_forgotten);
        if is_forgotten {
            let doubted = Some(Timestamp::UNIX_EPOCH);
            assert_eq!(first.progress.undelivered_at, doubted);
            assert_eq!(follow(&execution, &third), Ok(State::Failed));
        }
    }
}
