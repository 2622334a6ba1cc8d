//! Repeated lines: of one kind of warning or error, so many a minute and no more. A thousand leases that run out at once, or a row that
//! cannot be read and is tried every second, must not bury the line that says why.
//!
//! State changes are never left out: each is said once, and is somebody's money.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// So many lines of a kind,
const MOST: u32 = 20;
/// in this time.
const WINDOW: Duration = Duration::from_mins(1);
/// The lines of the log contract.
const CONTRACT: &str = "mandated::engine::log";

static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// How many lines this process has left out.
pub fn left_out() -> u64 {
    LEFT_OUT.load(Ordering::Relaxed)
}

#[derive(Debug, Default)]
pub(super) struct Sampler(Mutex<HashMap<Identifier, Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    logged: u32,
}

impl Sampler {
    fn is_said(&self, kind: Identifier, now: Instant) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Window {
            began: now,
            logged: 0,
        };
        let window = windows.entry(kind).or_insert_with(fresh);
        if now.duration_since(window.began) >= WINDOW {
            *window = fresh();
        }
        window.logged = window.logged.saturating_add(1);
        window.logged <= MOST
    }
}

impl<S: Subscriber> Layer<S> for Sampler {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let kind = event.metadata();
        if *kind.level() > Level::WARN || kind.target() == CONTRACT {
            return true;
        }
        let is_said = self.is_said(kind.callsite(), Instant::now());
        if !is_said {
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        }
        is_said
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::{Callsite, Identifier};

    use super::*;

    struct Kind;

    impl Callsite for Kind {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}
        fn metadata(&self) -> &tracing::Metadata<'_> {
            unreachable!("nobody asks")
        }
    }

    #[test]
    fn of_a_kind_twenty_a_minute_are_said() {
        let sampler = Sampler::default();
        let kind = Identifier(&Kind);
        let now = Instant::now();
        for n in 0..50 {
            assert_eq!(sampler.is_said(kind.clone(), now), n < 20, "{n}");
        }
        assert!(!sampler.is_said(kind.clone(), now + Duration::from_secs(59)));
        assert!(sampler.is_said(kind, now + Duration::from_mins(1)));
    }
}
