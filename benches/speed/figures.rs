//! The figures: a line each as they come, the table in the end, and the same as JSON.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use mandated::cli::print::Table;
use serde::Serialize;

use crate::machine::Machine;

/// Things done, and how long that took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) count: i64,
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn rate(self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }
}

/// The fastest: other load on the machine only ever makes a run slower.
pub(crate) fn best(runs: &[Run]) -> f64 {
    runs.iter().map(|run| run.rate()).fold(0.0, f64::max)
}

/// What DESIGN.md §13 asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    Nothing,
    /// Of the floor.
    Ratio(f64),
    AtLeast(f64),
    AtMost(f64),
}

/// What it is held against, measured in the same run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Floor {
    pub(crate) what: &'static str,
    pub(crate) value: f64,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    floor: Option<Floor>,
    ratio: Option<f64>,
    goal: String,
    met: Option<bool>,
}

impl Figure {
    pub(crate) fn new(
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        floor: Option<Floor>,
        goal: Goal,
    ) -> Self {
        let ratio = floor.as_ref().map(|floor| value / floor.value);
        let (goal, met) = match goal {
            Goal::Nothing => (String::new(), None),
            Goal::Ratio(least) => (format!("ratio {least}"), ratio.map(|ratio| ratio >= least)),
            Goal::AtLeast(least) => (format!("at least {}", plain(least)), Some(value >= least)),
            Goal::AtMost(most) => (format!("at most {}", plain(most)), Some(value <= most)),
        };
        Self {
            what: what.into(),
            value,
            unit,
            floor,
            ratio,
            goal,
            met,
        }
    }

    fn cells(&self) -> [String; 7] {
        let floor = self.floor.as_ref();
        [
            self.what.clone(),
            format!("{} {}", plain(self.value), self.unit),
            floor.map_or_else(String::new, |floor| plain(floor.value)),
            self.ratio
                .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            self.goal.clone(),
            match self.met {
                None => "",
                Some(true) => "met",
                Some(false) => "MISSED",
            }
            .to_owned(),
            floor.map_or_else(String::new, |floor| floor.what.to_owned()),
        ]
    }
}

/// As many digits as mean something.
fn plain(value: f64) -> String {
    if value >= 100.0 || value.fract() <= 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// What one execution costs, beside so many rows.
#[derive(Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) rows: i64,
    pub(crate) rate: f64,
    pub(crate) daemon_us: f64,
    pub(crate) postgres_us: f64,
    pub(crate) sandbox_us: f64,
    pub(crate) wal_bytes: f64,
    pub(crate) round_trips: f64,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    lines: Vec<Figure>,
    costs: Vec<Cost>,
    /// What the auditor says of each database.
    audits: Vec<String>,
    holds: bool,
}

impl Figures {
    pub(crate) fn add(&mut self, figure: Figure) -> io::Result<()> {
        writeln!(io::stderr(), "    {}", figure.cells().join("  "))?;
        self.lines.push(figure);
        Ok(())
    }

    pub(crate) fn add_cost(&mut self, cost: Cost) -> io::Result<()> {
        writeln!(io::stderr(), "    {cost:.3?}")?;
        self.costs.push(cost);
        Ok(())
    }

    pub(crate) fn add_audits(&mut self, audits: Vec<String>, holds: bool) {
        self.audits = audits;
        self.holds = holds;
    }

    pub(crate) fn write(&self, machine: &Machine, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{machine}")?;
        let mut table = Table::new([
            "what",
            "measured",
            "floor",
            "ratio",
            "goal",
            "",
            "the floor",
        ]);
        for column in 1..4 {
            table = table.right(column);
        }
        for figure in &self.lines {
            table.row(figure.cells());
        }
        table.write(out)?;
        if !self.costs.is_empty() {
            self.write_costs(out)?;
        }
        writeln!(out)?;
        self.audits
            .iter()
            .try_for_each(|audit| writeln!(out, "{audit}"))
    }

    fn write_costs(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nOne execution, collected over HTTP, costs:")?;
        let mut table = Table::new([
            "beside rows",
            "a second",
            "daemon us",
            "Postgres us",
            "sandbox us",
            "WAL bytes",
            "round trips",
        ]);
        for column in 0..7 {
            table = table.right(column);
        }
        for cost in &self.costs {
            table.row([
                cost.rows.to_string(),
                plain(cost.rate),
                plain(cost.daemon_us),
                plain(cost.postgres_us),
                plain(cost.sandbox_us),
                plain(cost.wal_bytes),
                format!("{:.3}", cost.round_trips),
            ]);
        }
        table.write(out)
    }

    /// The same for programs, in `target/bench.json`.
    pub(crate) fn save(&self, machine: &Machine) -> anyhow::Result<()> {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "target", "bench.json"]
            .iter()
            .collect();
        let json = serde_json::json!({ "machine": machine, "results": self });
        std::fs::write(&path, format!("{json:#}\n")).context("write target/bench.json")
    }
}
