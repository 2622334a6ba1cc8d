//! The results of actions, as the machine takes them in.

use crate::domain::outcome::{Counter, NotificationOutcome};
use crate::domain::policy::Policy;
use crate::domain::{Execution, MandateStatus, Outcome};

/// A provider's answer about an order, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How the call came out.
    pub outcome: Outcome,
    /// How often the provider has tried the order.
    pub counter: Counter,
    /// The provider's id for the debit, where the answer names it.
    pub provider_ref: Option<String>,
}

/// What an action came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The job is leased, and the intent of a step that moves money is committed if the claim allowed it.
    Claimed,
    /// The provider's answer to a look-up, or to a call that moves money.
    Answered(Answer),
    /// The provider's answer about a notification.
    NotificationAnswered(NotificationOutcome),
    /// Where the provider says that the mandate stands; nothing if it does not say.
    MandateAnswered(Option<MandateStatus>),
    /// The counter is committed on the intent.
    CounterRecorded,
    /// The order whose debit the cycle has on record.
    DebitRead(Option<u16>),
    /// Another worker has the job.
    LeaseLost,
    /// The lease may end before the call is answered, so the call was not made.
    LeaseNearlyOver,
    /// The lease ended before the call was answered.
    LeaseOver,
}

impl Input {
    /// An answer in the light of what is on record of its execution.
    pub(super) fn by_record(self, execution: &Execution, policy: &Policy) -> Self {
        if let Self::Answered(answer) = self {
            let outcome = execution.by_record(answer.outcome, policy);
            return Self::Answered(Answer { outcome, ..answer });
        }
        self
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            counter: Counter::default(),
            provider_ref: None,
        }
    }
}
