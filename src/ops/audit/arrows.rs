//! G10: states change along their arrows only. Which arrows there are is known to the pure core, not to SQL.

use sqlx::PgConnection;

use super::Rules;
use crate::domain::arrows::apply;
use crate::domain::machine::decide::operator::OperatorRequestKind;
use crate::domain::{Event, State};
use crate::ops::OpsError;
use crate::ops::error::step;
use crate::store;
use crate::store::audit::{Finding, Range, RecordedTransition};

/// What is said of a change that a recovery has made.
const FOUND: &str = "recover";

pub(super) const ARROWS: (&str, &str) = ("G10", "states change along their arrows only");

/// Holds every change of state that happened in a range against the arrows.
pub(super) async fn range(
    conn: &mut PgConnection,
    range: Range,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    let transitions = store::audit::transitions(conn, range)
        .await
        .map_err(step("read the changes of state"))?;
    for transition in transitions
        .into_iter()
        .filter(|transition| !is_possible(transition))
    {
        let from = transition.from_state.as_deref().unwrap_or("nothing");
        rules.of(ARROWS.0, ARROWS.1).add(Finding {
            execution_id: Some(transition.execution_id),
            mandate_id: Some(transition.mandate_id),
            detail: format!(
                "{from} became {}, {} times",
                transition.to_state, transition.times
            ),
            total: transition.times,
        });
    }
    Ok(())
}

/// Whether one settlement can lead from one state to another.
///
/// `executing` is not stored, so it may lie between. A settlement may also prove that an attempt did not collect, and
/// draw its conclusion in one go: a new order, or the end.
fn is_possible(transition: &RecordedTransition) -> bool {
    let Some(to) = State::parse(&transition.to_state) else {
        return false;
    };
    let from = match &transition.from_state {
        None if to == State::Planned => return true,
        // A cycle that had closed before it was planned.
        None => Some(State::Planned),
        Some(from) => State::parse(from),
    };
    let Some(from) = from else { return false };
    if transition.requested.as_deref() == Some(FOUND) {
        return is_found(from, to);
    }
    if let Some(requested) = &transition.requested {
        return OperatorRequestKind::parse(requested)
            .is_some_and(|requested| is_requested(requested, from, to));
    }
    let leads_to =
        |from: State, events: &[Event]| events.iter().any(|event| apply(from, *event) == Ok(to));
    let disproofs = [Event::Declined, Event::NotProcessed];
    let conclusions = [
        Event::Renewed,
        Event::GivenUp,
        Event::CycleClosed,
        Event::ReviewNeeded,
    ];
    [Ok(from), apply(from, Event::Started)]
        .into_iter()
        .flatten()
        .any(|state| {
            let ours: Vec<Event> = Event::ALL
                .iter()
                .copied()
                .filter(|event| {
                    !matches!(event, Event::Reopened | Event::Skipped | Event::OrderFound)
                })
                .collect();
            let disproven = disproofs
                .iter()
                .filter_map(|event| apply(state, *event).ok());
            leads_to(state, &ours)
                || disproven
                    .into_iter()
                    .any(|state| leads_to(state, &conclusions))
        })
}

/// What a recovery leads to: an order that was forgotten is open, and what its answer proves comes in one go.
fn is_found(from: State, to: State) -> bool {
    let open = apply(from, Event::OrderFound);
    [Event::Unproven, Event::Collected, Event::ReviewNeeded]
        .into_iter()
        .filter_map(|event| apply(open.ok()?, event).ok())
        .any(|state| state == to)
}

/// What only an operator request leads to, and what it leaves where it is.
fn is_requested(requested: OperatorRequestKind, from: State, to: State) -> bool {
    match requested {
        OperatorRequestKind::Skip => apply(from, Event::Skipped) == Ok(to),
        OperatorRequestKind::Retry if from == to => matches!(
            from,
            State::Pending | State::Unknown | State::Retrying | State::Failed | State::Skipped
        ),
        OperatorRequestKind::Retry => apply(from, Event::Reopened) == Ok(to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn possible(from: Option<&str>, to: &str) -> bool {
        requested(None, from, to)
    }

    fn requested(requested: Option<OperatorRequestKind>, from: Option<&str>, to: &str) -> bool {
        is_possible(&RecordedTransition {
            requested: requested.map(|requested| requested.to_string()),
            from_state: from.map(str::to_owned),
            to_state: to.to_owned(),
            execution_id: 1,
            mandate_id: 1,
            times: 1,
        })
    }

    #[test]
    fn what_is_final_stays_so_and_no_operator_request_closes_open_money() {
        let mut table = String::new();
        for from in [None]
            .into_iter()
            .chain(State::ALL.iter().map(|state| Some(state.as_str())))
        {
            let reachable: Vec<&str> = State::ALL
                .iter()
                .map(|state| state.as_str())
                .filter(|to| possible(from, to))
                .collect();
            writeln!(table, "{:<10} {}", from.unwrap_or("-"), reachable.join(" ")).unwrap();
        }
        insta::assert_snapshot!(table);
        assert!(!possible(Some("planned"), "lost"));
    }

    #[test]
    fn only_an_operator_request_skips_a_cycle_or_reopens_it() {
        let retry = |from, to| requested(Some(OperatorRequestKind::Retry), Some(from), to);
        let skip = |from, to| requested(Some(OperatorRequestKind::Skip), Some(from), to);
        assert!(retry("failed", "planned") && !possible(Some("failed"), "planned"));
        assert!(skip("notified", "skipped") && !possible(Some("notified"), "skipped"));
        assert!(retry("retrying", "retrying") && retry("skipped", "planned"));
        for (from, to) in [
            ("charged", "planned"),
            ("expired", "planned"),
            ("unknown", "planned"),
        ] {
            assert!(!retry(from, to) && !skip(from, to), "{from} {to}");
        }
        assert!(!skip("unknown", "skipped") && !retry("notified", "charged"));
    }
}
