//! What a person may say became of an execution that no answer of the provider has decided.
//!
//! A person is believed where nothing is proven. What is proven already, a debit of the cycle, is not talked away: a second
//! collection is a refund, and a first one no failure.

use chrono::NaiveDate;

use super::ProviderKind;
use super::arrows::{IllegalTransition, apply};
use super::state::{Event, State};
use super::text::text_enum;

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
}

impl Payment {
    /// Reads the id of a payment: a provider's own, or another cycle's debit already.
    pub fn read(provider: ProviderKind, id: Option<&str>, of_cycle: Option<NaiveDate>) -> Self {
        if let Some(on) = of_cycle {
            return Self::OfCycle(on);
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
    let event = match (resolved_as, open.collected) {
        (ResolvedAs::Charged, Collected::ByAnotherOrder | Collected::Twice) => {
            return Err(Refusal::RefundDue);
        }
        (ResolvedAs::Charged, Collected::Never) => match open.payment {
            Payment::Named => Event::Collected,
            Payment::NotNamed => return Err(Refusal::PaymentNotNamed),
            Payment::OfCycle(on) => return Err(Refusal::PaymentOfCycle(on)),
        },
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn a_person_closes_what_is_open_and_talks_no_debit_away() {
        let mut table = String::new();
        for state in State::ALL.iter().copied() {
            for collected in Collected::ALL {
                for has_intent in [false, true] {
                    for resolved_as in ResolvedAs::ALL.iter().copied() {
                        let open = OpenExecution {
                            state,
                            cycle_over: true,
                            has_intent,
                            collected,
                            payment: Payment::Named,
                        };
                        let said = match resolve(open, resolved_as) {
                            Ok(next) => next.to_string(),
                            Err(Refusal::NotOpen(_)) => continue,
                            Err(refusal) => format!("{refusal:?}"),
                        };
                        let intent = if has_intent { "intent" } else { "-" };
                        writeln!(
                            table,
                            "{state:<8} {collected:<15} {intent:<7} {resolved_as:<9} {said}",
                            collected = format!("{collected:?}")
                        )
                        .unwrap();
                    }
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_is_pending_goes_on_by_itself_until_its_cycle_is_over() {
        for (cycle_over, said) in [
            (false, Err(Refusal::NotOpen(State::Pending))),
            (true, Ok(State::Failed)),
        ] {
            let open = OpenExecution {
                state: State::Pending,
                cycle_over,
                has_intent: true,
                collected: Collected::Never,
                payment: Payment::Named,
            };
            assert_eq!(resolve(open, ResolvedAs::Failed), said);
        }
    }

    #[test]
    fn a_debit_has_a_payment_of_its_own() {
        let on = NaiveDate::MIN;
        for (payment, refusal) in [
            (Payment::NotNamed, Refusal::PaymentNotNamed),
            (Payment::OfCycle(on), Refusal::PaymentOfCycle(on)),
        ] {
            let open = OpenExecution {
                state: State::Review,
                cycle_over: false,
                has_intent: true,
                collected: Collected::Never,
                payment,
            };
            assert_eq!(resolve(open, ResolvedAs::Charged), Err(refusal));
            // Where no debit is written, no payment is needed.
            assert_eq!(resolve(open, ResolvedAs::Failed), Ok(State::Failed));
        }
    }

    #[test]
    fn a_payment_is_named_as_its_provider_writes_it() {
        let read = |id| Payment::read(ProviderKind::Signzy, id, None);
        assert_eq!(read(Some("301")), Payment::Named);
        for other in [
            Some("+301"),
            Some("0301"),
            Some("301 "),
            Some("x"),
            Some(""),
            None,
        ] {
            assert_eq!(read(other), Payment::NotNamed, "{other:?}");
        }
    }
}
