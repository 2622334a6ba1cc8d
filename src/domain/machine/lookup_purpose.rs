//! Why an order is looked up: what its answer is for.

use super::decide::Decision;
use super::request::Request;

/// Why an order is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookupPurpose {
    /// A new order may have waited weeks for its payday: is the one before it still dead?
    OrderBefore,
    /// The call has no idempotency key: the provider's counter tells later whether it got through.
    Counter,
    /// A retry is only for an order that is proven failed, and its counter must be known.
    BeforeRetry,
    /// This database may have forgotten that it sent a later order: money moves again only if the provider has none.
    LaterOrder(LaterOrder),
    /// The look-up is the step.
    Outcome,
    /// The execution is over, and this may have been collected after all.
    Recheck(Recheck),
}

/// The call that waits for the look at the orders after its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LaterOrder {
    pub(super) order_no: u16,
    pub(super) request: Request,
    /// The provider's counter, to be recorded before the call.
    pub(super) counter: Option<i64>,
}

/// How far a recheck has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recheck {
    pub(super) order_no: u16,
    /// The orders that are still to be looked up, the next one last.
    pub(super) rest: Vec<u16>,
    pub(super) so_far: Option<Box<Decision>>,
}
