//! Which event leads from which state to which: the one function that owns the arrows.

use super::state::{Event, State};

/// An event that cannot happen in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to an execution that is {state}")]
pub struct IllegalTransition {
    /// Where the execution stood.
    pub state: State,
    /// What was said to have happened.
    pub event: Event,
}

/// The state after an event. Every pair is spelt out below; the table is a snapshot in the tests.
///
/// Two rules of money are visible in it: an open state ([`State::is_open`]) never ends by a clock or by an
/// operator request (`CycleClosed`, `Skipped`), only by proof; and what is final changes only by proof of a
/// collection, to `review`, or, where nothing was collected, because a person has it tried once more or a provider turns out to
/// have an order that a restored database had forgotten.
pub fn apply(state: State, event: Event) -> Result<State, IllegalTransition> {
    let next = match state {
        State::Planned => from_planned(event),
        State::Notifying => from_notifying(event),
        State::Notified => from_notified(event),
        State::Executing | State::Unknown | State::Pending => from_open(event),
        State::Retrying => from_retrying(event),
        State::Charged => from_charged(event),
        State::Failed | State::Skipped => from_given_up(event, false),
        // Its cycle is over: nothing of it is tried any more.
        State::Expired => from_given_up(event, true),
        State::Review => from_review(event),
    };
    next.ok_or(IllegalTransition { state, event })
}

fn from_planned(event: Event) -> Option<State> {
    match event {
        Event::NotificationRequested => Some(State::Notifying),
        Event::NotificationDelivered => Some(State::Notified),
        Event::NotificationFailed => Some(State::Planned),
        Event::Started => Some(State::Executing),
        // The provider debits by itself (a watched mandate): its payment appears without a call of ours.
        Event::Accepted => Some(State::Pending),
        Event::Collected => Some(State::Charged),
        Event::Declined => Some(State::Retrying),
        Event::GivenUp => Some(State::Failed),
        Event::Skipped => Some(State::Skipped),
        Event::CycleClosed => Some(State::Expired),
        Event::ReviewNeeded => Some(State::Review),
        Event::OrderFound => Some(State::Unknown),
        Event::NotProcessed | Event::Unproven | Event::Renewed | Event::Reopened => None,
    }
}

fn from_notifying(event: Event) -> Option<State> {
    match event {
        Event::NotificationRequested => Some(State::Notifying),
        Event::NotificationDelivered => Some(State::Notified),
        Event::NotificationFailed => Some(State::Planned),
        Event::GivenUp => Some(State::Failed),
        Event::Skipped => Some(State::Skipped),
        Event::CycleClosed => Some(State::Expired),
        Event::ReviewNeeded => Some(State::Review),
        Event::OrderFound => Some(State::Unknown),
        Event::Started
        | Event::Accepted
        | Event::Collected
        | Event::Declined
        | Event::NotProcessed
        | Event::Unproven
        | Event::Renewed
        | Event::Reopened => None,
    }
}

fn from_notified(event: Event) -> Option<State> {
    match event {
        Event::Started => Some(State::Executing),
        Event::Renewed => Some(State::Planned),
        Event::GivenUp => Some(State::Failed),
        Event::Skipped => Some(State::Skipped),
        Event::CycleClosed => Some(State::Expired),
        Event::ReviewNeeded => Some(State::Review),
        Event::OrderFound => Some(State::Unknown),
        Event::NotificationRequested
        | Event::NotificationDelivered
        | Event::NotificationFailed
        | Event::Accepted
        | Event::Collected
        | Event::Declined
        | Event::NotProcessed
        | Event::Unproven
        | Event::Reopened => None,
    }
}

fn from_open(event: Event) -> Option<State> {
    match event {
        Event::Accepted => Some(State::Pending),
        Event::Collected => Some(State::Charged),
        Event::Declined | Event::NotProcessed => Some(State::Retrying),
        Event::Unproven | Event::OrderFound => Some(State::Unknown),
        Event::GivenUp => Some(State::Failed),
        Event::ReviewNeeded => Some(State::Review),
        Event::NotificationRequested
        | Event::NotificationDelivered
        | Event::NotificationFailed
        | Event::Started
        | Event::Renewed
        | Event::Skipped
        | Event::Reopened
        | Event::CycleClosed => None,
    }
}

fn from_retrying(event: Event) -> Option<State> {
    match event {
        Event::Started => Some(State::Executing),
        // A look-up before the retry found the provider's own retry under way, or already through.
        Event::Accepted => Some(State::Pending),
        Event::Collected => Some(State::Charged),
        Event::Declined | Event::NotProcessed => Some(State::Retrying),
        Event::Unproven | Event::OrderFound => Some(State::Unknown),
        Event::Renewed => Some(State::Planned),
        Event::GivenUp => Some(State::Failed),
        Event::Skipped => Some(State::Skipped),
        Event::CycleClosed => Some(State::Expired),
        Event::ReviewNeeded => Some(State::Review),
        Event::NotificationRequested
        | Event::NotificationDelivered
        | Event::NotificationFailed
        | Event::Reopened => None,
    }
}

fn from_charged(event: Event) -> Option<State> {
    match event {
        // A second order of the cycle was collected as well: refund due.
        Event::ReviewNeeded => Some(State::Review),
        Event::NotificationRequested
        | Event::NotificationDelivered
        | Event::NotificationFailed
        | Event::Started
        | Event::Accepted
        | Event::Collected
        | Event::Declined
        | Event::NotProcessed
        | Event::Unproven
        | Event::Renewed
        | Event::GivenUp
        | Event::Skipped
        | Event::Reopened
        | Event::OrderFound
        | Event::CycleClosed => None,
    }
}

fn from_given_up(event: Event, is_over: bool) -> Option<State> {
    match event {
        // Late success.
        Event::Collected => Some(State::Charged),
        Event::Reopened if !is_over => Some(State::Planned),
        Event::ReviewNeeded => Some(State::Review),
        Event::OrderFound => Some(State::Unknown),
        Event::NotificationRequested
        | Event::NotificationDelivered
        | Event::NotificationFailed
        | Event::Started
        | Event::Accepted
        | Event::Declined
        | Event::NotProcessed
        | Event::Unproven
        | Event::Renewed
        | Event::GivenUp
        | Event::Skipped
        | Event::Reopened
        | Event::CycleClosed => None,
    }
}

fn from_review(event: Event) -> Option<State> {
    match event {
        Event::Collected => Some(State::Charged),
        Event::Declined => Some(State::Retrying),
        Event::Renewed => Some(State::Planned),
        Event::GivenUp => Some(State::Failed),
        Event::Skipped => Some(State::Skipped),
        Event::ReviewNeeded => Some(State::Review),
        Event::OrderFound => Some(State::Unknown),
        Event::NotificationRequested
        | Event::NotificationDelivered
        | Event::NotificationFailed
        | Event::Started
        | Event::Accepted
        | Event::NotProcessed
        | Event::Unproven
        | Event::Reopened
        | Event::CycleClosed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for state in State::ALL {
            for event in Event::ALL {
                match apply(*state, *event) {
                    Ok(next) => writeln!(table, "{state:<10} {event:<24} {next}"),
                    Err(_) => writeln!(table, "{state:<10} {event:<24} -"),
                }
                .unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn money_in_flight_is_never_ended_by_a_clock_or_an_operator_request() {
        for state in State::ALL.iter().filter(|state| state.is_open()) {
            for event in [
                Event::CycleClosed,
                Event::Skipped,
                Event::Renewed,
                Event::Started,
            ] {
                assert_eq!(
                    apply(*state, event),
                    Err(IllegalTransition {
                        state: *state,
                        event
                    })
                );
            }
        }
    }
}
