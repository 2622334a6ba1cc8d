//! A primary that is lost, and its replica in its place at another address: `database.url` names both.

use std::time::Duration;

use lab::postgres::PrivatePostgres;
use mandated::config::addresses;
use mandated::store::{ConnectSettings, connect, migrate};
use sqlx::{Connection, PgConnection};

use crate::support::due::{execute, scalar};
use crate::support::log::Log;
use crate::support::process::Installation;
use crate::support::running::{Running, collected_but, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, start};

/// A primary whose commits wait for its replica, and work on it.
struct Pair {
    primary: PrivatePostgres,
    replica: PrivatePostgres,
    url: String,
    world: World,
    log: Log,
}

impl Pair {
    async fn with_debits_under_way() -> Self {
        let log = Log::capture();
        let primary = PrivatePostgres::start(false).unwrap();
        primary.create_database("shop").await.unwrap();
        let replica = PrivatePostgres::start_replica(&primary).unwrap();
        let mut psql = PgConnection::connect(&primary.url("postgres"))
            .await
            .unwrap();
        for statement in [
            "alter system set synchronous_standby_names = '*'",
            "select pg_reload_conf()",
        ] {
            sqlx::query(statement).execute(&mut psql).await.unwrap();
        }
        // The one that takes no writes is named first.
        let url = format!(
            "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/shop?target_session_attrs=read-write",
            replica.port(),
            primary.port()
        );
        let servers = addresses(&url);
        let servers = servers.iter().map(|server| server.parse().unwrap());
        let settings = ConnectSettings {
            max_connections: 16,
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            application_name: "mandated".to_owned(),
        };
        let pool = connect(servers.collect(), &settings, None).await.unwrap();
        migrate::migrate(&pool, start(), 1).await.unwrap();
        let debits = Scenario::many(20, Flow::UpiExempt).slow(50).due();
        let world = debits.open_on(pool).await;
        Self {
            primary,
            replica,
            url,
            world,
            log,
        }
    }

    async fn daemon(&self, is_synchronous: bool) -> Running {
        let engine = self.world.engine("worker-1", |settings| {
            settings.concurrency = 5;
            settings.lane.lease = Duration::from_secs(6);
            settings.database.answer_timeout = Duration::from_secs(8);
            settings.database.synchronous_failover = is_synchronous;
        });
        let daemon = Running::start(engine.await);
        until("debits are under way", async || self.calls() >= 6).await;
        daemon
    }

    fn calls(&self) -> u64 {
        let ledger = self.world.sandbox.ledger();
        ledger.calls.get("POST /txns").copied().unwrap_or_default()
    }

    async fn fails_over(&mut self) {
        self.primary.stop_hard().unwrap();
        let mut psql = PgConnection::connect(&self.replica.url("postgres"))
            .await
            .unwrap();
        let promoted: bool = sqlx::query_scalar("select pg_promote()")
            .fetch_one(&mut psql)
            .await
            .unwrap();
        assert!(promoted);
        // Its own commits would wait for a replica that it does not have.
        for statement in [
            "alter system reset synchronous_standby_names",
            "select pg_reload_conf()",
        ] {
            sqlx::query(statement).execute(&mut psql).await.unwrap();
        }
    }

    fn says(&self, words: &str) -> bool {
        self.log.text().contains(words)
    }
}

#[tokio::test]
async fn a_daemon_goes_on_at_whichever_address_takes_writes() {
    let mut pair = Pair::with_debits_under_way().await;
    let daemon = pair.daemon(true).await;
    pair.fails_over().await;
    collected_but(&pair.world, 0).await;
    daemon.drain().await;
    pair.world.agrees().await;
    // The next daemon finds its accounts there: this one has bound them to the new timeline.
    let bound: bool = scalar(
        pair.world.pool(),
        "select bool_and(a.database = d.identity || ', timeline ' || d.timeline) from mandated.accounts a, mandated.this_database() d",
    )
    .await;
    assert!(bound);
    assert!(pair.says("the accounts are bound to its new timeline"));
    // Every command goes there too.
    let mut installation = Installation::at("http://127.0.0.1:9").await;
    installation.set("MANDATED__DATABASE__URL", &pair.url);
    assert!(
        installation
            .works(&["executions", "list", "--json"])
            .contains("charged")
    );
    installation.works(&["audit"]);
}

/// It has settled nothing that the new primary could have lost. But it has beaten, and its last heartbeat is gone: somebody has put back
/// what was, and promised that it was a fail-over.
#[tokio::test]
async fn an_idle_daemon_does_not_follow_a_server_without_its_last_heartbeat() {
    let mut pair = Pair::with_debits_under_way().await;
    execute(
        pair.world.pool(),
        "update mandated.jobs set run_at = '2030-01-01', run_before = null",
    )
    .await;
    let engine = pair.world.engine("worker-1", |settings| {
        settings.database.synchronous_failover = true;
        settings.planner.interval = Duration::from_millis(100);
    });
    let daemon = Running::start(engine.await);
    let beaten = "select count(*) from mandated.daemons where beats > 0";
    until("it has beaten", async || {
        scalar::<i64>(pair.world.pool(), beaten).await == 1
    })
    .await;
    // The replica has what was before it.
    execute(pair.world.pool(), "update mandated.daemons set beats = 0").await;
    pair.fails_over().await;
    until("it says so", async || pair.says("no longer has heartbeat")).await;
    let mut psql = PgConnection::connect(&pair.replica.url("shop"))
        .await
        .unwrap();
    let bound = "select count(*) from mandated.accounts where database like '%timeline 00000001'";
    let bound: i64 = sqlx::query_scalar(bound)
        .fetch_one(&mut psql)
        .await
        .unwrap();
    assert_eq!(bound, 2, "the next daemon refuses to start");
    daemon.abort().await;
}

#[tokio::test]
async fn a_fail_over_that_may_lose_commits_stops_the_daemon_at_every_address() {
    let mut pair = Pair::with_debits_under_way().await;
    let daemon = pair.daemon(false).await;
    pair.fails_over().await;
    until("it says so", async || {
        pair.says("the database has failed over")
    })
    .await;
    let sql = "select count(*) from mandated.jobs where lease_token is null";
    until("it reaches the other address", async || {
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(pair.world.pool())
            .await
            .is_ok()
    })
    .await;
    let calls = pair.calls();
    execute(
        pair.world.pool(),
        "update mandated.jobs set lease_until = now() - interval '1 second' where lease_token is not null",
    )
    .await;
    let beaten = || pair.log.text().matches("\"heartbeat\"").count();
    let wanted = beaten() + 20;
    until("its loops have had their turns", async || {
        beaten() >= wanted
    })
    .await;
    assert_eq!(pair.calls(), calls, "nothing is called any more");
    let open: i64 = scalar(
        pair.world.pool(),
        "select count(*) from mandated.executions where state <> 'charged'",
    )
    .await;
    assert!(open > 0);
    daemon.abort().await;
}
