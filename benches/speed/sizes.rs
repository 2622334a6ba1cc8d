//! What is measured, and how much of it.

use std::fmt;

use clap::{Parser, ValueEnum};

/// One measurement or a few that share their rows, in the order in which they run: the quick and important ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Store,
    Pgbench,
    Engine,
    Daemons,
    Snapshot,
    Planner,
    Import,
    Bloat,
    Cost,
    Large,
    Latency,
}

impl Part {
    pub(crate) const ALL: &[Self] = &[
        Self::Store,
        Self::Pgbench,
        Self::Engine,
        Self::Daemons,
        Self::Snapshot,
        Self::Planner,
        Self::Import,
        Self::Bloat,
        Self::Cost,
        Self::Large,
        Self::Latency,
    ];

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Store => "claim and settle against the same statements sent by a bare loop",
            Self::Pgbench => "a general job table, driven by pgbench",
            Self::Engine => {
                "the daemon against the sandbox, and a bare loop that sends the same requests"
            }
            Self::Daemons => "one, two and four daemons on one table",
            Self::Snapshot => "claim and settle beside a snapshot that is held open",
            Self::Planner => "the planner",
            Self::Import => "the import",
            Self::Bloat => "an hour's work in fast motion",
            Self::Cost => "what an execution costs, the more rows there are; memory",
            Self::Large => "claim and settle beside millions of future jobs and old attempts",
            Self::Latency => "a thousand jobs become due each second",
        }
    }
}

/// What to measure, and how much of it
#[derive(Debug, Clone, Parser)]
pub(crate) struct Sizes {
    /// Only these
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) only: Vec<Part>,
    /// All of it small, in a minute or two: to see that it works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Jobs claimed and settled in each run in batches of 500; half as many in the others
    #[arg(long, default_value_t = 200_000)]
    pub(crate) rows: i64,
    /// Executions collected over HTTP in each run
    #[arg(long, default_value_t = 40_000)]
    pub(crate) calls: i64,
    /// Future jobs, old attempts, and mandates beside them
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) future: i64,
    /// Executions collected while memory is watched
    #[arg(long, default_value_t = 100_000)]
    pub(crate) watched: i64,
    /// Mandates planned, and mandates imported
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) mandates: i64,
    /// Workers that claim and settle at the same time
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: usize,
    /// Calls under way at once
    #[arg(long, default_value_t = 256)]
    pub(crate) in_flight: usize,
    /// Runs of each kind where a run is short, taken in turn; the best of each counts
    #[arg(long, default_value_t = 2)]
    pub(crate) rounds: u32,
    /// Seconds in which a thousand jobs each become due
    #[arg(long, default_value_t = 20)]
    pub(crate) seconds: i64,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

impl Sizes {
    /// A fiftieth of everything, when it is to be quick.
    pub(crate) fn scaled(self) -> Self {
        if !self.quick {
            return self;
        }
        let part = |number: i64| number.checked_div(50).unwrap_or(number).max(1000);
        Self {
            rows: part(self.rows),
            calls: part(self.calls),
            future: part(self.future),
            watched: part(self.watched),
            mandates: part(self.mandates),
            rounds: 1,
            seconds: 3,
            ..self
        }
    }

    /// Enough for a floor, and where it matters what is beside the rows and not how many there are.
    pub(crate) fn half(&self) -> i64 {
        self.rows.checked_div(2).unwrap_or(self.rows)
    }

    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Runs of {} or half as many by {} workers, of {} over HTTP; the best of {}, in turn",
            self.rows, self.workers, self.calls, self.rounds
        )
    }
}
