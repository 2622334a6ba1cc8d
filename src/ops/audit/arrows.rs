//! G10: states change along their arrows only. The auditor has a table of its own, written from DESIGN §3; a test holds it against
//! `domain::arrows`.

use sqlx::PgConnection;

use super::Rules;
use crate::ops::OpsError;
use crate::ops::error::step;
use crate::store;
use crate::store::audit::{Finding, Range, RecordedTransition};

pub(super) const ARROWS: (&str, &str) = ("G10", "states change along their arrows only");

/// From each state, what one settlement can lead to. `executing` lies in between wherever a call is made, and a settlement may draw its
/// conclusion in one go: that nothing was collected, and that the cycle is over.
const ARROWS_OF_THE_WORKER: [(&str, &[&str]); 12] = [
    (
        "",
        &[
            "planned",
            "notifying",
            "notified",
            "executing",
            "pending",
            "unknown",
            "retrying",
            "charged",
            "failed",
            "expired",
            "review",
        ],
    ),
    (
        "planned",
        &[
            "planned",
            "notifying",
            "notified",
            "executing",
            "pending",
            "unknown",
            "retrying",
            "charged",
            "failed",
            "expired",
            "review",
        ],
    ),
    (
        "notifying",
        &[
            "planned",
            "notifying",
            "notified",
            "failed",
            "expired",
            "review",
        ],
    ),
    (
        "notified",
        &[
            "planned",
            "executing",
            "pending",
            "unknown",
            "retrying",
            "charged",
            "failed",
            "expired",
            "review",
        ],
    ),
    (
        "executing",
        &[
            "planned", "pending", "unknown", "retrying", "charged", "failed", "expired", "review",
        ],
    ),
    (
        "pending",
        &[
            "planned", "pending", "unknown", "retrying", "charged", "failed", "expired", "review",
        ],
    ),
    (
        "unknown",
        &[
            "planned", "pending", "unknown", "retrying", "charged", "failed", "expired", "review",
        ],
    ),
    (
        "retrying",
        &[
            "planned",
            "executing",
            "pending",
            "unknown",
            "retrying",
            "charged",
            "failed",
            "expired",
            "review",
        ],
    ),
    ("charged", &["review"]),
    ("failed", &["charged", "review"]),
    ("skipped", &["charged", "review"]),
    ("expired", &["charged", "review"]),
];

/// What a review can end in. Only a person ends one, but for the proof of a collection.
const FROM_REVIEW: &[&str] = &[
    "planned", "retrying", "charged", "failed", "expired", "review",
];

/// What only an operator's request leads to, and from where.
const SKIPPED: &[&str] = &["planned", "notifying", "notified", "retrying", "review"];
const TRIED_AGAIN: &[&str] = &["failed", "skipped"];
/// What a recovery makes of any execution that had no debit.
const FOUND: &[&str] = &["unknown", "charged", "review"];
/// What a request to try again leaves where it is.
const LEFT: &[&str] = &["pending", "unknown", "retrying", "failed", "skipped"];

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

/// Whether one settlement, or an operator's request, can lead from one state to another.
fn is_possible(transition: &RecordedTransition) -> bool {
    let from = transition.from_state.as_deref().unwrap_or("");
    let to = transition.to_state.as_str();
    match transition.requested.as_deref() {
        Some("skip") => to == "skipped" && SKIPPED.contains(&from),
        Some("retry") if from == to => LEFT.contains(&from),
        Some("retry") => to == "planned" && TRIED_AGAIN.contains(&from),
        Some("recover") => !["", "charged"].contains(&from) && FOUND.contains(&to),
        Some(_) => false,
        None if from == "review" => FROM_REVIEW.contains(&to),
        None => ARROWS_OF_THE_WORKER
            .iter()
            .any(|(state, leads_to)| *state == from && leads_to.contains(&to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::arrows::apply;
    use crate::domain::{Event, State};

    fn possible(requested: Option<&str>, from: Option<&str>, to: &str) -> bool {
        is_possible(&RecordedTransition {
            requested: requested.map(str::to_owned),
            from_state: from.map(str::to_owned),
            to_state: to.to_owned(),
            execution_id: 1,
            mandate_id: 1,
            times: 1,
        })
    }

    /// Where the product's events lead in one settlement: a claim may come first, and a disproof before a conclusion.
    fn leads(from: State) -> Vec<State> {
        let after = |states: &[State], events: &[Event]| -> Vec<State> {
            let pairs = states
                .iter()
                .flat_map(|state| events.iter().map(move |event| (*state, *event)));
            pairs
                .filter_map(|(state, event)| apply(state, event).ok())
                .collect()
        };
        let begun = [vec![from], after(&[from], &[Event::Started])].concat();
        let ours: Vec<Event> = Event::ALL
            .iter()
            .copied()
            .filter(|event| !matches!(event, Event::Reopened | Event::Skipped | Event::OrderFound))
            .collect();
        let disproven = after(&begun, &[Event::Declined, Event::NotProcessed]);
        let ends = [
            Event::Renewed,
            Event::GivenUp,
            Event::CycleClosed,
            Event::ReviewNeeded,
        ];
        [after(&begun, &ours), after(&disproven, &ends)].concat()
    }

    #[test]
    fn the_auditors_arrows_are_those_of_the_product() {
        for from in State::ALL {
            let leads = leads(*from);
            for to in State::ALL {
                assert_eq!(
                    possible(None, Some(from.as_str()), to.as_str()),
                    leads.contains(to),
                    "{from} to {to}"
                );
                let (from, to) = (from.as_str(), to.as_str());
                let skipped = State::parse(from).map(|from| apply(from, Event::Skipped));
                let is_skipped = to == "skipped" && matches!(skipped, Some(Ok(_)));
                assert_eq!(
                    possible(Some("skip"), Some(from), to),
                    is_skipped,
                    "{from} {to}"
                );
            }
        }
    }

    #[test]
    fn only_an_operator_request_skips_a_cycle_or_reopens_it() {
        let retry = |from, to| possible(Some("retry"), Some(from), to);
        assert!(retry("failed", "planned") && !possible(None, Some("failed"), "planned"));
        assert!(possible(Some("skip"), Some("notified"), "skipped"));
        assert!(!possible(None, Some("notified"), "skipped"));
        assert!(retry("retrying", "retrying") && retry("skipped", "planned"));
        for (from, to) in [
            ("charged", "planned"),
            ("expired", "planned"),
            ("unknown", "planned"),
            ("notified", "charged"),
        ] {
            assert!(!retry(from, to), "{from} {to}");
        }
        assert!(possible(None, None, "planned") && possible(None, None, "expired"));
        assert!(
            !possible(None, Some("planned"), "lost") && !possible(None, Some("lost"), "planned")
        );
        assert!(!possible(Some("burn"), Some("planned"), "skipped"));
    }
}
