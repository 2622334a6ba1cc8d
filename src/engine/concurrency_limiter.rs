//! How many jobs may be under way at once, over all accounts. Half of these places are the accounts' own, in equal parts, so that
//! however many calls of one do not end the others go on; the other half is for whoever comes first.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one account may take.
#[derive(Debug)]
pub struct ConcurrencyLimiter {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl ConcurrencyLimiter {
    /// A limiter for each account.
    pub fn divide(all: usize, accounts: usize) -> Vec<Self> {
        let own = all
            .checked_div(accounts.saturating_mul(2))
            .unwrap_or_default();
        let shared = all.saturating_sub(own.saturating_mul(accounts));
        let shared = Arc::new(Semaphore::new(shared));
        let limiter = || Self {
            own: Arc::new(Semaphore::new(own)),
            shared: Arc::clone(&shared),
        };
        std::iter::repeat_with(limiter).take(accounts).collect()
    }

    /// Up to `wanted` that are free now, its own first.
    pub fn try_acquire(&self, wanted: usize) -> Vec<OwnedSemaphorePermit> {
        let one = || {
            let own = Arc::clone(&self.own).try_acquire_owned();
            own.or_else(|_none| Arc::clone(&self.shared).try_acquire_owned())
                .ok()
        };
        std::iter::from_fn(one).take(wanted).collect()
    }

    /// One, as soon as it is free.
    pub async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        let (own, shared) = (Arc::clone(&self.own), Arc::clone(&self.shared));
        tokio::select! {
            biased;
            place = own.acquire_owned() => place.ok(),
            place = shared.acquire_owned() => place.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;

    use super::*;

    #[test]
    fn no_account_can_take_the_places_of_another() {
        for (all, accounts, alone, beside) in [
            (256, 1, 256, 0),
            (256, 2, 192, 64),
            (256, 3, 172, 42),
            (4, 2, 3, 1),
            (1, 2, 1, 0),
        ] {
            let limiters = ConcurrencyLimiter::divide(all, accounts);
            assert_eq!(limiters.len(), accounts);
            let first = limiters[0].try_acquire(usize::MAX);
            assert_eq!(first.len(), alone, "{all} for {accounts}");
            for other in &limiters[1..] {
                let others = other.try_acquire(usize::MAX);
                assert_eq!(others.len(), beside, "{all} for {accounts}");
            }
        }
    }

    #[tokio::test]
    async fn a_place_that_another_account_gives_up_is_heard_of() {
        let limiters = ConcurrencyLimiter::divide(4, 2);
        let first = limiters[0].try_acquire(3);
        let _own = limiters[1].try_acquire(1);
        let mut next = Box::pin(limiters[1].acquire());
        assert!(poll!(&mut next).is_pending());
        drop(first);
        assert!(next.await.is_some());
    }
}
