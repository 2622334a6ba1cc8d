//! A database that forgets in the middle of the chaos: it is replaced by an older dump of itself, it fails over to a replica that had not
//! received its last commits, or a copy of it is started beside it. Each time the operator does what the runbook says.

use anyhow::Context;
use chrono::TimeDelta;
use mandated::cli::Failure;
use mandated::clock::Clock;
use mandated::compose::{self, ComposeError, engine};
use mandated::domain::Timestamp;
use mandated::ops::recover::{RecoveryRequest, recover};
use mandated::store::StoreError;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::director::{Director, LostWorker};
use super::incident::Incident;
use super::operator::ATTRIBUTION;
use crate::environment;
use crate::figures;
use crate::postgres::{Dump, PrivatePostgres};

/// How long the operator waits after the daemons were stopped, as the runbook says: what they had looked up is forgotten, and a rail
/// counts the look-ups of two hours.
const RESTORING: TimeDelta = TimeDelta::minutes(125);
/// A recovery says until when the rail allows no more look-ups: never longer.
const UNTIL_LOOK_UPS_ARE_ALLOWED: TimeDelta = TimeDelta::hours(3);
/// A recovery that was called so often is never over.
const PATIENCE: u32 = 40;

impl Director<'_> {
    /// Everything that befalls the database as a whole by now.
    pub(super) async fn forget(&mut self) -> Result<(), Failure> {
        while let Some(incident) = self.incident(Incident::is_about_the_database) {
            match incident {
                Incident::Dump(number) => {
                    let dump = Dump::of(&self.url()).await.map_err(failed)?;
                    self.older.dumps.push((number, self.now, dump));
                }
                Incident::FallBehind(number) => {
                    let replica = PrivatePostgres::start_replica(self.postgres).map_err(failed)?;
                    let behind = replica.fall_behind(self.postgres).await;
                    behind.map_err(failed)?;
                    self.older.replicas.push((number, self.now, replica));
                }
                Incident::Restore(number) => self.restore(number).await?,
                Incident::FailOver(number) => self.fail_over(number).await?,
                Incident::Copy => self.copy().await?,
                Incident::Kill(_)
                | Incident::Freeze(..)
                | Incident::Restart(_)
                | Incident::Cut(..)
                | Incident::ClockStep(_)
                | Incident::Slow
                | Incident::OperatorRequest(..)
                | Incident::PauseRail(..) => {}
            }
        }
        Ok(())
    }

    fn url(&self) -> String {
        self.postgres.url(&self.environment.database)
    }

    /// The database is lost, and an older dump takes its place.
    async fn restore(&mut self, number: u32) -> Result<(), Failure> {
        let Some((since, dump)) = self.older.dump(number) else {
            return Ok(());
        };
        self.stop_all().await;
        let restored = self.restored(&dump).await?;
        self.take_the_place(&restored).await?;
        self.begin_again(since).await
    }

    /// A new database with what was dumped.
    async fn restored(&mut self, dump: &Dump) -> Result<String, Failure> {
        self.older.made = self.older.made.saturating_add(1);
        let name = format!("restored_{}", self.older.made);
        self.postgres.create_database(&name).await.map_err(failed)?;
        let restored = dump.restore(&self.postgres.url(&name)).await;
        restored.map_err(failed)?;
        Ok(name)
    }

    /// A restored database is called like the one that is lost: a replica that fell behind has that name too.
    async fn take_the_place(&self, restored: &str) -> Result<(), Failure> {
        let name = &self.environment.database;
        let mut connection = PgConnection::connect(&self.postgres.url("postgres"))
            .await
            .context("connect to the private Postgres")?;
        for statement in [
            format!("drop database {name} with (force)"),
            format!("alter database {restored} rename to {name}"),
        ] {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .context("give a restored database its name")?;
        }
        Ok(connection.close().await.context("close the connection")?)
    }

    /// The primary dies, and a replica that is behind takes its place under daemons that run on. Each of them must notice. The replica may have
    /// the database that was there before a restore.
    async fn fail_over(&mut self, number: u32) -> Result<(), Failure> {
        let Some((since, replica)) = self.older.replica(number) else {
            return Ok(());
        };
        self.postgres.stop_hard().map_err(failed)?;
        replica.promote().await.map_err(failed)?;
        *self.postgres = replica;
        self.environment.postgres_port = self.postgres.port();
        for daemon in &self.daemons {
            daemon.wire.lead_to(self.environment.postgres_port);
        }
        self.connect().await?;
        self.must_notice().await?;
        self.stop_all().await;
        self.begin_again(since).await
    }

    /// No daemon plans or claims on a server that has lost commits. Those that stood still wake up, and settle what they hold if they can.
    async fn must_notice(&mut self) -> Result<(), Failure> {
        let now = self.now;
        for frozen in self
            .daemons
            .iter_mut()
            .filter_map(|one| one.frozen.as_mut())
        {
            frozen.until = now;
        }
        self.wake().await?;
        for daemon in &self.daemons {
            daemon.look_at_the_clock(now);
            // Its open connections break first.
            let mut noticed = false;
            for _ in 0..3 {
                let planned = daemon.engine.planner().tick().await;
                noticed |= matches!(
                    planned,
                    Err(StoreError::Forgotten { .. }
                        | StoreError::FailedOver { .. }
                        | StoreError::Replaced { .. })
                );
            }
            if !noticed {
                let name = &daemon.name;
                let went_on =
                    anyhow::anyhow!("at {now}, {name} went on after a fail-over that lost commits");
                return Err(Failure::from(went_on));
            }
            self.log.count("daemons that noticed a fail-over");
        }
        Ok(())
    }

    /// A copy beside the original: a daemon that is started on it must refuse to run.
    async fn copy(&mut self) -> Result<(), Failure> {
        let dump = Dump::of(&self.url()).await.map_err(failed)?;
        let name = self.restored(&dump).await?;
        let url = self.postgres.url(&name);
        let (sandbox, now) = (self.environment.sandbox, self.now);
        let config = environment::config(&url, sandbox, now, &[])?;
        let pool = compose::connect(&config).await?;
        let refused = match engine::build(&config, pool.clone(), Clock::simulated(now)).await {
            Ok(_) => false,
            Err(ComposeError::Store(problem)) => problem.is_about_the_environment(),
            Err(other) => return Err(other.into()),
        };
        pool.close().await;
        if !refused {
            let ran = anyhow::anyhow!("at {now}, a daemon ran on a copy of the database");
            return Err(Failure::from(ran));
        }
        self.log
            .count("daemons that refused a copy of the database");
        Ok(())
    }

    /// All daemons are gone with what they held. What they had sent arrives.
    async fn stop_all(&mut self) {
        self.daemons.clear();
        self.now = self.now.checked_add_signed(RESTORING).unwrap_or(self.now);
        self.late_calls().await;
        self.lost.clear();
    }

    /// Follows the runbook after the daemons were stopped. `since` is when the dump was taken, or the last commit received.
    async fn begin_again(&mut self, since: Timestamp) -> Result<(), Failure> {
        self.connect().await?;
        self.recover(since).await?;
        for _ in 0..self.asked_daemons {
            let daemon = self.start_daemon().await?;
            self.daemons.push(daemon);
        }
        // Of whom nobody hears any more: their leases were taken before the dump.
        for worker in figures::lease_holders(&self.pool).await? {
            self.lost.push(LostWorker {
                worker,
                at: self.now,
                ended: false,
                late: None,
            });
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let sandbox = self.environment.sandbox;
        let config = environment::config(&self.url(), sandbox, self.now, &[])?;
        self.pool = compose::connect(&config).await?;
        Ok(())
    }

    /// "If it exits with 1 … run the same line again."
    async fn recover(&mut self, since: Timestamp) -> Result<(), Failure> {
        let sandbox = self.environment.sandbox;
        let request = RecoveryRequest {
            accounts: &[],
            since,
            attribution: ATTRIBUTION,
        };
        for _ in 0..PATIENCE {
            let config = environment::config(&self.url(), sandbox, self.now, &[])?;
            let clock = Clock::simulated(self.now);
            let recovered = recover(&config, &self.pool, &clock, request, &|_| {}).await;
            let recovered = recovered.context("recover the database")?;
            if recovered.is_over() {
                return Ok(());
            }
            self.log.count("recoveries that had to be called again");
            let later = self.now.checked_add_signed(UNTIL_LOOK_UPS_ARE_ALLOWED);
            self.now = later.unwrap_or(self.now);
        }
        Err(Failure::from(anyhow::anyhow!(
            "at {}, a recovery is never over",
            self.now
        )))
    }
}

fn failed(error: crate::postgres::PostgresError) -> Failure {
    Failure::hinted(error, "look at the private Postgres")
}
