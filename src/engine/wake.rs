//! What wakes the lanes: a NOTIFY from the database, or work that this daemon made itself. They only wake; polling is what is relied on.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Database;
use crate::store::StoreError;

/// What its failures are called.
const NAME: &str = "listen";

/// To connect, and to be heard.
const LIMIT: Duration = Duration::from_secs(10);

/// Wakes every lane that sleeps.
#[derive(Debug, Clone)]
pub struct WakeNotifier {
    sender: watch::Sender<()>,
}

/// What one lane waits by.
#[derive(Debug)]
pub struct WakeReceiver(watch::Receiver<()>);

impl Default for WakeNotifier {
    fn default() -> Self {
        Self {
            sender: watch::Sender::new(()),
        }
    }
}

impl WakeNotifier {
    pub fn wake(&self) {
        self.sender.send_replace(());
    }

    pub fn subscribe(&self) -> WakeReceiver {
        WakeReceiver(self.sender.subscribe())
    }
}

impl WakeReceiver {
    /// Returns at the next wake-up since the subscription.
    pub async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Listens until `draining`. Where nothing can listen (behind a pooler in transaction mode, without `database.direct_url`), polling does.
pub(super) async fn listen(database: Database, wake: WakeNotifier, draining: CancellationToken) {
    while !draining.is_cancelled() {
        let listened = tokio::select! {
            listened = listen_once(&database, &wake) => listened,
            () = draining.cancelled() => return,
        };
        let Err(problem) = listened else { continue };
        database.failed(NAME, problem).await;
        tokio::select! {
            () = database.health.pause(Duration::from_secs(30)) => {}
            () = draining.cancelled() => return,
        }
    }
}

/// Until the connection is lost. One that the network has lost says nothing for ever, so when another loop failed and is
/// not any more, it is made anew.
async fn listen_once(database: &Database, wake: &WakeNotifier) -> Result<(), StoreError> {
    let Some(options) = database.pool.listen_options().await? else {
        debug!("no wake-ups behind a pooler in transaction mode: polling alone");
        return std::future::pending().await;
    };
    let mut listener = listener(options).await.map_err(not_heard)?;
    debug!("listening for wake-ups");
    database.health.recovered(NAME);
    // What was said while nobody listened.
    wake.wake();
    loop {
        tokio::select! {
            notification = listener.try_recv() => match notification.map_err(not_heard)? {
                Some(_) => wake.wake(),
                None => return Err(not_heard(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into())),
            },
            () = database.health.over_for_another() => return Ok(()),
        }
    }
}

/// A connection of its own: one from the pool may be lost without a word, and sqlx says goodbye on it before it gives it back.
async fn listener(options: PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(LIMIT)
        .connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&own).await?;
    listener.eager_reconnect(false);
    let listening = tokio::time::timeout(LIMIT, listener.listen("mandated_jobs")).await;
    listening.map_err(|_over| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    Ok(listener)
}

fn not_heard(source: sqlx::Error) -> StoreError {
    let what = "listen for wake-ups (polling goes on)";
    StoreError::Database { what, source }
}
