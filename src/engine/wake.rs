//! Wake-ups: a NOTIFY from the database, or work that this daemon made itself. They only wake; polling is what is relied on.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::lane::chain;

/// Wakes every lane that sleeps.
#[derive(Debug, Clone)]
pub struct Wake {
    sender: watch::Sender<()>,
}

/// One lane's ear.
#[derive(Debug)]
pub struct Ear(watch::Receiver<()>);

impl Default for Wake {
    fn default() -> Self {
        Self {
            sender: watch::Sender::new(()),
        }
    }
}

impl Wake {
    pub fn wake(&self) {
        self.sender.send_replace(());
    }

    pub fn subscribe(&self) -> Ear {
        Ear(self.sender.subscribe())
    }
}

impl Ear {
    /// Returns at the next wake-up since the subscription.
    pub async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Listens until `draining`. Where LISTEN does not work (a pooler in transaction mode), polling does.
pub async fn listen(pool: PgPool, wake: Wake, draining: CancellationToken) {
    while !draining.is_cancelled() {
        tokio::select! {
            problem = listen_once(&pool, &wake) => {
                warn!(error = %chain(&problem), "cannot listen for wake-ups; polling goes on");
            }
            () = draining.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(30)) => {}
            () = draining.cancelled() => return,
        }
    }
}

async fn listen_once(pool: &PgPool, wake: &Wake) -> sqlx::Error {
    let mut listener = match PgListener::connect_with(pool).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    if let Err(error) = listener.listen("mandated_jobs").await {
        return error;
    }
    debug!("listening for wake-ups");
    loop {
        match listener.recv().await {
            Ok(_) => wake.wake(),
            Err(error) => return error,
        }
    }
}
