//! The attempts of a period are shared by its orders.

use super::*;
use crate::domain::machine::Verdict;

fn policy_of(max_attempts: u16, max_orders: u16, in_period: Option<u16>) -> Policy {
    Policy {
        max_attempts,
        max_orders,
        max_attempts_in_period: in_period,
        ..policy()
    }
}

#[test]
fn each_order_that_may_follow_keeps_an_attempt() {
    for (in_period, max_attempts, max_orders, order_no, earlier, expected) in [
        (None, 4, 3, 1, 0, 4),
        (Some(4), 4, 3, 1, 0, 2),
        (Some(4), 4, 3, 2, 2, 1),
        (Some(4), 4, 3, 2, 1, 2),
        (Some(4), 4, 3, 3, 3, 1),
        (Some(4), 4, 3, 3, 1, 3),
        (Some(4), 4, 1, 1, 0, 4),
        (Some(4), 2, 1, 1, 0, 2),
        (Some(3), 3, 1, 1, 0, 3),
        // The provider's own attempts have spent it.
        (Some(4), 4, 3, 2, 4, 0),
        (Some(4), 4, 3, 2, 9, 0),
        (Some(1), 4, 3, 1, 0, 1),
    ] {
        let policy = policy_of(max_attempts, max_orders, in_period);
        let mut progress = executing(at("2026-12-01T22:00:00Z")).progress;
        progress.order_no = order_no;
        progress.earlier_attempts = earlier;
        let found = progress.max_attempts(&policy);
        assert_eq!(
            found, expected,
            "{in_period:?} order {order_no} after {earlier}"
        );
    }
}

/// Says what follows when an order fails for good after so many attempts.
fn order_dies_after(debit_attempts: u16, earlier_attempts: u16) -> Decision {
    let now = at("2026-12-02T01:00:00Z");
    let mut execution = executing(now);
    execution.intent = None;
    execution.state = State::Retrying;
    execution.class = Some(Class::Funds);
    execution.progress.debit_attempts = debit_attempts;
    execution.progress.earlier_attempts = earlier_attempts;
    execution.progress.failed_at = Some(at("2026-12-01T01:00:00Z"));
    let dead = Counter {
        attempts: None,
        no_retry_allowed: true,
    };
    let failed = Outcome::Failed(failure(Class::Funds));
    let policy = policy_of(4, 3, Some(4));
    decide(&execution, Step::Lookup, &failed, dead, &policy, now)
}

#[test]
fn an_order_is_followed_by_another_only_while_the_period_has_an_attempt() {
    let renewed = order_dies_after(2, 1);
    assert_eq!(renewed.progress.order_no, 2, "{renewed:?}");
    assert_eq!(renewed.progress.earlier_attempts, 3);
    assert_eq!(renewed.progress.debit_attempts, 0);
    for (debit_attempts, earlier_attempts) in [(4, 0), (2, 2), (1, 3)] {
        let ended = order_dies_after(debit_attempts, earlier_attempts);
        assert_eq!(ended.progress.order_no, 1, "{ended:?}");
        assert_eq!(ended.verdict, Verdict::GivenUp);
    }
}
