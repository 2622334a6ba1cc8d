//! A database that fails in the middle of work: the daemon waits, says so once, goes on by itself, and nothing is lost or doubled.

mod answers;
mod failover;
mod locks;
mod logged;
mod migrations;
mod outages;
mod replaced;
mod servers;
mod start;

use std::time::Duration;

use mandated::engine::{Engine, Settings};
use mandated::store::pool::DatabasePool;
use mandated::store::{ConnectSettings, connect};
use serde_json::Value;

use crate::support::TestDatabase;
use crate::support::due::scalar;
use crate::support::log::Log;
use crate::support::running::{Running, collected_but, until};
use crate::support::scenario::Scenario;
use crate::support::wire::Wire;
use crate::support::world::World;

/// A world whose daemon reaches the database through a wire, while the test looks at it past the wire.
struct DatabaseScenario {
    wire: Wire,
    world: World,
    url: String,
    log: Log,
    /// Its own, unless the test looks after it.
    database: Option<TestDatabase>,
}

impl DatabaseScenario {
    /// Debits that are due now.
    async fn open(scenario: &Scenario) -> Self {
        let database = TestDatabase::new().await;
        let (pool, url) = (database.pool.clone(), database.url());
        let mut opened = Self::on(pool, url, scenario).await;
        opened.database = Some(database);
        opened
    }

    /// The same on a database that the test looks after.
    async fn on(pool: DatabasePool, url: String, scenario: &Scenario) -> Self {
        let log = Log::capture();
        let wire = Wire::to(&url).await;
        let world = scenario.clone().due().open_on(pool).await;
        Self {
            wire,
            world,
            url,
            log,
            database: None,
        }
    }

    /// A daemon with four places for an account: a fifth is the other account's own.
    async fn engine(&self, tweak: impl FnOnce(&mut Settings)) -> Engine {
        let mut engine = self
            .world
            .engine("worker-1", |settings| {
                settings.concurrency = 5;
                // Longer than the timeout of a call.
                settings.lane.lease = Duration::from_secs(6);
                settings.database.answer_timeout = Duration::from_secs(2);
                settings.database.failure_log_interval = Duration::from_hours(1);
                tweak(settings);
            })
            .await;
        let settings = ConnectSettings {
            max_connections: 10,
            connect_timeout: Duration::from_millis(500),
            statement_timeout: Duration::from_secs(1),
            lock_timeout: Duration::from_millis(300),
            application_name: "the daemon".to_owned(),
        };
        let options = vec![self.wire.url(&self.url).parse().unwrap()];
        engine.database.pool = connect(options, &settings, None).await.unwrap();
        engine
    }

    async fn start(&self) -> Running {
        Running::start(self.engine(|_| {}).await)
    }

    /// Waits until so many calls were made that move money.
    async fn called(&self, calls: u64) {
        until("calls are under way", async || {
            let ledger = self.world.sandbox.ledger();
            let paid = ["POST /txns", "POST /charge-mandate"].map(|call| ledger.calls.get(call));
            paid.into_iter().flatten().sum::<u64>() >= calls
        })
        .await;
    }

    async fn count(&self, what: &str) -> i64 {
        let sql = format!("select count(*) from mandated.{what}");
        scalar(self.world.pool(), &sql).await
    }

    /// The line at the start of a failure of a kind.
    async fn logged(&self, kind: &str) {
        until("the failure is told", async || {
            self.began().iter().any(|line| line["failure"] == kind)
        })
        .await;
    }

    /// Lets time pass until every cycle is collected.
    async fn collected(&self) {
        self.collected_but(0).await;
    }

    /// The same, until only so many are not.
    async fn collected_but(&self, left: i64) {
        collected_but(&self.world, left).await;
    }

    /// One debit a cycle on both sides, and nothing that the audit could find.
    async fn agrees(&self) {
        let cycles = self.count("mandates").await;
        assert_eq!(self.count("debits").await, cycles);
        self.world.agrees().await;
    }

    fn lines(&self, message: &str) -> Vec<Value> {
        let mut lines = self.log.lines();
        lines.retain(|line| line["message"].as_str().unwrap().starts_with(message));
        lines
    }

    fn began(&self) -> Vec<Value> {
        self.lines("database failure")
    }

    fn over(&self) -> Vec<Value> {
        self.lines("the database failure is over")
    }

    /// Asserts that a failure of one kind was told once, and its end.
    fn logged_once(&self, kind: &str) {
        let kinds = |lines: Vec<Value>| {
            lines
                .iter()
                .map(|line| line["failure"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds(self.began()), [kind], "{:#?}", self.began());
        assert_eq!(kinds(self.over()), [kind]);
        assert_eq!(self.began()[0]["level"], "WARN");
        assert_eq!(self.over()[0]["level"], "INFO");
    }
}
