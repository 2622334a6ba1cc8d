//! What the comparison came to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ask::ComparisonResult;
use super::judge::Judged;
use crate::store::audit::orders::Candidate;

/// How many examples of each kind are shown.
const SHOWN: usize = 20;

/// Something about one execution, or about a mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandate_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<&'static str>,
    pub detail: String,
}

/// Cases of one kind: all are counted, the first are shown.
#[derive(Debug, Default, Serialize)]
pub struct Cases {
    pub count: u64,
    pub examples: Vec<Case>,
}

/// What the providers say of our orders.
#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    /// All executions, of the mandate that was asked about or of all of them.
    pub executions: u64,
    /// Executions all of whose orders were asked about and answered.
    pub compared: u64,
    /// All others: nothing is proven of them, or not of all of their orders.
    pub not_compared: u64,
    /// Mandates whose payments the provider has listed: each is some execution's, or a finding.
    pub mandates_compared: u64,
    /// Mandates whose provider lists no payments: their orders alone were compared.
    pub mandates_without_list: u64,
    /// Where the provider's record and ours contradict each other.
    pub findings: Cases,
    /// Decided there and open here: the next look-up of a worker settles it.
    pub open: Cases,
    /// Executions that could not be asked about, by the reason.
    pub not_asked: BTreeMap<&'static str, u64>,
    /// Executions about which no answer came, by the reason.
    pub not_answered: BTreeMap<&'static str, u64>,
}

impl Cases {
    fn add(&mut self, case: Case) {
        self.count = self.count.saturating_add(1);
        if self.examples.len() < SHOWN {
            self.examples.push(case);
        }
    }
}

impl Comparison {
    /// Counts executions that are not asked about, and returns the others.
    pub(super) fn leave_out(&mut self, candidates: Vec<Candidate>) -> Vec<i64> {
        let mut ids = Vec::new();
        for candidate in candidates {
            self.executions = self.executions.saturating_add(1);
            let why = match (candidate.is_old, candidate.is_unsent) {
                (true, _) => "too old: it has not changed within --since",
                (false, true) => "no order of it was sent",
                (false, false) => {
                    ids.push(candidate.id);
                    continue;
                }
            };
            self.not_compared = self.not_compared.saturating_add(1);
            count(&mut self.not_asked, why);
        }
        ids
    }

    pub(super) fn add(&mut self, result: ComparisonResult) {
        match result {
            ComparisonResult::Compared {
                execution_id,
                judged,
            } => {
                self.compared = self.compared.saturating_add(1);
                self.judged(execution_id, judged);
            }
            ComparisonResult::NotAsked {
                execution_id,
                why,
                judged,
            } => {
                self.not_compared = self.not_compared.saturating_add(1);
                count(&mut self.not_asked, why);
                self.judged(execution_id, judged);
            }
            ComparisonResult::NotAnswered {
                execution_id,
                why,
                judged,
            } => {
                self.not_compared = self.not_compared.saturating_add(1);
                count(&mut self.not_answered, why);
                self.judged(execution_id, judged);
            }
        }
    }

    fn judged(&mut self, execution_id: i64, judged: Judged) {
        for (guarantee, detail) in judged.findings {
            self.findings.add(Case {
                execution_id: Some(execution_id),
                mandate_ref: None,
                guarantee: Some(guarantee),
                detail,
            });
        }
        for detail in judged.open {
            self.open.add(Case {
                execution_id: Some(execution_id),
                mandate_ref: None,
                guarantee: None,
                detail,
            });
        }
    }

    pub(super) fn payments_compared(&mut self, unowned: Vec<(&str, String)>) {
        self.mandates_compared = self.mandates_compared.saturating_add(1);
        for (reference, detail) in unowned {
            self.findings.add(Case {
                execution_id: None,
                mandate_ref: Some(reference.to_owned()),
                guarantee: Some("G1"),
                detail,
            });
        }
    }

    pub(super) const fn payments_not_asked(&mut self) {
        self.mandates_without_list = self.mandates_without_list.saturating_add(1);
    }

    pub(super) fn payments_not_listed(&mut self, why: &'static str) {
        count(&mut self.not_answered, why);
    }

    /// Whether nothing contradicts.
    pub const fn agrees(&self) -> bool {
        self.findings.count == 0
    }

    /// Whether everything that was asked was answered.
    pub fn is_answered(&self) -> bool {
        self.not_answered.is_empty()
    }
}

fn count(reasons: &mut BTreeMap<&'static str, u64>, why: &'static str) {
    let times = reasons.entry(why).or_default();
    *times = times.saturating_add(1);
}
