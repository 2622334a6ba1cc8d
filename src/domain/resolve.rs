//! What a person may say became of an execution that no answer of the provider has decided.
//!
//! A person is believed where nothing is proven. What is proven already, a debit of the cycle, is not talked away: a second
//! collection is a refund, and a first one no failure.

#[cfg(test)]
mod tests;

use chrono::NaiveDate;

use super::arrows::{IllegalTransition, apply};
use super::state::{Event, State};
use super::text::text_enum;
use super::{MandateId, ProviderKind};

text_enum!(
    /// What an operator says, with evidence.
    ResolvedAs {
        /// The current order collected the cycle.
        Charged = "charged",
        /// The current order did not collect, and will not.
        Failed = "failed",
        /// What was collected too often, or too much, was given back.
        Refunded = "refunded",
    }
);

/// The debit that a cycle has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collected {
    /// None.
    Never,
    /// By the current order.
    ByThisOrder,
    /// By an earlier order of the cycle.
    ByAnotherOrder,
    /// By one, and another order was collected as well: refund due.
    Twice,
}

impl Collected {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Never,
        Self::ByThisOrder,
        Self::ByAnotherOrder,
        Self::Twice,
    ];
}

/// The payment that collected the cycle, as a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// It is named, or the order names it.
    Named,
    /// It is not, and the provider's payments have no ids of ours: it could later be taken for another cycle's.
    NotNamed,
    /// It is the debit of another cycle of the mandate.
    OfCycle(NaiveDate),
    /// It is the debit of another mandate of the account.
    OfMandate(MandateId),
}

/// The order that collected the cycle, as a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedOrder {
    /// The execution's own, and nothing is known of another.
    Own,
    /// Another one of the cycle, which this database has sent or asked about.
    Other,
    /// None is named, and the provider has said that another order of the cycle collected, or may.
    NotNamed,
    /// This database has never sent it, nor asked about it, for this cycle.
    NotKnown,
}

impl Payment {
    /// Reads the id of a payment: a provider's own, or another cycle's debit already.
    pub fn read(
        provider: ProviderKind,
        id: Option<&str>,
        of_cycle: Option<NaiveDate>,
        of_mandate: Option<MandateId>,
    ) -> Self {
        if let Some(on) = of_cycle {
            return Self::OfCycle(on);
        }
        if let Some(mandate) = of_mandate {
            return Self::OfMandate(mandate);
        }
        match provider {
            ProviderKind::Juspay => Self::Named,
            // `paymentId` is a number.
            ProviderKind::Signzy if id.is_some_and(is_number) => Self::Named,
            ProviderKind::Signzy => Self::NotNamed,
        }
    }
}

/// Whether it is a number as the provider writes it: another spelling of it would be another payment here.
fn is_number(id: &str) -> bool {
    let number: Option<i64> = id.parse().ok();
    number.is_some_and(|number| number.to_string() == id)
}

/// What must be known of an execution before a person may close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenExecution {
    /// Where it stands.
    pub state: State,
    /// Whether its cycle is over.
    pub cycle_over: bool,
    /// Whether a call that moves money is not proven yet.
    pub has_intent: bool,
    /// What its cycle has.
    pub collected: Collected,
    /// The payment that a person names.
    pub payment: Payment,
    /// The order that a person names.
    pub order: NamedOrder,
}

/// Why a person's word does not close an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is final, or it goes on by itself.
    #[error(
        "it is {0}: only what is unknown, in review, or pending after the end of its cycle is resolved by a person"
    )]
    NotOpen(State),
    /// The cycle was collected by another order.
    #[error(
        "the cycle has its debit, of another order: a second collection is given back to the payer and resolved as refunded"
    )]
    RefundDue,
    /// A debit is a proof.
    #[error(
        "the cycle has its debit, which proves that it was collected: what was given back is resolved as refunded"
    )]
    Proven,
    /// No collection is on record.
    #[error("the cycle has no debit that could have been given back")]
    NothingToRefund,
    /// Signzy's payments are told apart by their ids alone.
    #[error(
        "its provider's payments have no ids of ours, so one that is not named could later be taken for another cycle's: say which one it was, by its number (--provider-ref)"
    )]
    PaymentNotNamed,
    /// One payment is one debit.
    #[error(
        "the payment is the debit of the cycle of {0} already: name the one that collected this cycle (--provider-ref), or resolve it as failed"
    )]
    PaymentOfCycle(NaiveDate),
    /// One payment is one debit.
    #[error(
        "the payment is the debit of mandate number {} already: name the one that collected this cycle (--provider-ref), or resolve it as failed", .0.0
    )]
    PaymentOfMandate(MandateId),
    /// Another order of the cycle collected, or may.
    #[error(
        "the provider has said that another order of this cycle collected, or may (`mandated executions show` has it): say which order collected the cycle (--order)"
    )]
    OrderNotNamed,
    /// An order must be one of the cycle's.
    #[error(
        "no call of this execution has that order: name one that `mandated executions show` has (--order)"
    )]
    OrderNotKnown,
    /// Two people at once.
    #[error("somebody has resolved a cycle with this payment at the same moment: look at it again")]
    Overtaken,
    /// The table of states has no such arrow.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
}

/// The state that a person's word leads to.
pub fn resolve(open: OpenExecution, resolved_as: ResolvedAs) -> Result<State, Refusal> {
    let is_open = match open.state {
        State::Unknown | State::Review => true,
        State::Pending => open.cycle_over,
        State::Planned
        | State::Notifying
        | State::Notified
        | State::Executing
        | State::Retrying
        | State::Charged
        | State::Failed
        | State::Skipped
        | State::Expired => false,
    };
    if !is_open {
        return Err(Refusal::NotOpen(open.state));
    }
    if open.order == NamedOrder::NotKnown {
        return Err(Refusal::OrderNotKnown);
    }
    let event = match (resolved_as, open.collected) {
        (ResolvedAs::Charged, Collected::ByAnotherOrder | Collected::Twice) => {
            return Err(Refusal::RefundDue);
        }
        (ResolvedAs::Charged, Collected::Never) => {
            first_debit(open)?;
            Event::Collected
        }
        (ResolvedAs::Charged, Collected::ByThisOrder)
        | (
            ResolvedAs::Refunded,
            Collected::ByThisOrder | Collected::ByAnotherOrder | Collected::Twice,
        ) => Event::Collected,
        (ResolvedAs::Refunded, Collected::Never) => return Err(Refusal::NothingToRefund),
        (ResolvedAs::Failed, Collected::Never) => Event::GivenUp,
        // The open order is said to have failed; the one before it has collected the cycle.
        (ResolvedAs::Failed, Collected::ByAnotherOrder) if open.has_intent => Event::Collected,
        (
            ResolvedAs::Failed,
            Collected::ByThisOrder | Collected::ByAnotherOrder | Collected::Twice,
        ) => return Err(Refusal::Proven),
    };
    Ok(apply(open.state, event)?)
}

/// Whether a person has said enough for the debit of a cycle that has none.
const fn first_debit(open: OpenExecution) -> Result<(), Refusal> {
    match open.order {
        NamedOrder::Own | NamedOrder::Other => {}
        NamedOrder::NotNamed => return Err(Refusal::OrderNotNamed),
        NamedOrder::NotKnown => return Err(Refusal::OrderNotKnown),
    }
    match open.payment {
        Payment::Named => Ok(()),
        Payment::NotNamed => Err(Refusal::PaymentNotNamed),
        Payment::OfCycle(on) => Err(Refusal::PaymentOfCycle(on)),
        Payment::OfMandate(mandate) => Err(Refusal::PaymentOfMandate(mandate)),
    }
}
