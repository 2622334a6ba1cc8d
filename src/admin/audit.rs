//! `audit`: are the guarantees kept? Derived from the database alone, with counter-examples.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::AdminError;
use super::error::step;
use super::text::{Format, table, write_json, write_table};
use crate::domain::policy::Policy;
use crate::domain::state::{Event, State, apply};
use crate::domain::{Instant, Rail};
use crate::store;
use crate::store::audit::{Call, Finding, Place, Scope, Transition};

/// How many counter-examples of a broken rule are shown.
const SHOWN: i64 = 20;
/// How many calls are read at once.
const PAGE: i64 = 5_000;

/// One rule and what breaks it.
#[derive(Debug, Serialize)]
pub struct Judgement {
    pub guarantee: &'static str,
    pub rule: &'static str,
    /// How often it is broken.
    pub broken: i64,
    /// The first of the cases.
    pub examples: Vec<Finding>,
}

/// What the audit found.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub holds: bool,
    pub rules: Vec<Judgement>,
}

/// Checks every rule, one after the other, so that it is gentle on a database that is at work.
pub async fn audit(
    pool: &PgPool,
    now: Instant,
    late: Duration,
    progress: &ProgressBar,
) -> Result<Verdict, AdminError> {
    let scope = Scope {
        now,
        late: late.as_secs_f64(),
        limit: SHOWN,
    };
    let mut conn = pool
        .acquire()
        .await
        .map_err(step("connect for the audit"))?;
    store::audit::prepare(&mut conn)
        .await
        .map_err(step("prepare the audit"))?;
    let mut rules = Vec::new();
    progress.set_length(
        u64::try_from(store::audit::checks().count())
            .unwrap_or(0)
            .saturating_add(2),
    );
    for check in store::audit::checks() {
        progress.set_message(check.rule);
        let examples = (check.find)(&mut conn, scope)
            .await
            .map_err(step("audit"))?;
        let broken = examples.first().map_or(0, |finding| finding.total);
        rules.push(Judgement {
            guarantee: check.guarantee,
            rule: check.rule,
            broken,
            examples,
        });
        progress.inc(1);
    }
    rules.push(windows(&mut conn).await?);
    progress.inc(1);
    rules.push(arrows(&mut conn).await?);
    progress.finish_and_clear();
    // Stable: within a guarantee the order above stays.
    rules.sort_by_key(|judgement| (judgement.guarantee.len(), judgement.guarantee));
    let holds = rules.iter().all(|judgement| judgement.broken == 0);
    Ok(Verdict { holds, rules })
}

impl Judgement {
    fn new(guarantee: &'static str, rule: &'static str) -> Self {
        Self {
            guarantee,
            rule,
            broken: 0,
            examples: Vec::new(),
        }
    }

    fn add(&mut self, finding: Finding) {
        self.broken = self.broken.saturating_add(finding.total);
        if i64::try_from(self.examples.len()).is_ok_and(|shown| shown < SHOWN) {
            self.examples.push(finding);
        }
    }
}

/// Windows need a calendar, so they are checked here, a page of calls at a time.
async fn windows(conn: &mut PgConnection) -> Result<Judgement, AdminError> {
    let mut judgement = Judgement::new(
        "G4",
        "debits and notifications are tried in their windows only",
    );
    let mut policies = BTreeMap::new();
    for stored in store::audit::policies(conn)
        .await
        .map_err(step("read the policies"))?
    {
        match serde_json::from_value::<Policy>(stored.body) {
            Ok(policy) => {
                policies.insert(stored.id, policy);
            }
            Err(error) => judgement.add(Finding {
                execution_id: None,
                mandate_id: None,
                detail: format!("policy {} cannot be read: {error}", stored.id),
                total: 1,
            }),
        }
    }
    let ids: Vec<i64> = policies.keys().copied().collect();
    let mut place = Place::default();
    loop {
        let calls = store::audit::calls_after(conn, place, &ids, PAGE)
            .await
            .map_err(step("read the calls"))?;
        let Some(last) = calls.last() else {
            return Ok(judgement);
        };
        place = Place {
            execution_id: last.execution_id,
            attempt_id: last.attempt_id,
        };
        for call in calls {
            if let Some(finding) = policies
                .get(&call.policy_id)
                .and_then(|policy| outside(&call, policy))
            {
                judgement.add(finding);
            }
        }
    }
}

fn outside(call: &Call, policy: &Policy) -> Option<Finding> {
    let windows = if call.call == "notify" {
        &policy.notify_windows
    } else {
        &policy.debit_windows
    };
    if windows.contains(call.at) {
        return None;
    }
    let local = call
        .at
        .with_timezone(&windows.time_zone())
        .format("%Y-%m-%d %H:%M:%S %Z");
    let rail: Rail = policy.rail;
    Some(Finding {
        execution_id: Some(call.execution_id),
        mandate_id: Some(call.mandate_id),
        detail: format!(
            "{} of {} at {local}, outside of the windows of {rail}",
            call.call, call.reference
        ),
        total: 1,
    })
}

/// Which changes of state there can be is known to the pure core only.
async fn arrows(conn: &mut PgConnection) -> Result<Judgement, AdminError> {
    let mut judgement = Judgement::new("G10", "states change along their arrows only");
    let transitions = store::audit::transitions(conn)
        .await
        .map_err(step("read the changes of state"))?;
    for transition in transitions
        .into_iter()
        .filter(|transition| !is_possible(transition))
    {
        let from = transition.from_state.as_deref().unwrap_or("nothing");
        judgement.add(Finding {
            execution_id: Some(transition.execution_id),
            mandate_id: Some(transition.mandate_id),
            detail: format!(
                "{from} became {}, {} times",
                transition.to_state, transition.times
            ),
            total: transition.times,
        });
    }
    Ok(judgement)
}

/// Whether one settlement can lead from one state to another.
///
/// `executing` is not stored, so it may lie between. A settlement may also prove that an attempt did not collect and
/// draw the conclusion in one go, such as a new order.
fn is_possible(transition: &Transition) -> bool {
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
    let after = |from: State, event: Event| apply(from, event).ok();
    let mut starts = vec![from];
    starts.extend(after(from, Event::Started));
    let disproven: Vec<State> = starts
        .iter()
        .flat_map(|state| [Event::Declined, Event::NotProcessed].map(|event| after(*state, event)))
        .flatten()
        .collect();
    starts.extend(disproven);
    starts.iter().any(|state| {
        Event::ALL
            .iter()
            .any(|event| after(*state, *event) == Some(to))
    })
}

impl Verdict {
    /// Prints it: every rule, then the counter-examples.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        let mut shown = table(["", "rule", "verdict"]);
        for judgement in &self.rules {
            let verdict = match judgement.broken {
                0 => "holds".to_owned(),
                broken => format!("BROKEN {broken}"),
            };
            shown.add_row([judgement.guarantee, judgement.rule, &verdict]);
        }
        write_table(out, &shown)?;
        for judgement in self.rules.iter().filter(|judgement| judgement.broken > 0) {
            writeln!(
                out,
                "\n{} {}, broken {} times:",
                judgement.guarantee, judgement.rule, judgement.broken
            )?;
            for Finding {
                execution_id,
                mandate_id,
                detail,
                ..
            } in &judgement.examples
            {
                let subject = match (execution_id, mandate_id) {
                    (Some(id), _) => format!("execution {id}: "),
                    (None, Some(id)) => format!("mandate {id}: "),
                    (None, None) => String::new(),
                };
                writeln!(out, "  {subject}{detail}")?;
            }
        }
        let verdict = if self.holds {
            "\nEvery guarantee holds."
        } else {
            "\nGUARANTEES ARE BROKEN."
        };
        writeln!(out, "{verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn possible(from: Option<&str>, to: &str) -> bool {
        is_possible(&Transition {
            from_state: from.map(str::to_owned),
            to_state: to.to_owned(),
            execution_id: 1,
            mandate_id: 1,
            times: 1,
        })
    }

    #[test]
    fn what_is_final_stays_so_and_open_money_is_not_wished_away() {
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
            table.push_str(&format!(
                "{:<10} {}\n",
                from.unwrap_or("-"),
                reachable.join(" ")
            ));
        }
        insta::assert_snapshot!(table);
        assert!(!possible(Some("planned"), "lost"));
    }
}
