//! The daemons of the chaos as processes of their own: `mandated run`, killed with SIGKILL, stopped with SIGSTOP, and started again as
//! a service manager would.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use chrono::SecondsFormat;
use mandated::cli::{EXIT_CONFIG, Failure};
use mandated::domain::Timestamp;
use mandated::store::pool::DatabasePool;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::args::Chaos;
use super::daemon::ChaosEnvironment;
use super::director::{ChaosLog, PEACE};
use super::incident::{self, Incident};
use crate::environment;
use crate::figures::{end_leases, leased};
use crate::postgres::PrivatePostgres;
use crate::postgres::Wire;
use crate::seeded_rng::SeededRng;

/// The shortest that the configuration allows with a timeout of a second, and a margin.
const LEASE: Duration = Duration::from_secs(13);
/// How often the director looks.
const TURN: Duration = Duration::from_millis(10);
/// Nothing has happened for so long: something waits for ever.
const PATIENCE: Duration = Duration::from_mins(3);

pub(super) struct Processes<'a> {
    /// The program `mandated`.
    program: PathBuf,
    environment: ChaosEnvironment<'a>,
    postgres: &'a mut PrivatePostgres,
    pool: DatabasePool,
    end: Timestamp,
    rng: SeededRng,
    incidents: VecDeque<(Timestamp, Incident)>,
    daemons: Vec<Process>,
    started: u32,
    log: ChaosLog,
}

struct Process {
    /// The worker id.
    name: String,
    child: Child,
    wire: Wire,
    frozen_until: Option<tokio::time::Instant>,
    ended: bool,
}

impl Process {
    fn signal(&self, signal: Signal) -> Result<(), anyhow::Error> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = id
            .and_then(Pid::from_raw)
            .context("find the process of a daemon")?;
        kill_process(pid, signal).context("send a signal to a daemon")
    }

    const fn is_at_work(&self) -> bool {
        !self.ended && self.frozen_until.is_none()
    }
}

impl<'a> Processes<'a> {
    pub(super) fn new(
        chaos: &Chaos,
        environment: ChaosEnvironment<'a>,
        postgres: &'a mut PrivatePostgres,
        pool: DatabasePool,
        end: Timestamp,
    ) -> Result<Self, Failure> {
        let mut incidents = incident::draw(chaos, environment.start, end);
        // One database, which they share from the first day to the last. A process reads the machine's clock for itself, and its calls cannot be told apart from here; nor can its time, for an operator
        // request.
        incidents.retain(|(_, incident)| {
            !matches!(
                incident,
                Incident::Dump(_)
                    | Incident::Restore(_)
                    | Incident::Copy
                    | Incident::FallBehind(_)
                    | Incident::FailOver(_)
                    | Incident::ClockStep(_)
                    | Incident::Slow
                    | Incident::OperatorRequest(..)
                    | Incident::PauseRail(..)
            )
        });
        Ok(Self {
            program: program(chaos)?,
            environment,
            postgres,
            pool,
            end,
            rng: SeededRng::new(chaos.seed),
            incidents,
            daemons: Vec::new(),
            started: 0,
            log: ChaosLog::default(),
        })
    }

    /// From the first day to the end of everything.
    pub(super) async fn live(mut self, daemons: u8) -> Result<ChaosLog, Failure> {
        for _ in 0..daemons {
            let daemon = self.start().await?;
            self.daemons.push(daemon);
        }
        let mut moved = (self.now(), tokio::time::Instant::now());
        while self.daemons.iter().any(|daemon| !daemon.ended) {
            tokio::time::sleep(TURN).await;
            let now = self.now();
            if now >= self.end {
                self.environment.sandbox.calm();
            }
            self.wake()?;
            self.start_again().await?;
            if self.incidents.front().is_some_and(|(at, _)| *at <= now)
                && leased(&self.pool).await? > 0
                && let Some((_, incident)) = self.incidents.pop_front()
            {
                let words = self.befall(incident)?;
                self.log.count(words);
            }
            if now > moved.0 {
                moved = (now, tokio::time::Instant::now());
            } else if moved.1.elapsed() > PATIENCE {
                return Err(Failure::from(anyhow::anyhow!("nothing moves at {now}")));
            }
        }
        self.log.left = self.incidents.len();
        self.log.until = self.until();
        self.environment.sandbox.settle(self.log.until);
        Ok(self.log)
    }

    fn now(&self) -> Timestamp {
        self.environment
            .sandbox
            .latest()
            .unwrap_or(self.environment.start)
    }

    fn until(&self) -> Timestamp {
        self.end.checked_add_signed(PEACE).unwrap_or(self.end)
    }

    /// A process with a wire of its own, at the time that the others have come to.
    async fn start(&mut self) -> Result<Process, Failure> {
        self.started = self.started.saturating_add(1);
        let wire = Wire::lay(self.environment.postgres_port)
            .await
            .context("lay a wire to Postgres")?;
        let url = self.environment.url(&wire);
        let name = format!("daemon-{}", self.started);
        let end = self.until().to_rfc3339_opts(SecondsFormat::Secs, true);
        let lease = format!("{}s", LEASE.as_secs());
        let more = [
            ("WORKER__ID", name.as_str()),
            ("WORKER__LEASE", lease.as_str()),
            ("WORKER__DRAIN_TIMEOUT", "5s"),
            ("CLOCK__END", end.as_str()),
            ("CLOCK__STEP", "5m"),
            ("LISTEN__ADDRESS", "127.0.0.1:0"),
            ("DATABASE__CONNECT_TIMEOUT", "1s"),
            ("DATABASE__STATEMENT_TIMEOUT", "10s"),
            ("ACCOUNTS__JUSPAY_MAIN__TIMEOUT", "1s"),
            ("ACCOUNTS__SIGNZY_MAIN__TIMEOUT", "1s"),
        ];
        let variables = environment::variables(&url, self.environment.sandbox, self.now(), &more);
        let child = Command::new(&self.program)
            .arg("run")
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .context("start a daemon")?;
        Ok(Process {
            name,
            child,
            wire,
            frozen_until: None,
            ended: false,
        })
    }

    /// Starts what has ended before the end of time again.
    async fn start_again(&mut self) -> Result<(), Failure> {
        for index in 0..self.daemons.len() {
            let Some(daemon) = self.daemons.get_mut(index) else {
                continue;
            };
            if daemon.ended {
                continue;
            }
            match daemon.child.try_wait().context("ask after a daemon")? {
                None => {}
                Some(status) if status.success() => daemon.ended = true,
                Some(status) if status.code() == Some(i32::from(EXIT_CONFIG)) => {
                    return Err(Failure::from(anyhow::anyhow!("a daemon refuses to run")));
                }
                Some(status) => {
                    // A process that is gone wakes up no more: its leases need not run out in real time.
                    end_leases(&self.pool, &daemon.name).await?;
                    self.log.count(words(status));
                    let fresh = self.start().await?;
                    if let Some(slot) = self.daemons.get_mut(index) {
                        *slot = fresh;
                    }
                }
            }
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<(), Failure> {
        for daemon in &mut self.daemons {
            let due = daemon
                .frozen_until
                .is_some_and(|until| until <= tokio::time::Instant::now());
            if due {
                daemon.frozen_until = None;
                daemon.signal(Signal::CONT)?;
            }
        }
        Ok(())
    }

    /// Lets it happen to somebody who is at work; what it was, for the report.
    fn befall(&mut self, incident: Incident) -> Result<&'static str, Failure> {
        let at_work: Vec<usize> = self
            .daemons
            .iter()
            .enumerate()
            .filter(|(_, daemon)| daemon.is_at_work())
            .map(|(index, _)| index)
            .collect();
        let index = self.rng.pick(&at_work, 0);
        let Some(daemon) = self.daemons.get_mut(index).filter(|one| one.is_at_work()) else {
            return Ok("incidents that found every daemon frozen");
        };
        Ok(match incident {
            Incident::Kill(_) => {
                daemon.signal(Signal::KILL)?;
                "daemons killed with SIGKILL"
            }
            Incident::Freeze(..) => {
                daemon.signal(Signal::STOP)?;
                let longer = LEASE.saturating_add(Duration::from_secs(1));
                daemon.frozen_until = tokio::time::Instant::now().checked_add(longer);
                "daemons stopped with SIGSTOP past their leases"
            }
            Incident::Restart(_) => {
                let failed = |error| Failure::hinted(error, "look at the private Postgres");
                self.postgres.stop_hard().map_err(failed)?;
                self.postgres.restart().map_err(failed)?;
                incident.words()
            }
            Incident::Cut(_, cut) => {
                daemon.wire.cut(cut);
                incident.words()
            }
            Incident::Dump(_)
            | Incident::Restore(_)
            | Incident::Copy
            | Incident::FallBehind(_)
            | Incident::FailOver(_)
            | Incident::ClockStep(_)
            | Incident::Slow
            | Incident::OperatorRequest(..)
            | Incident::PauseRail(..) => incident.words(),
        })
    }
}

/// The daemon's program: the one that was named, else the one beside ours.
fn program(chaos: &Chaos) -> Result<PathBuf, Failure> {
    let program = match &chaos.daemon {
        Some(path) => path.clone(),
        None => std::env::current_exe()
            .context("find this program")?
            .with_file_name("mandated"),
    };
    if program.is_file() {
        return Ok(program);
    }
    let error = anyhow::anyhow!("there is no daemon at {}", program.display());
    let hint = "build it (`cargo build --package mandated`, with the profile of this program), or name it with --daemon PATH";
    Err(Failure::anyhow(error, hint))
}

fn words(status: ExitStatus) -> &'static str {
    if status.code().is_some() {
        "daemons that ended by themselves and were started again"
    } else {
        "processes started in the place of killed ones"
    }
}
