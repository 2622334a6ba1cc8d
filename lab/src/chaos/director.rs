//! Who does what next, and what befalls him: one step after the other, all of it decided by the seed.

use std::collections::{BTreeMap, VecDeque};
use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use chrono::{Datelike, TimeDelta};
use mandated::cli::Failure;
use mandated::domain::Timestamp;
use mandated::engine::job::Worker;
use mandated::engine::{lane, log_values, simulation};
use mandated::store::StoreError;
use mandated::store::claim::Claimed;
use mandated::store::monitor::{UpcomingWork, upcoming_work};
use mandated::store::pool::DatabasePool;

use super::args::Chaos;
use super::daemon::{ChaosEnvironment, Daemon};
use super::incident::{self, Incident, Statement};
use super::older::Older;
use crate::figures;
use crate::postgres::PrivatePostgres;
use crate::seeded_rng::SeededRng;

/// Simulated time moves in multiples of this.
const STEP: Duration = Duration::from_mins(5);
/// How long a lease lasts: the default of `worker.lease`.
const LEASE: TimeDelta = TimeDelta::seconds(150);
/// A request that a killed daemon had sent reaches the provider so much later.
const ON_THE_WIRE: TimeDelta = TimeDelta::seconds(60);
/// The peace after the last cycle, in which everything must come to its end.
pub(super) const PEACE: TimeDelta = TimeDelta::days(75);
/// Steps in one run before something must have gone round in circles.
const TOO_MANY_IDLE: u32 = 1_000;

pub(super) struct Director<'a> {
    pub(super) environment: ChaosEnvironment<'a>,
    pub(super) postgres: &'a mut PrivatePostgres,
    /// The director's own way to the database, which is never cut.
    pub(super) pool: DatabasePool,
    pub(super) daemons: Vec<Daemon>,
    pub(super) rng: SeededRng,
    /// The true time.
    pub(super) now: Timestamp,
    end: Timestamp,
    incidents: VecDeque<(Timestamp, Incident)>,
    /// Workers whose leases nobody will settle.
    pub(super) lost: Vec<LostWorker>,
    started: u32,
    /// How many daemons there are.
    pub(super) asked_daemons: u8,
    pub(super) older: Older,
    pub(super) log: ChaosLog,
}

/// A worker that lost what it had leased.
pub(super) struct LostWorker {
    pub(super) worker: String,
    pub(super) at: Timestamp,
    /// Its leases were ended: what the same worker has leased since is another matter.
    pub(super) ended: bool,
    /// A call of it that is still on its way to the provider.
    pub(super) late: Option<(Worker, Claimed)>,
}

/// The events of a run, and the database at its end.
pub(super) struct Lived {
    pub(super) log: ChaosLog,
    pub(super) pool: DatabasePool,
    pub(super) database: String,
}

/// What happened, for the report.
#[derive(Debug, Default)]
pub(super) struct ChaosLog {
    pub(super) incidents: BTreeMap<&'static str, u64>,
    /// Incidents that found nothing to befall.
    pub(super) left: usize,
    pub(super) until: Timestamp,
}

impl ChaosLog {
    pub(super) fn count(&mut self, words: &'static str) {
        let times = self.incidents.entry(words).or_default();
        *times = times.saturating_add(1);
    }
}

impl<'a> Director<'a> {
    pub(super) async fn new(
        chaos: &Chaos,
        environment: ChaosEnvironment<'a>,
        postgres: &'a mut PrivatePostgres,
        pool: DatabasePool,
        (start, end): (Timestamp, Timestamp),
    ) -> Result<Self, Failure> {
        let mut director = Self {
            environment,
            postgres,
            pool,
            daemons: Vec::new(),
            rng: SeededRng::new(chaos.seed),
            now: start,
            end,
            incidents: incident::draw(chaos, start, end),
            lost: Vec::new(),
            started: 0,
            asked_daemons: chaos.daemons,
            older: Older::default(),
            log: ChaosLog::default(),
        };
        for _ in 0..chaos.daemons {
            let daemon = director.start_daemon().await?;
            director.daemons.push(daemon);
        }
        Ok(director)
    }

    pub(super) async fn start_daemon(&mut self) -> Result<Daemon, Failure> {
        self.started = self.started.saturating_add(1);
        Daemon::start(&self.environment, format!("daemon-{}", self.started)).await
    }

    /// From the first day to the end of everything.
    pub(super) async fn live(mut self, silent: bool) -> Result<Lived, Failure> {
        let (mut day, mut idle) = (None, 0_u32);
        let limit = self.end.checked_add_signed(PEACE).unwrap_or(self.end);
        while self.now < limit {
            if day != Some(self.now.ordinal()) {
                day = Some(self.now.ordinal());
                self.say(silent)?;
                self.clean_up().await?;
            }
            if self.now >= self.end {
                self.environment.sandbox.calm();
            }
            self.forget().await?;
            self.submit_operator_requests().await?;
            self.late_calls().await;
            self.bury().await?;
            self.wake().await?;
            let upcoming_work = upcoming_work(&self.pool, None, self.now).await?;
            let progress = if upcoming_work.plan_at.is_some_and(|at| at <= self.now) {
                self.plan().await?
            } else if upcoming_work.due.is_empty() {
                false
            } else {
                self.round(&upcoming_work.due).await?
            };
            if progress {
                idle = 0;
                continue;
            }
            idle = idle.saturating_add(1);
            if idle > TOO_MANY_IDLE {
                return Err(Failure::from(anyhow::anyhow!(
                    "nothing moves at {}: {upcoming_work:?}",
                    self.now
                )));
            }
            match self.next(&upcoming_work) {
                Some(next) => {
                    if next > self.now {
                        idle = idle.min(TOO_MANY_IDLE / 2);
                    }
                    self.now = next;
                }
                None => break,
            }
        }
        self.environment.sandbox.settle(self.now);
        self.log.left = self.incidents.len();
        self.log.until = self.now;
        Ok(Lived {
            log: self.log,
            pool: self.pool,
            database: self.environment.database,
        })
    }

    /// The next instant at which something is to be done.
    fn next(&self, upcoming_work: &UpcomingWork) -> Option<Timestamp> {
        let lost = self.lost.iter().filter_map(|lost| {
            let wait = if lost.late.is_some() {
                ON_THE_WIRE
            } else {
                LEASE
            };
            lost.at.checked_add_signed(wait)
        });
        let frozen = self
            .daemons
            .iter()
            .filter_map(|daemon| daemon.frozen.as_ref())
            .map(|frozen| frozen.until);
        let next = upcoming_work
            .job_at
            .into_iter()
            .chain(upcoming_work.plan_at)
            .chain(lost)
            .chain(frozen)
            .min()?;
        let soonest = self
            .now
            .checked_add_signed(TimeDelta::from_std(STEP).ok()?)?;
        Some(simulation::round_up(next.max(soonest), STEP))
    }

    /// Takes the next incident whose time has come, if it is one that this can have.
    pub(super) fn incident(&mut self, fits: impl Fn(Incident) -> bool) -> Option<Incident> {
        let index = self
            .incidents
            .iter()
            .take_while(|(at, _)| *at <= self.now)
            .position(|(_, incident)| fits(*incident))?;
        let (_, incident) = self.incidents.remove(index)?;
        self.log.count(incident.words());
        Some(incident)
    }

    /// One daemon that is awake, its clock set.
    pub(super) fn somebody(&mut self) -> Option<usize> {
        let awake: Vec<usize> = self
            .daemons
            .iter()
            .enumerate()
            .filter(|(_, daemon)| daemon.frozen.is_none())
            .map(|(index, _)| index)
            .collect();
        let index = self.rng.pick(&awake, awake.first().copied()?);
        if let Some(Incident::ClockStep(skew)) =
            self.incident(|incident| matches!(incident, Incident::ClockStep(_)))
            && let Some(daemon) = self.daemons.get_mut(index)
        {
            daemon.skew = skew;
        }
        self.daemons.get(index)?.look_at_the_clock(self.now);
        Some(index)
    }

    /// Cuts the wire of a daemon at its next statement, if it is time for that.
    pub(super) fn cut(&mut self, index: usize, statement: Statement) {
        let here = |incident| matches!(incident, Incident::Cut(at, _) if at == statement);
        if let Some(Incident::Cut(_, cut)) = self.incident(here)
            && let Some(daemon) = self.daemons.get(index)
        {
            daemon.wire.cut(cut);
        }
    }

    /// One turn of a planner. Whether anything was planned, or could not be.
    async fn plan(&mut self) -> Result<bool, Failure> {
        let Some(index) = self.somebody() else {
            return Ok(false);
        };
        self.cut(index, Statement::Plan);
        let Some(daemon) = self.daemons.get(index) else {
            return Ok(false);
        };
        match daemon.engine.planner().tick().await {
            Ok(planned) => Ok(planned > 0),
            Err(problem) => self.survived(&problem).map(|()| true),
        }
    }

    /// What a loop does with an error: it says so, and tries again at its next turn.
    pub(super) fn survived(&mut self, problem: &StoreError) -> Result<(), Failure> {
        if problem.is_about_the_data() {
            return Err(Failure::from(anyhow::anyhow!(
                "at {}, the database refused what a daemon wrote: {}",
                self.now,
                log_values::chain(problem)
            )));
        }
        self.log.count("statements that failed");
        Ok(())
    }

    /// Calls of killed daemons that reach the provider now.
    pub(super) async fn late_calls(&mut self) {
        for lost in &mut self.lost {
            let arrived = lost.at.checked_add_signed(ON_THE_WIRE);
            if arrived.is_none_or(|at| at > self.now) {
                continue;
            }
            if let Some((worker, claimed)) = lost.late.take() {
                worker.clock.step_to(self.now);
                let deadline = tokio::time::Instant::now().checked_add(worker.lease);
                // Nobody hears the answer.
                drop(Box::pin(lane::work(&worker, claimed, deadline)).await);
                self.log
                    .count("calls that arrived after their daemon was killed");
            }
        }
    }

    /// Ends the leases of lost workers when their time has passed, and lets somebody find them.
    async fn bury(&mut self) -> Result<(), Failure> {
        let now = self.now;
        let over = |lost: &LostWorker| {
            let end = lost.at.checked_add_signed(LEASE);
            end.is_none_or(|end| end <= now)
        };
        if !self.lost.iter().any(over) {
            return Ok(());
        }
        for lost in &mut self.lost {
            if over(lost) && !lost.ended {
                lost.ended = figures::end_leases(&self.pool, &lost.worker).await?;
            }
        }
        let Some(index) = self.somebody() else {
            return Ok(());
        };
        self.cut(index, Statement::Rescue);
        let Some(daemon) = self.daemons.get(index) else {
            return Ok(());
        };
        match daemon.engine.rescuer().tick().await {
            Ok(_) => self.lost.retain(|lost| !over(lost) || !lost.ended),
            // They are found at the next turn.
            Err(problem) => self.survived(&problem)?,
        }
        Ok(())
    }

    async fn clean_up(&mut self) -> Result<(), Failure> {
        let Some(index) = self.somebody() else {
            return Ok(());
        };
        let Some(daemon) = self.daemons.get(index) else {
            return Ok(());
        };
        match daemon.engine.retention().tick().await {
            Ok(()) => Ok(()),
            Err(problem) => self.survived(&problem),
        }
    }

    fn say(&self, silent: bool) -> Result<(), anyhow::Error> {
        if silent || !std::io::stderr().is_terminal() && self.now.day0().checked_rem(5) != Some(0) {
            return Ok(());
        }
        writeln!(std::io::stderr(), "{}", self.now.date_naive()).context("write the progress")
    }
}
