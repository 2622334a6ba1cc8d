//! What the comparison came to, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::ask::Came;
use super::judge::Judged;
use crate::admin::output::write_json;
use crate::admin::text::Format;

/// How many examples of each kind are shown.
const SHOWN: usize = 20;

/// Something about one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    pub execution_id: i64,
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
    /// Executions all of whose orders were asked about and answered.
    pub compared: u64,
    /// Where the provider's record and ours contradict each other.
    pub findings: Cases,
    /// Decided there and open here: the next look of a worker settles it.
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

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for Case {
            execution_id,
            guarantee,
            detail,
        } in &self.examples
        {
            let guarantee = guarantee.map_or_else(String::new, |guarantee| format!("{guarantee} "));
            writeln!(out, "  {guarantee}execution {execution_id}: {detail}")?;
        }
        Ok(())
    }
}

impl Comparison {
    pub(super) fn add(&mut self, came: Came) {
        match came {
            Came::Compared {
                execution_id,
                judged,
            } => {
                self.compared = self.compared.saturating_add(1);
                self.judged(execution_id, judged);
            }
            Came::NotAsked {
                execution_id,
                why,
                judged,
            } => {
                count(&mut self.not_asked, why);
                self.judged(execution_id, judged);
            }
            Came::NotAnswered {
                execution_id,
                why,
                judged,
            } => {
                count(&mut self.not_answered, why);
                self.judged(execution_id, judged);
            }
        }
    }

    fn judged(&mut self, execution_id: i64, judged: Judged) {
        for (guarantee, detail) in judged.findings {
            self.findings.add(Case {
                execution_id,
                guarantee: Some(guarantee),
                detail,
            });
        }
        for detail in judged.open {
            self.open.add(Case {
                execution_id,
                guarantee: None,
                detail,
            });
        }
    }

    /// Whether nothing contradicts.
    pub const fn agrees(&self) -> bool {
        self.findings.count == 0
    }

    /// Whether everything that was asked was answered.
    pub fn is_answered(&self) -> bool {
        self.not_answered.is_empty()
    }

    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        let Self {
            compared,
            findings,
            open,
            not_asked,
            not_answered,
        } = self;
        writeln!(out, "\n{compared} executions compared with their providers")?;
        if findings.count > 0 {
            writeln!(out, "\ncontradicted {} times:", findings.count)?;
            findings.write(out)?;
        }
        if open.count > 0 {
            let count = open.count;
            writeln!(
                out,
                "\n{count} decided there and open here, which is no contradiction:"
            )?;
            open.write(out)?;
        }
        for (what, reasons) in [("not asked", not_asked), ("not answered", not_answered)] {
            for (why, count) in reasons {
                writeln!(out, "{what}: {count}, {why}")?;
            }
        }
        if !not_asked.is_empty() || !not_answered.is_empty() {
            writeln!(
                out,
                "\nNOT EVERYTHING COULD BE COMPARED: run it again later."
            )?;
        }
        let verdict = match (self.agrees(), *compared) {
            (false, _) => "THE PROVIDER CONTRADICTS OUR RECORD.",
            (true, 0) => "Nothing was compared.",
            (true, _) => "The providers say the same of everything that was compared.",
        };
        writeln!(out, "\n{verdict}")
    }
}

fn count(reasons: &mut BTreeMap<&'static str, u64>, why: &'static str) {
    let times = reasons.entry(why).or_default();
    *times = times.saturating_add(1);
}
