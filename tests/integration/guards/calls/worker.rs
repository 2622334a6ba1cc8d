//! One daemon and the provider that answers it, for the tests of calls.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mandated::clock::Clock;
use mandated::config::Config;
use mandated::domain::classify::Classifier;
use mandated::domain::{AccountId, ProviderKind, Rail};
use mandated::engine::job::{FinishedJob, JobError, run};
use mandated::engine::{
    Account, AccountLimits, DatabaseSettings, Engine, Settings, heartbeat, lane, planner,
    retention, settler,
};
use mandated::provider::{AccountSettings, Client};
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::policies;
use serde_json::json;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::TestDatabase;
use crate::support::due::{FAULTS, OVERDUE, SNAPSHOTS};
use crate::support::provider::not_found;
use crate::support::row::{Row, account, execution, mandate, notification};

/// Six in the morning in India, 25 hours after the payer of execution 1 was notified.
pub(super) const NOW: &str = "2026-01-31T00:40:00Z";
/// For a whole call.
pub(super) const TIMEOUT: Duration = Duration::from_millis(400);

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// One daemon, its database, and a provider that says what it is told to.
pub(super) struct WorkerFixture {
    pub(super) database: TestDatabase,
    pub(super) provider: MockServer,
    pub(super) engine: Engine,
}

impl WorkerFixture {
    /// With the rows of a notified mandate, and the given execution and job.
    pub(super) async fn with(tps: u32, executions: &[Row]) -> Self {
        let database = TestDatabase::new().await;
        let variables = [("MANDATED__DATABASE__URL", database.url())];
        let config = Config::load_with(None, variables).unwrap();
        let policy = config.policy(ProviderKind::Juspay, Rail::Upi);
        let mut connection = database.pool.acquire().await.unwrap();
        assert_eq!(policies::intern(&mut connection, &policy).await.unwrap(), 1);
        drop(connection);
        for row in [account(), mandate()].iter().chain(executions) {
            row.insert(&database.pool).await.unwrap();
        }
        let provider = MockServer::start().await;
        // It has no order of which a test says nothing.
        Mock::given(path_regex("^/orders/"))
            .respond_with(|request: &Request| {
                let id = request.url.path().trim_start_matches("/orders/");
                ResponseTemplate::new(200).set_body_json(not_found(id))
            })
            .with_priority(u8::MAX)
            .mount(&provider)
            .await;
        let account = AccountSettings {
            name: "juspay_main".to_owned(),
            provider: ProviderKind::Juspay,
            base_url: provider.uri().parse().unwrap(),
            merchant_id: "shop".to_owned(),
            api_key: "key".to_owned().into(),
            timeout: TIMEOUT,
            tps,
        };
        let rules = Arc::new(Classifier::builtin().unwrap());
        let client = Client::new(account, rules, true).unwrap();
        let limits = AccountLimits {
            timeout: TIMEOUT,
            max_in_flight: 10,
            pause_after_refusal: Duration::from_mins(5),
        };
        let accounts = vec![Account::new(
            AccountId(1),
            "juspay_main".to_owned(),
            client,
            limits,
        )];
        let clock = Clock::simulated(at(NOW));
        let engine = Engine::new(
            database.pool.clone(),
            clock,
            settings(),
            accounts,
            "test".to_owned(),
        );
        Self {
            database,
            provider,
            engine,
        }
    }

    pub(super) async fn says(&self, verb: &str, place: &str, status: u16, body: serde_json::Value) {
        Mock::given(method(verb))
            .and(path(place))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&self.provider)
            .await;
    }

    pub(super) async fn claim(&self) -> Claimed {
        let request = ClaimRequest {
            account: AccountId(1),
            now: self.engine.clock.now(),
            limit: 1,
            lease: Duration::from_mins(1),
            worker: "worker-1",
            since: None,
        };
        let mut claimed = claim_due(&self.database.pool, &request).await.unwrap();
        claimed.pop().unwrap()
    }

    pub(super) async fn run(&self, lease: Duration) -> Result<FinishedJob, JobError> {
        let claimed = self.claim().await;
        let deadline = tokio::time::Instant::now() + lease;
        let worker = self.engine.worker(&self.engine.accounts[0]);
        run(&worker, claimed, deadline).await
    }

    pub(super) async fn calls(&self, place: &str) -> usize {
        let requests = self.provider.received_requests().await.unwrap();
        requests
            .iter()
            .filter(|request| request.url.path() == place)
            .count()
    }
}

/// The orders of `provider-1` for January 2026: 20 letters of the SHA-256 of "order\njuspay\n2026-01\n1\nprovider-1" and of the same with
/// 2, computed with Python's hashlib.
pub(super) const FIRST_ORDER: &str = "ynyzrgtwgxqjrdyzxrjb";
pub(super) const SECOND_ORDER: &str = "tvvseoagkbwjxpereloj";

/// As an SQL expression.
pub(super) fn sql(text: &str) -> String {
    format!("'{text}'")
}

/// Where an order is looked up.
pub(super) fn order_path(id: &str) -> String {
    format!("/orders/{id}")
}

fn settings() -> Settings {
    let day = Duration::from_hours(24);
    Settings {
        worker_id: "worker-1".into(),
        concurrency: 10,
        database: DatabaseSettings {
            answer_timeout: Duration::from_mins(1),
            failure_log_interval: Duration::from_mins(1),
            synchronous_failover: false,
        },
        lane: lane::Settings {
            batch: 10,
            lease: Duration::from_mins(1),
            poll_interval: Duration::from_secs(1),
        },
        settler: settler::Settings {
            batch: 10,
            linger: Duration::from_millis(1),
            faults: FAULTS,
        },
        planner: planner::Settings {
            interval: day,
            horizon: day,
            batch: 10,
            policies: std::collections::BTreeMap::new(),
        },
        rescue_interval: day,
        heartbeat: heartbeat::Settings {
            interval: day,
            overdue: OVERDUE,
            snapshots: SNAPSHOTS,
        },
        retention: retention::Settings {
            interval: day,
            attempts: day * 400,
            events: day * 400,
            executions: day * 400,
            partitions_ahead: 1,
        },
    }
}

pub(super) fn notified() -> [Row; 2] {
    [
        execution()
            .with("state", "'notified'")
            .with("order_id", sql(FIRST_ORDER))
            .with("notification_no", 1)
            .with("notification_ref", "'reference-1'")
            .with("delivered_at", "'2026-01-29T23:30Z'"),
        notification()
            .with("state", "'delivered'")
            .with("delivered_at", "'2026-01-29T23:30Z'"),
    ]
}

pub(super) fn declined(order: &str) -> serde_json::Value {
    json!({"status": "AUTHORIZATION_FAILED", "order_id": order, "txn_id": format!("shop-{order}-1"),
           "resp_code": "INSUFFICIENT_BALANCE", "resp_category": "BUSINESS_ERROR"})
}
