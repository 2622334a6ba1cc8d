//! Where an execution can stand, what is to be done for it next, and what can happen to it.

use super::text::text_enum;

text_enum!(
    /// Where an execution stands.
    State {
        /// Its cycle is due; nobody has been told.
        Planned = "planned",
        /// The payer is being notified.
        Notifying = "notifying",
        /// The payer was notified; the window has not come.
        Notified = "notified",
        /// A money-moving call is open (an intent exists).
        Executing = "executing",
        /// The provider works on it.
        Pending = "pending",
        /// The outcome is not proven. Only a look-up or a person resolves it.
        Unknown = "unknown",
        /// An attempt failed, or was not processed; something more will be tried.
        Retrying = "retrying",
        /// Collected.
        Charged = "charged",
        /// Not collected; nothing more will be tried.
        Failed = "failed",
        /// Not collected, because somebody said so.
        Skipped = "skipped",
        /// Its cycle closed first.
        Expired = "expired",
        /// A person must decide.
        Review = "review",
    }
);

impl State {
    /// Whether nothing more will be done by itself.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Charged | Self::Failed | Self::Skipped | Self::Expired | Self::Review
        )
    }

    /// Whether money may be moving right now.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Executing | Self::Pending | Self::Unknown)
    }
}

text_enum!(
    /// The next thing to do for an execution.
    Step {
        /// Ask the provider to notify the payer.
        Notify = "notify",
        /// Ask what became of the notification.
        NotifyStatus = "notify_status",
        /// Debit.
        Execute = "execute",
        /// Ask what became of the debit.
        Lookup = "lookup",
        /// Have the provider retry.
        Retry = "retry",
        /// Look at a finished execution once more: did the provider collect it after all?
        Recheck = "recheck",
    }
);

impl Step {
    /// Whether the step can move money and so needs an intent.
    pub const fn moves_money(self) -> bool {
        matches!(self, Self::Execute | Self::Retry)
    }
}

text_enum!(
    /// What happened to an execution.
    Event {
        /// The provider took the notification, or may have.
        NotificationRequested = "notification_requested",
        /// The payer was notified.
        NotificationDelivered = "notification_delivered",
        /// The notification failed; a new one is needed.
        NotificationFailed = "notification_failed",
        /// An intent was opened.
        Started = "started",
        /// The provider works on it.
        Accepted = "accepted",
        /// It is collected.
        Collected = "collected",
        /// It is proven that this attempt did not collect.
        Declined = "declined",
        /// It is proven that the provider never processed the call.
        NotProcessed = "not_processed",
        /// The answer proves nothing.
        Unproven = "unproven",
        /// The old order is dead, or its notification too old: start again with new ones.
        Renewed = "renewed",
        /// Proven not collected, and nothing lawful is left to try.
        GivenUp = "given_up",
        /// Somebody said that this cycle is not to be collected.
        Skipped = "skipped",
        /// Somebody said that what has ended without a collection is tried once more.
        Reopened = "reopened",
        /// The provider has an order, or more attempts on it, that a database which was restored has forgotten.
        OrderFound = "order_found",
        /// The cycle ended before it could be collected.
        CycleClosed = "cycle_closed",
        /// Only a person can decide.
        ReviewNeeded = "review_needed",
    }
);
