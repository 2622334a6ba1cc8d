//! What an operator asks of a provider about a mandate or an order, and the answers.

use crate::domain::{MandateStatus, Timestamp};

/// A command on the mandate itself, from an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MandateCommand {
    /// Until the given time, or for good.
    Pause {
        until: Option<Timestamp>,
    },
    Resume,
    Revoke,
}

/// What a provider says about a mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MandateAnswer {
    /// Its status, in our words, and the provider's own word.
    Status { status: MandateStatus, word: String },
    /// This provider has no such command.
    NotOffered,
    /// The provider said no, or nothing that we understand.
    Failed { why: String },
}

/// What a provider says when it is asked not to debit an order that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It will not debit it.
    Cancelled { word: String },
    /// This provider has no such command.
    NotOffered,
    /// The provider said no, or nothing that we understand.
    Failed { why: String },
}
