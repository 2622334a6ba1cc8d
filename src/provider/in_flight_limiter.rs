//! How many calls to an account may be under way at once: the `max_in_flight` of its configuration, or this process's share of it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Debug)]
pub struct InFlightLimiter(watch::Sender<InFlight>);

/// How many there are, and how many there may be.
#[derive(Debug)]
pub struct InFlight {
    calls: usize,
    max: usize,
    /// After it nothing may be called, until more is known.
    until: Option<Instant>,
}

/// A call may be made. It is over when this is dropped.
#[derive(Debug)]
pub struct CallPermit(Arc<InFlightLimiter>);

impl InFlight {
    fn max(&self) -> usize {
        let is_ours = self.until.is_none_or(|until| Instant::now() < until);
        if is_ours { self.max } else { 0 }
    }
}

impl InFlightLimiter {
    /// Without a limit, for a process that is alone.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(InFlight {
            calls: 0,
            max: usize::MAX,
            until: None,
        }))
    }

    /// From now on so many at once.
    pub(super) fn limit(&self, max: usize, until: Option<Instant>) {
        self.0.send_modify(|state| {
            state.max = max;
            state.until = until;
        });
    }

    /// None while this process has no share.
    pub fn max(&self) -> usize {
        self.0.borrow().max()
    }

    pub fn calls(&self) -> usize {
        self.0.borrow().calls
    }

    pub(super) fn has_room(&self) -> bool {
        let state = self.0.borrow();
        state.calls < state.max()
    }

    /// For a limit that changes, and for calls that end, since the subscription.
    pub fn subscribe(&self) -> watch::Receiver<InFlight> {
        self.0.subscribe()
    }

    /// Room for one more call, if there is any.
    pub(super) fn try_acquire(self: &Arc<Self>) -> Option<CallPermit> {
        let mut is_room = false;
        self.0.send_if_modified(|state| {
            is_room = state.calls < state.max();
            if is_room {
                state.calls = state.calls.saturating_add(1);
            }
            false
        });
        is_room.then(|| CallPermit(Arc::clone(self)))
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        let end = |state: &mut InFlight| state.calls = state.calls.saturating_sub(1);
        self.0.0.send_modify(end);
    }
}
