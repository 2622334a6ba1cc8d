//! A stand-in for Juspay and Signzy on loopback, which keeps its own ledger and judges what it receives.
//!
//! It was written from the providers' pages and the circulars, and shares no code with the clients in
//! [`mandated::provider`] and no rule with [`mandated::domain`]: a client and a sandbox with one misreading between them
//! would prove nothing. Only words (money, rails, providers) are common. The judge is a crate of its own, and has not
//! even the words.
//!
//! One call goes through `routes` (whose is it, what time is it, which fault befalls it) into `juspay` or `signzy`.
//! They present debits to `payer` through `mandate` and `collection`, tell the [`judge`] what was done (in its words:
//! `facts`), and write to `ledger` what it finds. The time is
//! that of the header `x-simulated-time`, else the clock's. What happens by itself has no timer: it is played, in
//! order, whenever somebody asks or [`Sandbox::settle`] is called.

mod answer;
mod answers;
mod attempt;
mod codes;
mod collection;
mod command;
mod control;
mod decline;
mod facts;
mod fault;
mod faulty_answer;
mod file;
mod hourly;
mod juspay;
mod ledger;
mod mandate;
mod notice;
mod order;
mod payer;
mod payment;
mod presentation;
mod received;
mod registration;
mod routes;
mod signzy;
mod state;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use chrono::NaiveDate;
use judge::Timestamp;
use judge::india;
use mandated::clock::Clock;
use mandated::domain::ProviderKind;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

pub use command::{CommandError, SandboxArgs, run};
pub use decline::Decline;
pub use fault::{Call, Fault, Faults, Script, Then};
pub use file::{FileError, parse_mandates, read_mandates};
pub use hourly::{Due, Hourly};
pub use judge::{Rail, Rule, Violation};
pub use ledger::{Debit, Ledger};
pub use payer::{Population, Profile, Reason};
pub use registration::Registration;

use mandate::World;
use state::State;

/// What Juspay knows its merchant by.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub merchant_id: String,
    pub api_key: String,
}

/// How to start a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// A loopback address; port 0 takes any free one.
    pub listen: SocketAddr,
    pub seed: u64,
    pub profile: Profile,
    pub faults: Faults,
    pub juspay: Credentials,
    pub signzy_key: String,
    /// The time of callers that name none.
    pub clock: Clock,
}

/// Why a sandbox could not be started or told something.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the sandbox listens on loopback only, and {0} is not: use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    #[error("listen on {listen}: choose a free port with --listen")]
    Listen {
        listen: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("script mandate {0:?}: register it first")]
    UnknownMandate(String),
}

/// A running sandbox. It stops when it is told to, or with the runtime.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    root: Url,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// What every call shares.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    clock: Clock,
    slow_for: Duration,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts both providers on one address.
///
/// # Errors
/// The address is taken, or is not loopback.
pub async fn start(options: Options) -> Result<Sandbox, SandboxError> {
    let Options {
        listen,
        seed,
        profile,
        faults,
        juspay,
        signzy_key,
        clock,
    } = options;
    if !listen.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(listen));
    }
    let failed = |source| SandboxError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let root = Url::parse(&format!("http://{address}/"))
        .map_err(|error| failed(std::io::Error::other(error)))?;
    let world = World {
        seed,
        profile,
        faults,
    };
    let state = Mutex::new(State::new(world, juspay, signzy_key));
    let shared = Arc::new(Shared {
        state,
        clock,
        slow_for: faults.slow_for,
    });
    let router: Router = control::router(Arc::clone(&shared));
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "the sandbox answers slowly: TCP_NODELAY is refused");
        }
    });
    let stopped = shutdown.clone().cancelled_owned();
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(%error, "the sandbox stopped serving");
        }
    });
    tasks.close();
    Ok(Sandbox {
        shared,
        address,
        root,
        shutdown,
        tasks,
    })
}

impl Sandbox {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to configure as the base URL of an account.
    pub fn base_url(&self, provider: ProviderKind) -> Url {
        let mut url = self.root.clone();
        match provider {
            ProviderKind::Juspay => {}
            ProviderKind::Signzy => url.set_path("/api/v3/eNach"),
        }
        url
    }

    /// Makes mandates known, active. One that is known already stays as it is.
    pub fn register(&self, registrations: impl IntoIterator<Item = Registration>) {
        let mut state = self.shared.state();
        for registration in registrations {
            state.register(registration);
        }
    }

    /// Says what becomes of the next call of a kind about a mandate; several lines queue up.
    ///
    /// # Errors
    /// The mandate is not registered.
    pub fn script(&self, mandate_id: &str, call: Call, then: Then) -> Result<(), SandboxError> {
        if self.shared.state().script(mandate_id, call, then) {
            Ok(())
        } else {
            Err(SandboxError::UnknownMandate(mandate_id.to_owned()))
        }
    }

    /// Plays everything that happens by itself up to an instant, also what nobody asks about.
    pub fn settle(&self, now: Timestamp) {
        self.shared.state().settle(now);
    }

    /// What happened so far, in the order of time.
    pub fn ledger(&self) -> Ledger {
        self.shared.state().ledger.sorted()
    }

    /// From now on nothing goes wrong unless it is scripted. What was drawn before still comes to pass.
    pub fn calm(&self) {
        self.shared.state().world.faults = Faults::NONE;
    }

    /// The latest time that a simulated caller has named.
    pub fn latest(&self) -> Option<Timestamp> {
        self.shared.state().latest()
    }

    /// How often each fault befell a call or an order.
    pub fn faults(&self) -> BTreeMap<Fault, u64> {
        self.shared.state().faults()
    }

    /// How often a cycle of a mandate was presented to the payer's bank, the provider's own retries counted.
    pub fn presented(&self, mandate_id: &str, cycle: NaiveDate) -> u32 {
        let state = self.shared.state();
        let mandate = state.mandates.get(mandate_id);
        mandate.map_or(0, |mandate| mandate.presented(cycle))
    }

    /// Answers the calls that are under way, then stops.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
    }
}
