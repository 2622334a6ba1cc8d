//! What the machine wants done.

use super::decide::Decision;
use super::request::Request;
use super::transition::Transition;
use crate::domain::{IllegalTransition, NotificationState, Timestamp};

/// The next thing to do for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask the provider what became of an order.
    LookUp {
        /// Which of the execution's orders.
        order_no: u16,
        /// The provider's id for its debit, once known.
        provider_ref: Option<String>,
    },
    /// Ask the provider whether the mandate is still paused.
    LookUpMandate,
    /// Ask the provider what became of the current notification.
    AskNotification,
    /// Read which order of the cycle has its debit on record.
    ReadDebit,
    /// Commit the provider's counter on the intent.
    RecordCounter(i64),
    /// Make a call that notifies or moves money.
    Send {
        /// The call.
        request: Request,
        /// What has not left by then must not leave at all.
        leave_by: Timestamp,
    },
    /// Commit this, if the lease is still ours.
    Settle(Box<Conclusion>),
    /// Leave the job to its lease: [`super::rescue`] says how it goes on.
    Abandon(Abandoned),
}

/// What a job came to: all that its settlement commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// What follows, and why.
    pub decision: Decision,
    /// What that changes.
    pub transition: Transition,
    /// The provider's id for the debit of the current order.
    pub provider_ref: Option<String>,
    /// The order whose debit is proven.
    pub debited_order: Option<u16>,
    /// What became of the notification, if the job was about one.
    pub notification: Option<NotificationState>,
}

/// Why a job is left to its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abandoned {
    /// Another worker has it; no call was made.
    LeaseLost,
    /// The lease may end before a call is answered; no call was made.
    LeaseNearlyOver,
    /// The lease ended before the call was answered.
    LeaseOver,
    /// The table of states has no such arrow.
    Illegal(IllegalTransition),
    /// The interpreter handed in a result that nothing was waiting for.
    OutOfOrder,
}
