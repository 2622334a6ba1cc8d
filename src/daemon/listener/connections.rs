//! How much of the process a stranger may take: few connections, each for a short time, each with a small request.
//!
//! When all places are taken the newest connection gets that of the oldest. A probe sends its request at once and is answered before
//! its turn to go comes; whoever opens thousands and says nothing only closes his own. No limit is per address: behind a proxy
//! everybody has the same one.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connections at once, where the process may open enough files.
const MOST: usize = 128;
/// Of the files that the process may open, the listener takes one in so many: the rest is for the database and the providers.
const SHARE_OF_FILES: u64 = 4;
/// Fewer would not do for a scraper and a few probes.
const FEWEST: usize = 8;

/// The first line and the headers of a request: as much as `hyper` wants room for, and ten times what a scraper sends.
const HEAD_BYTES: usize = 8 * 1024;
const HEADERS: usize = 32;
/// A request's head is there by then, or the connection is closed.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// A connection, with its one request and the answer, lives no longer.
const LIFE: Duration = Duration::from_secs(10);

/// Between two tries to accept while the process or the machine has no file left.
const NO_FILES: Duration = Duration::from_millis(50);
/// What answers under way may take when the process stops.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Answers until `stop` is cancelled. It never fails: what is wrong with one connection is nobody else's trouble.
pub(super) async fn serve(socket: TcpListener, router: Router, stop: &CancellationToken) {
    let mut open = Open::new(places());
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => break,
        };
        if let Ok((stream, _)) = accepted {
            open.admit(answer(stream, router.clone())).await;
        } else {
            // Gone before it was taken, or no file is left: then one of ours makes room.
            open.close_oldest().await;
            sleep(NO_FILES).await;
        }
    }
    open.finish().await;
}

/// One request and its answer. No body is read: no path has a use for one.
async fn answer(stream: TcpStream, router: Router) {
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // Nobody is told that a stranger went away, or spoke something else than HTTP.
    drop(timeout(LIFE, connection).await);
}

/// How many connections there may be at once.
fn places() -> usize {
    let files = getrlimit(Resource::Nofile).current;
    let share = files.map_or(MOST, |files| {
        usize::try_from(files / SHARE_OF_FILES).unwrap_or(MOST)
    });
    share.clamp(FEWEST, MOST)
}

/// The connections that are open, the oldest first.
struct Open {
    places: usize,
    tasks: JoinSet<()>,
    oldest_first: VecDeque<AbortHandle>,
}

impl Open {
    fn new(places: usize) -> Self {
        Self {
            places,
            tasks: JoinSet::new(),
            oldest_first: VecDeque::new(),
        }
    }

    /// Takes one in, in the place of the oldest where there is no other.
    async fn admit(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.oldest_first.retain(|handle| !handle.is_finished());
        if self.tasks.len() >= self.places {
            self.close_oldest().await;
        }
        self.oldest_first.push_back(self.tasks.spawn(connection));
    }

    /// Its file is closed when this returns.
    async fn close_oldest(&mut self) {
        if let Some(oldest) = self.oldest_first.pop_front() {
            oldest.abort();
            self.tasks.join_next().await;
        }
    }

    async fn finish(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What is left after that is closed with the process.
        drop(timeout(LAST_ANSWERS, all).await);
    }
}
