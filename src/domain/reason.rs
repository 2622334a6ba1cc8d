//! Why a decision is as it is, as a value. `crate::wording` puts it into a sentence for the database, the log and the commands.

mod cause;

pub use cause::{
    CallCause, Doubt, GateCause, NotificationCause, OrderCause, RecheckCause, RecoveryCause,
    RequestCause,
};

use super::outcome::Failure;
use super::{Class, Timestamp};

/// Why something was decided: the cause, and what follows from it where that is not plain from the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What led to the decision.
    pub cause: Cause,
    /// What follows.
    pub then: Option<Then>,
}

/// What led to a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// What is known of an order.
    Order(OrderCause),
    /// What became of a call that says nothing about its order or notification.
    Call(CallCause),
    /// What is known of a notification.
    Notification(NotificationCause),
    /// What one more look at a finished execution found.
    Recheck(RecheckCause),
    /// What stops a step just before its call.
    Gate(GateCause),
    /// What a person asked for.
    Request(RequestCause),
    /// What a recovery found.
    Recovery(RecoveryCause),
}

/// What follows from a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It has been open for too long: a person must ask the provider.
    AskPerson {
        /// When it was sent, or presented.
        since: Timestamp,
    },
    /// It has been open for too long, and only proof or a person ends it: the provider is asked once a day.
    AskDaily {
        /// When it was sent, or presented.
        since: Timestamp,
    },
    /// The same call goes out again.
    SameCall,
    /// A mandate that the provider does not know is asked about again on another day.
    AskTomorrow,
    /// Another try.
    TryAgain(TimeChoice),
    /// Another try, with a new notification.
    TryAgainNotified(TimeChoice),
    /// The provider may retry the order by itself.
    ProviderMayRetry {
        /// From when on it no longer does.
        until: Timestamp,
    },
    /// The provider may retry the order by itself, though the cycle is over.
    ProviderMayStillRetry,
    /// The order is dead, and a new one follows.
    NewOrder(TimeChoice),
    /// Nothing more is tried.
    NothingMore,
    /// The step waits for the mandate, or the rail, to be resumed.
    WaitForResume,
    /// The cycle is over.
    CycleOver,
    /// The cycle ends before that.
    CycleEnds {
        /// When it ends.
        at: Timestamp,
        /// Whether the provider may still retry the order by itself.
        provider_may_retry: bool,
    },
    /// No execution date is left before the cycle closes.
    NoDateLeft,
    /// The notifications of the order are used up.
    NotificationsSpent(u16),
}

/// Why another try is for the time that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeChoice {
    /// As soon as it can be.
    Soonest,
    /// A backoff after the last try.
    AfterBackoff,
    /// The next part of the day.
    NextDayPart,
    /// Another part of the day than the last try's.
    AnotherDayPart,
    /// A later day, when the payer's limits start again.
    AfterReset,
    /// The next payday.
    Payday,
    /// The beginning of the next salary.
    NextSalary,
    /// As late as the notification or the cycle lets.
    Latest,
}

/// What a provider said of a failure, redacted, and the class that the rules gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureWords {
    /// Its class.
    pub class: Class,
    /// The most telling code in the answer.
    pub code: Option<String>,
    /// The provider's words.
    pub message: Option<String>,
}

impl From<&Failure> for FailureWords {
    fn from(failure: &Failure) -> Self {
        Self {
            class: failure.class,
            code: failure.code.clone(),
            message: failure.message.clone(),
        }
    }
}

impl Reason {
    /// The same with what follows.
    #[must_use]
    pub fn then(self, then: Then) -> Self {
        Self {
            then: Some(then),
            ..self
        }
    }
}

impl<C: Into<Cause>> From<C> for Reason {
    fn from(cause: C) -> Self {
        Self {
            cause: cause.into(),
            then: None,
        }
    }
}

macro_rules! kind_of_cause {
    ($($variant:ident($kind:ty),)+) => {
        $(impl From<$kind> for Cause {
            fn from(cause: $kind) -> Self {
                Self::$variant(cause)
            }
        })+
    };
}

kind_of_cause!(
    Order(OrderCause),
    Call(CallCause),
    Notification(NotificationCause),
    Recheck(RecheckCause),
    Gate(GateCause),
    Request(RequestCause),
    Recovery(RecoveryCause),
);
