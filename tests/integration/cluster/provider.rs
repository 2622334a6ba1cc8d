//! A Juspay that answers a debit when it is let, and remembers when it was called.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Json, Router};
use mandated::config::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A provider that holds back its answers.
pub(crate) struct Held {
    url: String,
    calls: Arc<Calls>,
    /// The server ends with it.
    _server: JoinSet<()>,
}

struct Calls {
    answers: Semaphore,
    arrived: Mutex<Vec<Instant>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Held {
    pub(crate) async fn start() -> Self {
        let calls = Arc::new(Calls {
            answers: Semaphore::new(0),
            arrived: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&calls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            calls,
            _server: server,
        }
    }

    /// Juspay is here.
    pub(crate) fn is_juspay_of(&self, config: &mut Config) {
        config.accounts.get_mut("juspay_main").unwrap().base_url = self.url.parse().unwrap();
    }

    /// Answers so many calls, those that come first.
    pub(crate) fn answer(&self, calls: usize) {
        self.calls.answers.add_permits(calls);
    }

    pub(crate) fn arrived(&self) -> usize {
        self.calls.arrived.lock().unwrap().len()
    }

    /// The most calls that were open at once.
    pub(crate) fn most_open(&self) -> usize {
        self.calls.most_open.load(Ordering::SeqCst)
    }

    /// The most calls that came within a second.
    pub(crate) fn busiest_second(&self) -> usize {
        let mut arrived = self.calls.arrived.lock().unwrap().clone();
        arrived.sort();
        let in_the_second_from = |from: &Instant| {
            let until = *from + Duration::from_secs(1);
            arrived
                .iter()
                .filter(|at| (*from..until).contains(*at))
                .count()
        };
        arrived.iter().map(in_the_second_from).max().unwrap_or(0)
    }
}

/// The debit is under way at the bank.
async fn answer(State(calls): State<Arc<Calls>>) -> Json<Value> {
    calls.arrived.lock().unwrap().push(Instant::now());
    let open = calls.open.fetch_add(1, Ordering::SeqCst) + 1;
    calls.most_open.fetch_max(open, Ordering::SeqCst);
    calls.answers.acquire().await.unwrap().forget();
    calls.open.fetch_sub(1, Ordering::SeqCst);
    Json(json!({ "order_id": "whatever", "status": "PENDING_VBV" }))
}
