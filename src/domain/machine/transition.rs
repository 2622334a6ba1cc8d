//! From a decision to what is written: the one place that says what a verdict means for the state, the intent and the debit.

use super::decide::Decision;
use super::verdict::{Collection, Verdict};
use crate::domain::arrows::apply;
use crate::domain::{Event, Execution, IllegalTransition, State};

#[cfg(test)]
mod tests;

/// What a decision changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Where the execution stands from now on.
    pub to: State,
    /// What happened, in order; none where it stays.
    pub events: Vec<Event>,
    /// Whether the open intent is closed: what became of its call is proven.
    pub closes_intent: bool,
    /// The debit to record.
    pub collected: Option<Collection>,
}

/// What a decision about an execution changes.
///
/// `executing` is not stored: it is an open intent. Where a verdict leaves an execution there, its call is not proven.
pub fn transition(
    execution: &Execution,
    decision: &Decision,
) -> Result<Transition, IllegalTransition> {
    let open = execution.intent.is_some();
    let intent_unused = open && decision.intent_unused;
    let verdict = decision.verdict;
    let mut events = Vec::new();
    if intent_unused {
        events.push(Event::NotProcessed);
    }
    let before = follow(execution.state, &events)?;
    let is_open = open && !intent_unused;
    events.extend_from_slice(what_happened(verdict, before, is_open));
    let mut to = follow(execution.state, &events)?;
    if to == State::Executing {
        events.push(Event::Unproven);
        to = apply(to, Event::Unproven)?;
    }
    Ok(Transition {
        to,
        events,
        closes_intent: open && (intent_unused || verdict.proves_the_call()),
        collected: verdict.collected(),
    })
}

/// What a verdict says has happened to an execution in a state, with an intent open or not.
const fn what_happened(verdict: Verdict, state: State, is_open: bool) -> &'static [Event] {
    match verdict {
        Verdict::Waits => &[],
        Verdict::NotificationRequested => &[Event::NotificationRequested],
        Verdict::NotificationDelivered => &[Event::NotificationDelivered],
        Verdict::DeliveredLongAgo => &[Event::NotificationDelivered, Event::Renewed],
        Verdict::NotificationFailed => &[Event::NotificationFailed],
        Verdict::NotificationRenewed if matches!(state, State::Planned) => &[],
        Verdict::NotificationRenewed => &[Event::Renewed],
        Verdict::Accepted => &[Event::Accepted],
        Verdict::Unproven => &[Event::Unproven],
        Verdict::Collected(_) => &[Event::Collected],
        // A failure that was seen before does not happen again.
        Verdict::OrderRenewed if matches!(state, State::Retrying) && !is_open => &[Event::Renewed],
        Verdict::OrderRenewed => &[Event::Declined, Event::Renewed],
        Verdict::Declined => &[Event::Declined],
        Verdict::GivenUp => &[Event::GivenUp],
        Verdict::CycleClosed => &[Event::CycleClosed],
        Verdict::CollectedTwice(_)
        | Verdict::EarlierOrderCollected(_)
        | Verdict::NeedsPerson
        | Verdict::Review => &[Event::ReviewNeeded],
        Verdict::Skipped => &[Event::Skipped],
        Verdict::Reopened => &[Event::Reopened],
    }
}

/// The state after some events.
fn follow(from: State, events: &[Event]) -> Result<State, IllegalTransition> {
    events
        .iter()
        .try_fold(from, |state, event| apply(state, *event))
}
