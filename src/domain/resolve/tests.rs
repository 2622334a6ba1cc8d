//! Which word of a person is accepted, and which is refused.

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
                        order: NamedOrder::Own,
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
            order: NamedOrder::Own,
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
        (
            Payment::OfMandate(MandateId(7)),
            Refusal::PaymentOfMandate(MandateId(7)),
        ),
    ] {
        let open = OpenExecution {
            state: State::Review,
            cycle_over: false,
            has_intent: true,
            collected: Collected::Never,
            payment,
            order: NamedOrder::Own,
        };
        assert_eq!(resolve(open, ResolvedAs::Charged), Err(refusal));
        // Where no debit is written, no payment is needed.
        assert_eq!(resolve(open, ResolvedAs::Failed), Ok(State::Failed));
    }
}

#[test]
fn a_debit_is_of_an_order_that_is_known() {
    for (order, said) in [
        (NamedOrder::Own, Ok(State::Charged)),
        (NamedOrder::Other, Ok(State::Charged)),
        (NamedOrder::NotNamed, Err(Refusal::OrderNotNamed)),
        (NamedOrder::NotKnown, Err(Refusal::OrderNotKnown)),
    ] {
        let open = OpenExecution {
            state: State::Review,
            cycle_over: false,
            has_intent: true,
            collected: Collected::Never,
            payment: Payment::Named,
            order,
        };
        assert_eq!(resolve(open, ResolvedAs::Charged), said);
        // A word about an order that nobody knows is none, whatever it says.
        let failed = if order == NamedOrder::NotKnown {
            Err(Refusal::OrderNotKnown)
        } else {
            Ok(State::Failed)
        };
        assert_eq!(resolve(open, ResolvedAs::Failed), failed);
    }
}

#[test]
fn a_payment_is_named_as_its_provider_writes_it() {
    let read = |id| Payment::read(ProviderKind::Signzy, id, None, None);
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
