//! How fast an account may be called: so many calls at once, and so many a second. Who comes first goes first.
//!
//! Both are limits of the account, whoever calls. A process that is one of several has a share of them, and only for as long as
//! it has heard that the share is still its own.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

/// The calls of this process to one account.
#[derive(Debug)]
pub struct RateLimiter {
    tps: NonZeroU32,
    state: watch::Sender<State>,
    /// Whoever holds it has the next turn.
    queue: Mutex<()>,
}

#[derive(Debug, Clone)]
struct State {
    in_flight: usize,
    /// Calls at once.
    max_in_flight: usize,
    /// So many share the calls of a second.
    members: u32,
    limiter: Arc<DefaultDirectRateLimiter>,
    /// After it nothing may be called, until more is known.
    until: Option<Instant>,
    /// When the last call had its turn.
    last: Option<Instant>,
}

/// A call may be made. It is over when this is dropped.
#[derive(Debug)]
pub struct CallPermit {
    rate_limiter: Arc<RateLimiter>,
}

/// Calls that could be made and were not are made up for as far back as this.
const BURSTS_A_SECOND: u32 = 100;

/// A member's part of the calls of a second: one at a time with a pause between, or what belongs into a hundredth of a second. In any
/// second all members together stay at `tps` and one burst of each.
fn quota(tps: NonZeroU32, members: u32) -> Quota {
    let members = members.max(1);
    let burst = tps
        .get()
        .checked_div(members.saturating_mul(BURSTS_A_SECOND));
    let burst = burst.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let pause = Duration::from_secs(u64::from(members)).checked_div(tps.get());
    pause
        .and_then(Quota::with_period)
        .map_or_else(|| Quota::per_second(tps), |quota| quota.allow_burst(burst))
}

impl State {
    fn has_room(&self) -> bool {
        let is_ours = self.until.is_none_or(|until| Instant::now() < until);
        is_ours && self.in_flight < self.max_in_flight
    }
}

impl RateLimiter {
    /// The whole of `tps`, for a process that is alone.
    pub fn new(tps: u32) -> Self {
        let tps = NonZeroU32::new(tps).unwrap_or(NonZeroU32::MIN);
        Self {
            tps,
            state: watch::Sender::new(State {
                in_flight: 0,
                max_in_flight: usize::MAX,
                members: 1,
                limiter: Arc::new(governor::RateLimiter::direct(quota(tps, 1))),
                until: None,
                last: None,
            }),
            queue: Mutex::default(),
        }
    }

    /// From now on a share: so many calls at once, and one part in `members` of the calls a second.
    pub fn share(&self, max_in_flight: usize, members: u32, until: Instant) {
        self.state.send_modify(|state| {
            state.max_in_flight = max_in_flight;
            state.until = Some(until);
            if state.members != members {
                let quota = quota(self.tps, members);
                let limiter = governor::RateLimiter::direct(quota);
                // It begins with nothing saved up: the change of a share is no reason for a burst. But who has waited for as long as
                // that takes need not begin to wait again: with shares that change all the time he would never come to a call.
                let burst = quota
                    .replenish_interval()
                    .saturating_mul(quota.burst_size().get());
                if state.last.is_none_or(|last| last.elapsed() < burst) {
                    drop(limiter.check_n(quota.burst_size()));
                }
                state.members = members;
                state.limiter = Arc::new(limiter);
            }
        });
    }

    /// Nothing may be called until there is a share.
    pub fn stop(&self) {
        self.state.send_modify(|state| {
            state.max_in_flight = 0;
            // Whatever comes next is another share.
            state.members = 0;
        });
    }

    /// Calls that may be under way at once: none while this process has no share.
    pub fn max_in_flight(&self) -> usize {
        let state = self.state.borrow();
        let is_ours = state.until.is_none_or(|until| Instant::now() < until);
        if is_ours { state.max_in_flight } else { 0 }
    }

    /// How many calls have their turn in a time.
    pub fn calls_in(&self, time: Duration) -> usize {
        let pause = quota(self.tps, self.state.borrow().members).replenish_interval();
        let calls = time.as_nanos().checked_div(pause.as_nanos());
        calls.map_or(usize::MAX, |calls| {
            usize::try_from(calls).unwrap_or(usize::MAX)
        })
    }

    pub fn in_flight(&self) -> usize {
        self.state.borrow().in_flight
    }

    /// For a share that was given or taken, and for calls that ended, since the subscription.
    pub fn subscribe(&self) -> Changes {
        Changes(self.state.subscribe())
    }

    /// Waits until the next call may be made.
    pub async fn permit(self: &Arc<Self>) -> CallPermit {
        let _first = self.queue.lock().await;
        let mut changes = self.state.subscribe();
        loop {
            let state = changes.borrow_and_update().clone();
            if !state.has_room() {
                // The sender is ours: it is never gone.
                drop(changes.changed().await);
                continue;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = state.limiter.until_ready() => {
                    if let Some(turn) = self.admit(&state.limiter) {
                        return turn;
                    }
                }
            }
        }
    }

    /// A turn under this limiter, if it is in force still and there is room.
    fn admit(self: &Arc<Self>, limiter: &Arc<DefaultDirectRateLimiter>) -> Option<CallPermit> {
        let mut is_admitted = false;
        self.state.send_if_modified(|state| {
            is_admitted = state.has_room() && Arc::ptr_eq(&state.limiter, limiter);
            if is_admitted {
                state.in_flight = state.in_flight.saturating_add(1);
                state.last = Some(Instant::now());
            }
            false
        });
        is_admitted.then(|| CallPermit {
            rate_limiter: Arc::clone(self),
        })
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        let end = |state: &mut State| state.in_flight = state.in_flight.saturating_sub(1);
        self.rate_limiter.state.send_modify(end);
    }
}

/// What becomes of a limiter.
#[derive(Debug)]
pub struct Changes(watch::Receiver<State>);

impl Changes {
    /// Returns at the next change since the subscription.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::poll;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate_limiter(tps: u32) -> Arc<RateLimiter> {
        Arc::new(RateLimiter::new(tps))
    }

    fn long() -> Instant {
        let now = Instant::now();
        now.checked_add(Duration::from_mins(1)).unwrap()
    }

    /// The most that arrives within a second of members who call whenever they may.
    fn busiest_second(tps: u32, members: u32) -> usize {
        let clock = FakeRelativeClock::default();
        let quota = quota(NonZeroU32::new(tps).unwrap(), members);
        let limiters: Vec<_> = (0..members)
            .map(|_| governor::RateLimiter::direct_with_clock(quota, clock.clone()))
            .collect();
        let mut called = Vec::new();
        for millis in 0..3_000_u32 {
            for limiter in &limiters {
                while limiter.check().is_ok() {
                    called.push(millis);
                }
            }
            clock.advance(Duration::from_millis(1));
        }
        let in_the_second_from = |from: u32| {
            let second = from..from.saturating_add(1_000);
            called.iter().filter(|at| second.contains(at)).count()
        };
        (0..2_000).map(in_the_second_from).max().unwrap()
    }

    #[test]
    fn in_no_second_do_all_members_call_more_often_than_the_account_allows() {
        for (tps, members) in [
            (1, 1),
            (1, 3),
            (50, 1),
            (50, 2),
            (50, 7),
            (1_000, 1),
            (1_000, 3),
        ] {
            let most = busiest_second(tps, members);
            let rounding = members.max(tps / BURSTS_A_SECOND);
            let allowed = usize::try_from(tps.saturating_add(rounding)).unwrap();
            assert!(
                most <= allowed,
                "{most} calls a second of {members} with {tps}"
            );
            let nine_in_ten = usize::try_from(tps.saturating_sub(tps / 10)).unwrap();
            assert!(
                most >= nine_in_ten,
                "{most} calls a second of {members} with {tps}"
            );
        }
    }

    #[tokio::test]
    async fn a_new_share_begins_with_nothing_saved_up() {
        let limiter = rate_limiter(1_000);
        for members in [2, 1, 2] {
            limiter.share(10, members, long());
            let bucket = Arc::clone(&limiter.state.borrow().limiter);
            assert!(bucket.check().is_err(), "{members}");
        }
        let before = Arc::clone(&limiter.state.borrow().limiter);
        limiter.share(5, 2, long());
        assert!(Arc::ptr_eq(&before, &limiter.state.borrow().limiter));
    }

    #[tokio::test]
    async fn no_more_are_in_flight_than_the_share_allows() {
        let limiter = rate_limiter(1_000_000);
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
        assert_eq!(limiter.in_flight(), 1);
        drop(third);
        assert_eq!(limiter.in_flight(), 0);
    }

    #[tokio::test]
    async fn a_share_that_nobody_has_renewed_is_none() {
        let limiter = rate_limiter(1_000_000);
        limiter.share(2, 1, long());
        assert_eq!(limiter.max_in_flight(), 2);
        drop(limiter.permit().await);
        limiter.share(2, 1, Instant::now());
        assert_eq!(limiter.max_in_flight(), 0);
        let mut waiting = Box::pin(limiter.permit());
        assert!(poll!(&mut waiting).is_pending());
        limiter.share(2, 1, long());
        drop(waiting.await);
        limiter.stop();
        assert_eq!(limiter.max_in_flight(), 0);
        assert!(matches!(poll!(Box::pin(limiter.permit())), Poll::Pending));
    }

    #[tokio::test]
    async fn permits_are_given_in_the_order_in_which_they_were_asked_for() {
        let limiter = rate_limiter(1_000_000);
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
