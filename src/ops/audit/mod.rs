//! The audit: are the guarantees kept? Derived from the database alone, with counter-examples.
//!
//! The auditor is an outsider: it shares no function with what it audits where that function could be wrong. Its own are the calendar
//! (`calendar`), order ids and references (`identity`), amounts (`amount`), the reading of answers (`kept`), of policies and of their hours
//! (`limits`), the arrows (`arrows`), the classes that stop (`store::audit::stops`), and the detector of personal data (`detector`). Unit
//! tests hold some of them against the product's: where two agree that share no line, neither is wrong alone.
//!
//! What it shares, and why that is safe: `domain::Timestamp`, which is a name of `chrono`'s; the classes and outcomes as they stand in
//! the rows, since what a class *means* is the auditor's own table (that an answer was given the wrong class, only its bytes can tell:
//! `classify` shows that); `ops::error` and `store`'s connection, which decide nothing. `audit --provider` asks through the product's
//! client, since only that has the credentials: a client that asks about another order is found by what the answer states.

mod amount;
mod answers;
mod arrows;
mod calendar;
mod calls;
pub mod detector;
mod identity;
mod kept;
mod limits;
mod missing_cycles;
mod names;
pub mod provider;
mod sweep;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::error::step;
use super::{OnProgress, OpsError};
use crate::domain::Timestamp;
use crate::store;
use crate::store::audit::Scope;
use crate::store::pool::DatabasePool;

pub use crate::store::audit::Finding;

use calls::Calls;

/// How many counter-examples of a broken rule are shown.
const SHOWN: i64 = 20;

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
pub struct AuditVerdict {
    pub holds: bool,
    pub rules: Vec<Judgement>,
}

/// Checks every rule over one connection, a range of rows at a time, so that it is gentle on a database that is at work.
pub async fn audit(
    pool: &DatabasePool,
    now: Timestamp,
    late: Duration,
    progress: OnProgress<'_>,
) -> Result<AuditVerdict, OpsError> {
    let mut conn = pool
        .acquire()
        .await
        .map_err(step("connect for the audit"))?;
    let history_from = store::audit::history_from(&mut conn)
        .await
        .map_err(step("find how far back the history goes"))?;
    let scope = Scope {
        now,
        late: late.as_secs_f64(),
        history_from,
        limit: SHOWN,
    };
    let mut rules = Rules::default();
    for check in store::audit::checks() {
        rules.of(check.guarantee, check.rule);
    }
    let mut calls = Calls::read(&mut conn, &mut rules).await?;
    rules.of(arrows::ARROWS.0, arrows::ARROWS.1);
    names::announce(&mut rules);
    sweep::sweep(&mut conn, scope, &mut rules, &mut calls, progress).await?;
    missing_cycles::look_for(&mut conn, now, &mut rules).await?;
    let strays = store::audit::strays(&mut conn, SHOWN)
        .await
        .map_err(step("look for months without a partition"))?;
    rules
        .of("G10", "every month has its partition")
        .add_all(strays);
    Ok(rules.verdict())
}

/// The rules so far, by their guarantee: its number tells how many digits it has.
#[derive(Debug, Default)]
struct Rules(BTreeMap<(usize, &'static str, &'static str), Judgement>);

impl Rules {
    fn of(&mut self, guarantee: &'static str, rule: &'static str) -> &mut Judgement {
        let key = (guarantee.len(), guarantee, rule);
        self.0.entry(key).or_insert(Judgement {
            guarantee,
            rule,
            broken: 0,
            examples: Vec::new(),
        })
    }

    fn verdict(self) -> AuditVerdict {
        let rules: Vec<Judgement> = self.0.into_values().collect();
        let holds = rules.iter().all(|judgement| judgement.broken == 0);
        AuditVerdict { holds, rules }
    }
}

impl Judgement {
    fn add(&mut self, finding: Finding) {
        self.broken = self.broken.saturating_add(finding.total);
        self.show(finding);
    }

    /// What one statement found: it says how many there are, and shows the first of them.
    fn add_all(&mut self, findings: Vec<Finding>) {
        let total = findings.first().map_or(0, |finding| finding.total);
        self.broken = self.broken.saturating_add(total);
        for finding in findings {
            self.show(finding);
        }
    }

    fn show(&mut self, finding: Finding) {
        if i64::try_from(self.examples.len()).is_ok_and(|shown| shown < SHOWN) {
            self.examples.push(finding);
        }
    }
}
