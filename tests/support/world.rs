//! A merchant's whole world on a clock that stands still until a test moves it: a database, both providers, an engine.

mod daemon;

use std::path::Path;
use std::time::Duration;

use lab::sandbox::{self, Call, Credentials, Ledger, Options, Profile, Sandbox, Script, Then};
use mandated::clock::Clock;
use mandated::config::Config;
use mandated::domain::Timestamp;
use mandated::engine::simulation::{Limits, run};
use mandated::engine::{Engine, Settings};
use mandated::ops::audit::audit;
use mandated::provider::{MandateAnswer, MandateCommand, Provider};
use mandated::store::mandates::{Change, ChangeResult, find, set_status};
use mandated::store::pool::DatabasePool;
use mandated::store::retention::make_partitions;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::daemon::{config, engine, import_all};
use super::TestDatabase;
use super::due::{change_request, column, scalar};
use super::scenario::{Payer, Scenario};

/// What both providers know us by.
pub(crate) const KEY: &str = "key-of-the-merchant";

/// Which order of its execution an id is, by the attempts: the id itself does not say.
const NTH_ORDER: &str = "create or replace function public.nth_order(id text) returns text language sql stable as $$
    select 'o' || count(distinct earlier.reference)
      from mandated.attempts earlier
      join (select execution_id, min(id) as first from mandated.attempts where call in ('execute', 'retry') and reference = $1
             group by execution_id) mine on earlier.execution_id = mine.execution_id and earlier.id <= mine.first
     where earlier.call in ('execute', 'retry') $$";

/// A time in India, in February 2027: "05 08:30".
pub(crate) fn at(text: &str) -> Timestamp {
    format!("2027-02-{}:00+05:30", text.replace(' ', "T"))
        .parse()
        .unwrap()
}

/// Until a payday has come and the banks have answered, and before the next cycle of the 5th is planned.
pub(crate) fn after_payday() -> Timestamp {
    at("28 00:00") + chrono::TimeDelta::days(4)
}

/// The start of every world.
pub(crate) fn start() -> Timestamp {
    at("01 00:00")
}

pub(crate) struct World {
    pub(crate) payers: Vec<Payer>,
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Clock,
    pub(crate) engine: Engine,
    pool: DatabasePool,
    config: Config,
    /// Its own, unless the test looks after it.
    pub(super) database: Option<TestDatabase>,
}

impl World {
    pub(super) async fn on(pool: DatabasePool, scenario: &Scenario) -> Self {
        let clock = Clock::simulated(start());
        let sandbox = open_sandbox(scenario).await;
        let config = config(|provider| sandbox.base_url(provider), KEY);
        let engine = engine(&config, &pool, &clock, "worker-1", |_| {}).await;
        make_partitions(&pool, start(), 1).await.unwrap();
        sqlx::query(NTH_ORDER).execute(&pool).await.unwrap();
        import_all(&config, &pool, scenario, start()).await;
        Self {
            payers: scenario.payers.clone(),
            sandbox,
            clock,
            engine,
            pool,
            config,
            database: None,
        }
    }

    /// The address of its own database.
    pub(crate) fn url(&self) -> String {
        self.database.as_ref().unwrap().url()
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) const fn pool(&self) -> &DatabasePool {
        &self.pool
    }

    /// The daemon is started again: it remembers nothing of what it has settled.
    pub(crate) async fn restart(&mut self) {
        self.engine = self.engine("worker-1", |_| {}).await;
    }

    /// Mandates are imported that the database has forgotten.
    pub(crate) async fn import_again(&self, scenario: &Scenario) {
        import_all(&self.config, &self.pool, scenario, self.clock.now()).await;
    }

    /// Another daemon on the same database, the same providers and the same clock.
    pub(crate) async fn engine(&self, worker: &str, tweak: impl FnOnce(&mut Settings)) -> Engine {
        engine(&self.config, &self.pool, &self.clock, worker, tweak).await
    }

    /// Another daemon, whose operator has configured something else.
    pub(crate) async fn engine_with(
        &self,
        worker: &str,
        configured: impl FnOnce(&mut Config),
        tweak: impl FnOnce(&mut Settings),
    ) -> Engine {
        let mut config = self.config.clone();
        configured(&mut config);
        engine(&config, &self.pool, &self.clock, worker, tweak).await
    }

    /// What an operator has configured whose providers are somewhere else.
    pub(crate) fn config_at(url: &str) -> Config {
        let url: Url = url.parse().unwrap();
        config(|_| url.clone(), KEY)
    }

    /// A daemon whose providers are somewhere else.
    pub(crate) async fn engine_at(&self, url: &str, tweak: impl FnOnce(&mut Settings)) -> Engine {
        let url: Url = url.parse().unwrap();
        let config = config(|_| url.clone(), KEY);
        engine(&config, &self.pool, &self.clock, "worker-1", tweak).await
    }

    /// A daemon with a key that the providers refuse.
    pub(crate) async fn engine_with_a_wrong_key(&self) -> Engine {
        let config = config(|provider| self.sandbox.base_url(provider), "wrong");
        engine(&config, &self.pool, &self.clock, "worker-1", |_| {}).await
    }

    /// A daemon whose merchant id nobody at Juspay knows.
    pub(crate) async fn engine_with_a_wrong_merchant(&self) -> Engine {
        let mut config = self.config.clone();
        for account in config.accounts.values_mut() {
            "somebody_else".clone_into(&mut account.merchant_id);
        }
        engine(&config, &self.pool, &self.clock, "worker-1", |_| {}).await
    }

    /// What the payer does in the bank's app, of which the provider knows and we do not.
    pub(crate) async fn at_the_provider(&self, reference: &str, command: MandateCommand) {
        let mut connection = self.pool().acquire().await.unwrap();
        let stored = find(&mut connection, reference).await.unwrap().unwrap();
        let accounts = &self.engine.accounts;
        let account = accounts
            .iter()
            .find(|account| account.name == stored.account)
            .unwrap();
        let now = self.clock.now();
        let answer = account
            .client()
            .command(&stored.mandate, command, now)
            .await;
        assert!(matches!(answer, MandateAnswer::Status { .. }), "{answer:?}");
    }

    pub(crate) fn script(
        &self,
        reference: &str,
        call: Call,
        steps: impl IntoIterator<Item = Then>,
    ) {
        for then in steps {
            self.sandbox.script(reference, call, then).unwrap();
        }
    }

    /// The daemon runs until a time, like "05 08:30".
    pub(crate) async fn run(&self, until: &str) {
        self.run_until(at(until)).await;
    }

    pub(crate) async fn run_until(&self, until: Timestamp) {
        live(&self.engine, until).await;
    }

    /// Nobody runs until a time.
    pub(crate) fn outage(&self, until: &str) {
        self.clock.advance_to(at(until));
    }

    /// What an operator does to a mandate.
    pub(crate) async fn change(&self, reference: &str, change: Change) {
        let mut connection = self.pool().acquire().await.unwrap();
        let changed = set_status(
            &mut connection,
            change_request(reference, change),
            self.clock.now(),
        )
        .await
        .unwrap();
        assert_eq!(changed, ChangeResult::Applied);
    }

    /// The way of a mandate's executions through the states.
    pub(crate) async fn way(&self, reference: &str) -> String {
        let states: Vec<String> = column(
            self.pool(),
            &format!(
                "select to_state from mandated.events where mandate_ref = '{reference}' and execution_id is not null order by id"
            ),
        )
        .await;
        states.join(" ")
    }

    /// Where a mandate's only execution stands, and why.
    pub(crate) async fn stands(&self, reference: &str) -> (String, String) {
        let field = async |name: &str| -> String {
            let sql = format!(
                "select {name} from mandated.execution_status where mandate_ref = '{reference}'"
            );
            scalar(self.pool(), &sql).await
        };
        (field("state").await, field("reason").await)
    }

    /// The calls that were made for a mandate, with what they came to.
    pub(crate) async fn calls(&self, reference: &str) -> Vec<String> {
        column(
            self.pool(),
            &format!(
                "select a.call || ' ' || a.outcome from mandated.attempts a join mandated.mandates m on m.id = a.mandate_id
                  where m.ref = '{reference}' order by a.id"
            ),
        )
        .await
    }

    /// The ledger of the providers, up to now.
    pub(crate) fn ledger(&self) -> Ledger {
        self.sandbox.settle(self.clock.now());
        self.sandbox.ledger()
    }

    /// Asserts that the providers saw no rule broken and debited what we have proof of, and that the audit finds nothing.
    pub(crate) async fn agrees(&self) {
        let ledger = self.ledger();
        assert_eq!(ledger.violations, []);
        let theirs: Vec<_> = ledger
            .debits
            .iter()
            .map(|debit| {
                format!(
                    "{} {} {}",
                    debit.mandate_id, debit.cycle, debit.amount_minor
                )
            })
            .collect();
        let mut theirs = theirs;
        theirs.sort();
        let mut ours: Vec<String> = column(
            self.pool(),
            // Where the answer stated no amount, it was the order's.
            "select format('%s %s %s', m.provider_mandate_id, d.cycle_on, coalesce(d.amount_minor, e.amount_minor))
               from mandated.debits d join mandated.mandates m on m.id = d.mandate_id
               join mandated.executions e on e.id = d.execution_id",
        )
        .await;
        ours.sort();
        assert_eq!(ours, theirs, "our debits and the providers'");
        self.audited().await;
    }

    /// Asserts that the audit finds nothing.
    pub(crate) async fn audited(&self) {
        let late = Duration::from_mins(15);
        let verdict = audit(self.pool(), self.clock.now(), late, &|_| {})
            .await
            .unwrap();
        let broken: Vec<_> = verdict
            .rules
            .iter()
            .filter(|rule| rule.broken > 0)
            .collect();
        assert!(verdict.holds, "{broken:#?}");
    }
}

/// Runs an engine until a time.
pub(crate) async fn live(engine: &Engine, until: Timestamp) {
    let limits = Limits {
        until: Some(until),
        step: Duration::from_mins(1),
    };
    let going_on = CancellationToken::new();
    let run = run(engine, limits, &going_on, |_| {});
    tokio::time::timeout(Duration::from_mins(3), run)
        .await
        .expect("simulated time goes on")
        .unwrap();
}

pub(crate) async fn open_sandbox(scenario: &Scenario) -> Sandbox {
    let sandbox = sandbox::start(Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: 1,
        profile: Profile::PAYS,
        faults: scenario.faults,
        juspay: Credentials {
            merchant_id: "shop".to_owned(),
            api_key: KEY.to_owned(),
        },
        signzy_key: KEY.to_owned(),
        clock: Clock::simulated(start()),
    })
    .await
    .unwrap();
    let from = start()
        .with_timezone(&chrono_tz::Asia::Kolkata)
        .date_naive();
    let name = Path::new("the payers");
    let registrations = sandbox::parse_mandates(name, &scenario.file(), "signzy_main", from);
    sandbox.register(registrations.unwrap());
    for Script {
        mandate_id,
        call,
        then,
    } in scenario.script.clone()
    {
        sandbox.script(&mandate_id, call, then).unwrap();
    }
    sandbox
}
