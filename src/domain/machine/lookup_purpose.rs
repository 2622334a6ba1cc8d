//! Why an order is looked up: what its answer is for.

use super::decide::Decision;

/// Why an order is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookupPurpose {
    /// A new order may have waited weeks for its payday: is the one before it still dead?
    OrderBefore,
    /// The call has no idempotency key: the provider's counter tells later whether it got through.
    Counter,
    /// A retry is only for an order that is proven failed, and its counter must be known.
    BeforeRetry,
    /// The look-up is the step.
    Outcome,
    /// The execution is over, and this may have been collected after all.
    Recheck(Recheck),
}

/// How far a recheck has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recheck {
    pub(super) order_no: u16,
    /// The orders that are still to be looked up, the next one last.
    pub(super) rest: Vec<u16>,
    pub(super) so_far: Option<Box<Decision>>,
}
