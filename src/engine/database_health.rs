//! A database failure: logged once when it begins, now and then while it lasts, and once when it is over.
//!
//! Every loop reports here how its turns end. When the database is away they all find out; one line says so, and names them.
//! What is one statement's own (a lock, a timeout) is a failure of its own: it neither hides another nor is hidden.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::log_values::{chain, millis};
use crate::store::StoreError;
use crate::store::database_error_kind::DatabaseErrorKind;

/// After so many periods a person must act.
const PATIENCE: u32 = 5;

/// What is wrong with the database, as far as this process knows.
#[derive(Debug)]
pub struct DatabaseHealth {
    /// Between two lines about the same failure.
    again: Duration,
    open: Mutex<Vec<OngoingFailure>>,
    /// Answers that wait to be settled until it is over.
    kept: AtomicUsize,
    /// Whether so many wait that no more may be asked for.
    full: watch::Sender<bool>,
    /// A loop works again that did not.
    recovery: Notify,
}

/// A failure that is not over.
#[derive(Debug)]
struct OngoingFailure {
    kind: DatabaseErrorKind,
    /// The loops that are in it.
    loops: BTreeSet<String>,
    began: Instant,
    logged_at: Instant,
}

impl DatabaseHealth {
    pub fn new(again: Duration) -> Self {
        Self {
            again,
            open: Mutex::default(),
            kept: AtomicUsize::new(0),
            full: watch::Sender::new(false),
            recovery: Notify::new(),
        }
    }

    /// A loop could not do its work.
    pub fn failed(&self, name: &str, problem: &StoreError) {
        let now = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // While a server does not answer, the connections of this process get stuck one by one: that is no other failure.
        let known = open.iter().find(|other| other.kind.is_everywhere());
        let kind = known
            .filter(|_| problem.is_of_the_pool())
            .map_or(problem.kind(), |known| known.kind);
        // One failure can become another (refused, starting up, too many connections): it lasts since the first.
        let mut began = now;
        for other in open.iter_mut() {
            if !other.is_about(kind, name) && other.loops.remove(name) && other.loops.is_empty() {
                began = began.min(other.began);
            }
        }
        open.retain(|other| !other.loops.is_empty());
        if let Some(known) = open.iter_mut().find(|known| known.is_about(kind, name)) {
            known.loops.insert(name.to_owned());
            if now.duration_since(known.logged_at) >= self.again {
                known.logged_at = now;
                self.say(known, name, problem);
            }
            return;
        }
        let new = OngoingFailure {
            kind,
            loops: BTreeSet::from([name.to_owned()]),
            began,
            logged_at: now,
        };
        self.say(&new, name, problem);
        open.push(new);
    }

    /// A loop did its work. If it failed, the others that wait look at once whether they can go on too.
    pub fn recovered(&self, name: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_news = false;
        open.retain_mut(|failure| {
            is_news |= failure.loops.remove(name);
            if failure.loops.is_empty() {
                self.over(failure);
            }
            !failure.loops.is_empty()
        });
        drop(open);
        if is_news {
            self.recovery.notify_waiters();
        }
    }

    /// Waits before the next try, and no longer than until another loop finds that it is over.
    pub async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.recovery.notified() => {}
        }
    }

    /// Waits until another loop finds that it is over.
    pub async fn over_for_another(&self) {
        self.recovery.notified().await;
    }

    /// How many answers wait to be settled, and whether that is as many as may be.
    pub fn keep(&self, answers: usize, full: bool) {
        self.kept.store(answers, Ordering::Relaxed);
        self.full.send_if_modified(|was| {
            let is_news = *was != full;
            *was = full;
            is_news
        });
    }

    /// How many answers wait to be settled, as far as was said.
    pub fn kept(&self) -> usize {
        self.kept.load(Ordering::Relaxed)
    }

    /// Waits while so many answers wait to be settled that no more may be asked for.
    pub async fn room(&self) {
        // The sender is ours: it is never gone.
        drop(self.full.subscribe().wait_for(|full| !full).await);
    }

    fn say(&self, failure: &OngoingFailure, name: &str, problem: &StoreError) {
        let lasts = failure.began.elapsed();
        let loops = failure.loops.iter().map(String::as_str).collect::<Vec<_>>();
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    failure = failure.kind.as_str(),
                    lasts_ms = millis(lasts),
                    loops = loops.join(", "),
                    operation = name,
                    code = problem.code(),
                    error = %chain(problem),
                    answers_kept = self.kept(),
                    "database failure, the daemon tries again: {}",
                    failure.kind.advice()
                )
            };
        }
        if lasts >= self.again.saturating_mul(PATIENCE) {
            line!(error);
        } else {
            line!(warn);
        }
    }

    fn over(&self, failure: &OngoingFailure) {
        info!(
            failure = failure.kind.as_str(),
            lasted_ms = millis(failure.began.elapsed()),
            answers_kept = self.kept(),
            "the database failure is over"
        );
    }
}

impl OngoingFailure {
    fn is_about(&self, kind: DatabaseErrorKind, name: &str) -> bool {
        self.kind == kind && (kind.is_everywhere() || self.loops.contains(name))
    }
}
