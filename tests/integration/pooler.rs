//! PgBouncer in transaction mode: every mandate is collected through it, whoever shares its server connections, and what cannot work
//! there is refused.

use std::time::Duration;

use mandated::engine::Engine;
use mandated::store::pool::DatabasePool;
use mandated::store::{ConnectSettings, Pooler, connect};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::due::{column, execute, scalar};
use crate::support::log::Log;
use crate::support::pgbouncer::PgBouncer;
use crate::support::process::Installation;
use crate::support::running::{Running, all_due, collected_but, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::World;

/// Fewer than either daemon has loops: each statement gets a server connection that another one had.
const SHARED: u32 = 3;

async fn pool(bouncer: &PgBouncer, world: &World, direct: bool) -> DatabasePool {
    let url = world.url();
    let settings = ConnectSettings {
        max_connections: 16,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_mins(1),
        lock_timeout: Duration::from_secs(5),
        application_name: "mandated".to_owned(),
    };
    let direct = direct.then(|| url.parse().unwrap()).into_iter().collect();
    let addresses = vec![bouncer.url(&url).parse().unwrap()];
    connect(addresses, &settings, Some(Pooler { direct }))
        .await
        .unwrap()
}

/// A daemon of a world whose database is behind a pooler.
async fn engine(bouncer: &PgBouncer, world: &World, worker: &str, direct: bool) -> Engine {
    let mut engine = world
        .engine(worker, |settings| settings.concurrency = 16)
        .await;
    engine.database.pool = pool(bouncer, world, direct).await;
    engine
}

async fn count(world: &World, what: &str) -> i64 {
    let sql = format!("select count(*) from mandated.{what}");
    scalar(world.pool(), &sql).await
}

#[tokio::test]
async fn two_daemons_that_share_a_few_server_connections_collect_every_mandate() {
    let log = Log::capture();
    let world = Scenario::many(60, Flow::UpiExempt)
        .more(Flow::ALL)
        .slow(20)
        .open()
        .await;
    let bouncer = PgBouncer::before(&world.url(), SHARED).await;
    let daemons = [
        Running::start(engine(&bouncer, &world, "worker-1", false).await),
        Running::start(engine(&bouncer, &world, "worker-2", true).await),
    ];
    let in_step = "daemons where cardinality(acknowledged_members) = 2";
    until("both know both", async || count(&world, in_step).await == 2).await;
    all_due(&world).await;
    collected_but(&world, 0).await;
    for daemon in daemons {
        daemon.drain().await;
    }
    let workers: Vec<String> = column(
        world.pool(),
        "select distinct worker_id from mandated.attempts order by 1",
    )
    .await;
    assert_eq!(workers, ["worker-1", "worker-2"]);
    assert_eq!(log.text().matches("database failure").count(), 0);
    world.agrees().await;
}

/// Whoever gets a server connection after the daemon finds it as he would have without the daemon.
#[tokio::test]
async fn nothing_of_a_daemon_is_left_on_a_server_connection() {
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    let bouncer = PgBouncer::before(&world.url(), 1).await;
    let pool = pool(&bouncer, &world, false).await;
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'";
    for _ in 0..3 {
        assert!(scalar::<i64>(&pool, sessions).await > 0);
    }
    let settings = "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings
        where name in ('enable_seqscan', 'jit', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')";
    let mine: String = scalar(&pool, settings).await;
    assert_eq!(
        mine,
        "enable_seqscan=off idle_in_transaction_session_timeout=60000 jit=off lock_timeout=5000 statement_timeout=60000"
    );
    let theirs: String = sqlx::query_scalar(
        "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings
          where name in ('enable_seqscan', 'jit', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')",
    )
    .persistent(false)
    .fetch_one(&mut other_client(&bouncer, &world).await)
    .await
    .unwrap();
    assert_eq!(
        theirs,
        "enable_seqscan=on idle_in_transaction_session_timeout=0 jit=on lock_timeout=0 statement_timeout=0"
    );
    // Nor does what somebody else has left there harm the daemon.
    let mut other = other_client(&bouncer, &world).await;
    sqlx::raw_sql("deallocate all")
        .execute(&mut other)
        .await
        .unwrap();
    for name in 1..=40 {
        let prepare = format!("prepare sqlx_s_{name} as select 'theirs'");
        sqlx::raw_sql(AssertSqlSafe(prepare))
            .execute(&mut other)
            .await
            .unwrap();
    }
    assert_eq!(scalar::<String>(&pool, "select 'ours'").await, "ours");
    execute(&pool, "update mandated.accounts set name = name").await;
}

async fn other_client(bouncer: &PgBouncer, world: &World) -> PgConnection {
    let options: sqlx::postgres::PgConnectOptions = bouncer.url(&world.url()).parse().unwrap();
    let options = options.extra_float_digits(None);
    PgConnection::connect_with(&options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_behind_a_pooler_works_and_what_needs_a_session_goes_past_it() {
    let mut installation =
        Installation::open(&Scenario::many(20, Flow::UpiSeparate).in_2040()).await;
    let direct = installation.database.url();
    let bouncer = PgBouncer::before(&direct, SHARED).await;
    installation.set("MANDATED__DATABASE__URL", &bouncer.url(&direct));
    let said = |output: std::process::Output| {
        let code = output.status.code();
        (
            code,
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
        )
    };
    // Nobody has said that there is a pooler.
    for command in [["run"].as_slice(), &["migrate"], &["jobs"]] {
        let (code, said) = said(installation.output(command));
        assert_eq!(code, Some(78), "{command:?}: {said}");
        assert!(said.contains("database.pooler = \"transaction\""), "{said}");
    }
    installation.set("MANDATED__DATABASE__POOLER", "transaction");
    for command in [["migrate"].as_slice(), &["mandates", "list"], &["audit"]] {
        let (code, said) = said(installation.output(command));
        assert_eq!(code, Some(78), "{command:?}: {said}");
        assert!(said.contains("database.direct_url"), "{said}");
    }
    installation.set("MANDATED__DATABASE__DIRECT_URL", &direct);
    installation.prepare();
    installation.set("MANDATED__CLOCK__END", "2040-02-10T00:00:00+05:30");
    let mut daemon = installation.run();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    installation.works(&["audit"]);
    let (_, looked) = said(installation.output(&["doctor", "--offline"]));
    assert!(looked.contains("a daemon can work through it"), "{looked}");
    let pool = &installation.database.pool;
    let charged = "select count(*) from mandated.executions where state = 'charged'";
    assert_eq!(scalar::<i64>(pool, charged).await, 20);
}
