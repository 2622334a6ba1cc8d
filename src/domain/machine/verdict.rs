//! What a decision means for its execution. `transition` says what follows for the state, the intent and the debit.

use crate::domain::Amount;

/// A debit that the provider has proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// Its amount, where the answer states one. Nothing fills in what an answer does not state.
    pub stated: Option<Amount>,
}

/// What was found out about an execution, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it stays where it is, and its next step comes later.
    Waits,
    /// The provider has the notification, or may have it.
    NotificationRequested,
    /// The payer was notified.
    NotificationDelivered,
    /// The payer was notified, but maybe so long ago that the debit needs another notification.
    DeliveredLongAgo,
    /// The notification failed, and another one follows.
    NotificationFailed,
    /// The order was not made: it gets another notification.
    NotificationRenewed,
    /// The provider works on the order.
    Accepted,
    /// The answer proves nothing.
    Unproven,
    /// Collected.
    Collected(Collection),
    /// Another order of a collected cycle was collected as well: refund due.
    CollectedTwice(Collection),
    /// An earlier order was collected, which proves nothing about the current one, whose intent is open.
    EarlierOrderCollected(Collection),
    /// The attempt did not collect, and the order may still be tried or looked up.
    Declined,
    /// The order is dead: a new one follows.
    OrderRenewed,
    /// Not collected, and nothing more is tried.
    GivenUp,
    /// The cycle is over, or too short for a debit.
    CycleClosed,
    /// Not collected, and only a person can mend the cause.
    NeedsPerson,
    /// Only a person can tell what happened: an open intent stays open, for money may have moved.
    Review,
    /// A person left the cycle out.
    Skipped,
    /// A person has what ended without a collection tried once more.
    Reopened,
}

impl Verdict {
    /// What was collected, if this is the proof of it.
    pub const fn collected(self) -> Option<Collection> {
        match self {
            Self::Collected(collection)
            | Self::CollectedTwice(collection)
            | Self::EarlierOrderCollected(collection) => Some(collection),
            Self::Waits
            | Self::NotificationRequested
            | Self::NotificationDelivered
            | Self::DeliveredLongAgo
            | Self::NotificationFailed
            | Self::NotificationRenewed
            | Self::Accepted
            | Self::Unproven
            | Self::Declined
            | Self::OrderRenewed
            | Self::GivenUp
            | Self::CycleClosed
            | Self::NeedsPerson
            | Self::Review
            | Self::Skipped
            | Self::Reopened => None,
        }
    }

    /// Whether it proves what became of the call whose intent is open.
    pub const fn proves_the_call(self) -> bool {
        match self {
            Self::Collected(_)
            | Self::CollectedTwice(_)
            | Self::Declined
            | Self::OrderRenewed
            | Self::GivenUp
            | Self::NeedsPerson => true,
            Self::Waits
            | Self::NotificationRequested
            | Self::NotificationDelivered
            | Self::DeliveredLongAgo
            | Self::NotificationFailed
            | Self::NotificationRenewed
            | Self::Accepted
            | Self::Unproven
            | Self::EarlierOrderCollected(_)
            | Self::CycleClosed
            | Self::Review
            | Self::Skipped
            | Self::Reopened => false,
        }
    }
}
