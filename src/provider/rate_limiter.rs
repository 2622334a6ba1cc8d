//! How many calls a second an account allows, and which part of them is this process's.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::watch;
use tokio::time::Instant;

#[derive(Debug)]
pub struct RateLimiter {
    tps: NonZeroU32,
    share: watch::Sender<RateShare>,
}

#[derive(Debug)]
struct RateShare {
    /// So many share the calls of a second.
    members: u32,
    governor: Arc<DefaultDirectRateLimiter>,
    /// When the last call had its turn.
    last: Option<Instant>,
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

impl RateLimiter {
    /// The whole of `tps`, for a process that is alone.
    pub(super) fn new(tps: u32) -> Self {
        let tps = NonZeroU32::new(tps).unwrap_or(NonZeroU32::MIN);
        Self {
            tps,
            share: watch::Sender::new(RateShare {
                members: 1,
                governor: Arc::new(governor::RateLimiter::direct(quota(tps, 1))),
                last: None,
            }),
        }
    }

    /// Whatever comes next is another share.
    pub(super) fn stop(&self) {
        self.share.send_modify(|share| share.members = 0);
    }

    /// From now on one part in `members`.
    pub(super) fn share(&self, members: u32) {
        self.share.send_if_modified(|share| {
            if share.members == members {
                return false;
            }
            let quota = quota(self.tps, members);
            let governor = governor::RateLimiter::direct(quota);
            // It begins with nothing saved up: the change of a share is no reason for a burst. But who has waited for as long as
            // that takes need not begin to wait again: with shares that change all the time he would never come to a call.
            let burst = quota
                .replenish_interval()
                .saturating_mul(quota.burst_size().get());
            if share.last.is_none_or(|last| last.elapsed() < burst) {
                drop(governor.check_n(quota.burst_size()));
            }
            share.members = members;
            share.governor = Arc::new(governor);
            true
        });
    }

    /// How many calls have their turn in a time.
    pub fn calls_in(&self, time: Duration) -> usize {
        let pause = quota(self.tps, self.share.borrow().members).replenish_interval();
        let calls = time.as_nanos().checked_div(pause.as_nanos());
        calls.map_or(usize::MAX, |calls| {
            usize::try_from(calls).unwrap_or(usize::MAX)
        })
    }

    /// Waits for the turn of the next call, under the share that is in force then.
    pub(super) async fn turn(&self) {
        let mut changes = self.share.subscribe();
        loop {
            let governor = Arc::clone(&changes.borrow_and_update().governor);
            tokio::select! {
                _ = changes.changed() => {}
                () = governor.until_ready() => if self.is_turn(&governor) { return }
            }
        }
    }

    fn is_turn(&self, governor: &Arc<DefaultDirectRateLimiter>) -> bool {
        let mut is_in_force = false;
        self.share.send_if_modified(|share| {
            is_in_force = Arc::ptr_eq(&share.governor, governor);
            if is_in_force {
                share.last = Some(Instant::now());
            }
            false
        });
        is_in_force
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

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
        let limiter = RateLimiter::new(1_000);
        let governor = || Arc::clone(&limiter.share.borrow().governor);
        for members in [2, 1, 2] {
            limiter.share(members);
            assert!(governor().check().is_err(), "{members}");
        }
        let before = governor();
        limiter.share(2);
        assert!(Arc::ptr_eq(&before, &governor()), "the same share");
        limiter.stop();
        limiter.share(2);
        assert!(!Arc::ptr_eq(&before, &governor()), "another one");
    }
}
