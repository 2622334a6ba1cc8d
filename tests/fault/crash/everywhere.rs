//! Killed at every point of every step.

use lab::sandbox::{Call, Fault, Reason, Then};

use super::scenario::CrashScenario;
use crate::support::scenario::{Flow, Scenario};

const DECLINED: Then = Then::Declines(Reason::Technical);

/// All of them.
pub(crate) const STORIES: [&CrashScenario; 6] = [&UPI, &SIGNZY, &LOST, &LATE, &THROTTLED, &PLANNED];

/// What every step comes by.
const STEP: [&str; 7] = [
    "body",
    "claim",
    "claim.clock",
    "limit",
    "policy",
    "send",
    "settle",
];

/// A debit under a notification is declined, and retried.
pub(crate) const UPI: CrashScenario = CrashScenario {
    begins: || Scenario::of("9000", Flow::UpiSeparate).provider(Call::Execute, [DECLINED]),
    kills: &["notify", "notify_status", "execute", "lookup", "retry"],
    awaits: &[
        "body",
        "claim",
        "claim.clock",
        "counter",
        "limit",
        "policy",
        "send",
        "settle",
    ],
    ends: ("charged", 1),
};

#[tokio::test]
async fn a_debit_that_is_declined_and_retried() {
    UPI.survives().await;
}

/// A charge without an idempotency key is declined, and retried.
pub(crate) const SIGNZY: CrashScenario = CrashScenario {
    begins: || Scenario::of("9001", Flow::SignzyOnDemand).provider(Call::Execute, [DECLINED]),
    kills: &["execute", "lookup", "retry"],
    awaits: &[
        "body",
        "claim",
        "claim.clock",
        "counter",
        "limit",
        "policy",
        "send",
        "settle",
    ],
    ends: ("charged", 1),
};

#[tokio::test]
async fn a_charge_that_is_declined_and_retried() {
    SIGNZY.survives().await;
}

/// The answer to a debit is lost, and asked for.
pub(crate) const LOST: CrashScenario = CrashScenario {
    begins: || {
        Scenario::of("9002", Flow::Enach).provider(Call::Execute, [Then::Fault(Fault::AnswerLost)])
    },
    kills: &["lookup"],
    awaits: &STEP,
    ends: ("charged", 1),
};

#[tokio::test]
async fn a_debit_whose_answer_is_lost() {
    LOST.survives().await;
}

/// An order is given up; its cycle is collected by a second one, and the first is looked at once more.
pub(crate) const LATE: CrashScenario = CrashScenario {
    begins: || {
        Scenario::of("9003", Flow::CardSeparate)
            .provider(Call::Execute, vec![Then::Declines(Reason::LowBalance); 2])
    },
    kills: &["recheck"],
    awaits: &STEP,
    ends: ("charged", 1),
};

#[tokio::test]
async fn an_order_that_is_rechecked() {
    LATE.survives().await;
}

/// The provider has had enough of us, and its account is paused before the rest is settled.
pub(crate) const THROTTLED: CrashScenario = CrashScenario {
    begins: || {
        Scenario::of("9004", Flow::Enach).provider(Call::Execute, [Then::Fault(Fault::Throttled)])
    },
    kills: &["pause"],
    awaits: &["pause"],
    ends: ("charged", 1),
};

#[tokio::test]
async fn an_account_that_is_paused() {
    THROTTLED.survives().await;
}

/// A cycle is planned.
pub(crate) const PLANNED: CrashScenario = CrashScenario {
    begins: || Scenario::of("9005", Flow::Enach),
    kills: &["plan"],
    awaits: &[
        "plan.advance",
        "plan.begin",
        "plan.clock",
        "plan.commit",
        "plan.ids",
        "plan.insert",
        "plan.lock",
        "plan.policy",
    ],
    ends: ("charged", 1),
};

#[tokio::test]
async fn a_cycle_that_is_planned() {
    PLANNED.survives().await;
}
