//! `audit`: are the guarantees kept? Derived from the database alone, with counter-examples.

mod arrows;
mod calendar;

use std::io::{self, Write};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;
use sqlx::PgPool;

use crate::admin::AdminError;
use crate::admin::error::step;
use crate::admin::output::{Table, write_json};
use crate::admin::text::Format;
use crate::domain::Instant;
use crate::store;
use crate::store::audit::{Finding, Scope};

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
            .saturating_add(3),
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
    rules.push(calendar::windows(&mut conn).await?);
    progress.inc(1);
    rules.push(calendar::cycles(&mut conn, now).await?);
    progress.inc(1);
    rules.push(arrows::arrows(&mut conn).await?);
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

impl Verdict {
    /// Prints it: every rule, then the counter-examples.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        let mut shown = Table::new(["", "rule", "verdict"]);
        for judgement in &self.rules {
            let verdict = match judgement.broken {
                0 => "holds".to_owned(),
                broken => format!("BROKEN {broken}"),
            };
            shown.row([judgement.guarantee, judgement.rule, &verdict]);
        }
        shown.write(out)?;
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
