//! When the next call to an account may be made: not with too many under way, and not too many a second. Who comes first goes first.
//!
//! Both are limits of the account, whoever calls. A process that is one of several has a share of them, and only for as long as
//! it has heard that the share is still its own.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::in_flight_limiter::{CallPermit, InFlightLimiter};
use super::rate_limiter::RateLimiter;

/// The calls of this process to one account.
#[derive(Debug)]
pub struct CallLimiter {
    pub in_flight: Arc<InFlightLimiter>,
    pub rate: RateLimiter,
    /// Whoever holds it has the next turn.
    queue: Mutex<()>,
}

impl CallLimiter {
    /// The whole of `tps`, for a process that is alone.
    pub fn new(tps: u32) -> Self {
        Self {
            in_flight: Arc::new(InFlightLimiter::new()),
            rate: RateLimiter::new(tps),
            queue: Mutex::default(),
        }
    }

    /// From now on a share: so many calls at once, and one part in `members` of the calls a second.
    pub fn share(&self, max_in_flight: usize, members: u32, until: Instant) {
        // The rate first: what has room then goes out at the new one.
        self.rate.share(members);
        self.in_flight.limit(max_in_flight, Some(until));
    }

    /// Nothing may be called until there is a share.
    pub fn stop(&self) {
        self.in_flight.limit(0, None);
        self.rate.stop();
    }

    /// Waits until the next call may be made.
    pub async fn permit(&self) -> CallPermit {
        let _first = self.queue.lock().await;
        loop {
            let mut changes = self.in_flight.subscribe();
            if !self.in_flight.has_room() {
                // The sender is ours: it is never gone.
                drop(changes.changed().await);
                continue;
            }
            // A turn is used up even if there is no room then, so it is not waited for without.
            tokio::select! {
                _ = changes.changed() => {}
                () = self.rate.turn() => {
                    if let Some(permit) = self.in_flight.try_acquire() {
                        return permit;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;
    use std::time::Duration;

    use futures::poll;

    use super::*;

    fn long() -> Instant {
        let now = Instant::now();
        now.checked_add(Duration::from_mins(1)).unwrap()
    }

    #[tokio::test]
    async fn no_more_are_in_flight_than_the_share_allows() {
        let limiter = CallLimiter::new(1_000_000);
        limiter.share(2, 1, long());
        let (one, two) = (limiter.permit().await, limiter.permit().await);
        let mut third = Box::pin(limiter.permit());
        assert!(poll!(&mut third).is_pending());
        // A smaller share waits for the end of what is under way.
        limiter.share(1, 1, long());
        drop(one);
        assert!(poll!(&mut third).is_pending());
        drop(two);
        let third = third.await;
        assert_eq!(limiter.in_flight.calls(), 1);
        drop(third);
        assert_eq!(limiter.in_flight.calls(), 0);
    }

    #[tokio::test]
    async fn a_share_that_nobody_has_renewed_is_none() {
        let limiter = CallLimiter::new(1_000_000);
        limiter.share(2, 1, long());
        assert_eq!(limiter.in_flight.max(), 2);
        drop(limiter.permit().await);
        limiter.share(2, 1, Instant::now());
        assert_eq!(limiter.in_flight.max(), 0);
        let mut waiting = Box::pin(limiter.permit());
        assert!(poll!(&mut waiting).is_pending());
        limiter.share(2, 1, long());
        drop(waiting.await);
        limiter.stop();
        assert_eq!(limiter.in_flight.max(), 0);
        assert!(matches!(poll!(Box::pin(limiter.permit())), Poll::Pending));
    }

    #[tokio::test]
    async fn permits_are_given_in_the_order_in_which_they_were_asked_for() {
        let limiter = CallLimiter::new(1_000_000);
        limiter.share(1, 1, long());
        let held = limiter.permit().await;
        let mut first = Box::pin(limiter.permit());
        let mut second = Box::pin(limiter.permit());
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        drop(held);
        assert!(poll!(&mut second).is_pending());
        drop(first.await);
        drop(second.await);
    }
}
