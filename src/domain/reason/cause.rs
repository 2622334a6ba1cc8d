//! The causes, by what they are about.

use std::time::Duration;

use chrono::NaiveDate;

use super::FailureWords;
use crate::domain::plan::reason::Closed;
use crate::domain::{Amount, Class, Contradiction, MandateStatus, Rail, Timestamp};

/// What is known of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCause {
    /// It was collected.
    Collected,
    /// The answer is about somebody else's debit.
    Contradicted(Contradiction),
    /// The provider has an order that this database has not sent: its number.
    LaterOrder(u16),
    /// The provider works on it, and the payer must approve it.
    NeedsApproval {
        /// The ceiling that the amount is above.
        above: Amount,
    },
    /// The provider works on it.
    Pending,
    /// Nothing is proven.
    Unproven(Doubt),
    /// The look-up was refused.
    LookupRefused(FailureWords),
    /// The look-up was not answered.
    LookupUnanswered {
        /// What came back, if anything.
        why: String,
    },
    /// The provider has not presented the payment of a watched mandate yet.
    NotPresentedYet,
    /// The provider presented no payment of a watched mandate in the whole cycle.
    NotPresented,
    /// The provider never processed the call.
    NeverProcessed,
    /// The provider's attempt counter shows that the retry never happened.
    RetryNeverHappened,
    /// The attempt failed, or the call was refused.
    Failed {
        /// What the provider said.
        words: FailureWords,
        /// What it said of an attempt before, where that ends the cycle.
        before: Option<Class>,
    },
    /// The provider counts attempts on the order that this database did not make.
    FoundAttempts {
        /// What the provider says of the last one.
        words: FailureWords,
        /// The attempts that this database knows of.
        known: u16,
        /// The attempts that the provider counts.
        counted: u16,
    },
    /// The provider collected it and gave it back.
    Reversed,
    /// Only a person can judge the answer.
    ToBeJudged {
        /// The most telling words in it.
        words: Option<String>,
    },
}

/// Why an outcome is not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The call was not answered, or not readably.
    NoAnswer {
        /// What came back, if anything.
        why: String,
    },
    /// The provider has an order with this id: an earlier call landed.
    EarlierCallLanded,
    /// The provider does not know the order.
    OrderUnknown,
    /// The provider does not know the order, and may not have processed the call yet.
    OrderUnknownYet,
    /// The provider knew the order, and does not any more.
    OrderForgotten,
    /// A retry whose answer was lost may still be on its way.
    RetryUnderWay,
    /// The answer itself leaves open whether money moved.
    Answer(FailureWords),
    /// No rule knows the answer to the call: the order often knows more.
    UnmappedAnswer(FailureWords),
}

/// What became of a call that says nothing about its order or notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallCause {
    /// No byte of it left.
    NotSent {
        /// What was tried and failed.
        why: String,
    },
    /// The provider did not answer the look-up that the call must follow.
    LookupUnanswered,
    /// An order of the cycle is not proven dead.
    OrderNotDead {
        /// Which.
        order_no: u16,
    },
    /// The provider refuses the account's credentials.
    CredentialsRefused {
        /// The provider's words.
        why: String,
    },
    /// The provider refuses this execution's call, and takes the account's credentials for another mandate.
    RefusedAlone {
        /// The provider's words.
        why: String,
    },
    /// The provider throttles the account.
    Throttled,
}

/// What is known of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationCause {
    /// The payer was notified.
    Delivered {
        /// How much later the debit may be, at the earliest.
        debit_after: Duration,
    },
    /// The payer was notified, but maybe so long ago that the debit needs another notification.
    DeliveredLongAgo,
    /// The payer was notified so late that no debit fits into the cycle any more.
    DeliveredTooLate {
        /// How much later the debit may be, at the earliest.
        debit_after: Duration,
    },
    /// It is under way.
    UnderWay,
    /// The provider has a notification with this reference.
    Exists,
    /// It may have been sent.
    MaybeSent {
        /// What came back, if anything.
        why: String,
    },
    /// The provider does not know it.
    Unknown,
    /// It failed.
    Failed(FailureWords),
}

/// What one more look at a finished execution found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecheckCause {
    /// The provider collected it late.
    CollectedLate,
    /// An earlier order was collected late, and the current one is not proven.
    EarlierOrderCollected {
        /// The earlier order.
        order_no: u16,
    },
    /// Another order of a collected cycle was collected as well.
    CollectedTwice {
        /// The other order.
        order_no: u16,
    },
    /// The answer proves that an open order was not collected.
    ProvenNotCollected,
    /// It was not answered.
    Unanswered,
    /// The provider works on the order again.
    PendingAgain,
    /// The order was not collected.
    NotCollected,
}

/// What stops a step just before its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateCause {
    /// The mandate is not active.
    Mandate(MandateStatus),
    /// What the provider says of a paused mandate; nothing where it did not say.
    ProviderSays(Option<MandateStatus>),
    /// The rail is paused.
    RailPaused(Rail),
    /// The cycle is over.
    CycleOver,
    /// The cycle ended before it could be collected.
    CycleEnded {
        /// When.
        at: Timestamp,
    },
    /// The mandate was paused until the cycle ended.
    PausedUntilCycleEnd {
        /// When.
        at: Timestamp,
    },
    /// No daemon had the account until the cycle ended.
    NotConfiguredUntilCycleEnd {
        /// When.
        at: Timestamp,
    },
    /// No lawful time is left in the cycle.
    Closed(Closed),
    /// Notifications are not sent at this hour.
    OutsideNotifyHours,
    /// Debits are not made at this hour.
    OutsideDebitHours,
    /// It is too early for the debit.
    TooEarly,
    /// Another cycle of the mandate was debited in this period.
    PeriodUsed {
        /// When.
        on: NaiveDate,
    },
    /// The attempts of the period are spent, over all orders of the cycle.
    PeriodAttemptsSpent {
        /// How many were made.
        made: u16,
    },
    /// All attempts of the order are spent.
    AttemptsSpent(u16),
    /// The claim opened no intent: another debit of the mandate is open, or the step's time was just over.
    NoIntent,
    /// No notification was delivered.
    NotNotified,
    /// The notification is too old.
    NotificationTooOld,
    /// The execution date to hand over was too near.
    DateTooNear,
    /// The attempts of the mandate in 30 days are spent.
    AttemptsIn30DaysSpent {
        /// Until when.
        until: Timestamp,
    },
    /// The order was looked up as often as the rail allows.
    LookupsSpent,
    /// The order before the current one was looked up as often as the rail allows.
    LookupsBeforeSpent,
    /// The worker stopped before it made the call.
    NeverCalled,
}

/// What a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestCause {
    /// The cycle is left out.
    Skipped,
    /// The same step is done sooner.
    Sooner,
    /// What has ended is tried once more.
    TriedAgain,
    /// It is tried once more after a look-up of its order.
    LookedAtFirst,
}

/// What a recovery found of what a restored database had forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryCause {
    /// An order was collected.
    Collected {
        /// Which.
        order_no: u16,
    },
    /// The provider has an order, and it was not collected, or not yet.
    Order {
        /// Which.
        order_no: u16,
        /// How often it was tried, as the provider counts.
        attempts: u16,
    },
}
