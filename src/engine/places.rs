//! Places for jobs under way, over all accounts. Half of them are the accounts' own, in equal parts, so that however many calls of
//! one do not end the others go on; the other half is for whoever comes first.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one account may take.
#[derive(Debug)]
pub struct Places {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Places {
    /// The places of each account.
    pub fn divide(all: usize, accounts: usize) -> Vec<Self> {
        let own = all
            .checked_div(accounts.saturating_mul(2))
            .unwrap_or_default();
        let shared = all.saturating_sub(own.saturating_mul(accounts));
        let shared = Arc::new(Semaphore::new(shared));
        let places = || Self {
            own: Arc::new(Semaphore::new(own)),
            shared: Arc::clone(&shared),
        };
        std::iter::repeat_with(places).take(accounts).collect()
    }

    /// Up to `wanted` that are free now, its own first.
    pub fn free(&self, wanted: usize) -> Vec<OwnedSemaphorePermit> {
        let free = || {
            let own = Arc::clone(&self.own).try_acquire_owned();
            own.or_else(|_none| Arc::clone(&self.shared).try_acquire_owned())
                .ok()
        };
        std::iter::from_fn(free).take(wanted).collect()
    }

    /// One, as soon as it is free.
    pub async fn next(&self) -> Option<OwnedSemaphorePermit> {
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
            let places = Places::divide(all, accounts);
            assert_eq!(places.len(), accounts);
            let first = places[0].free(usize::MAX);
            assert_eq!(first.len(), alone, "{all} for {accounts}");
            for other in &places[1..] {
                let others = other.free(usize::MAX);
                assert_eq!(others.len(), beside, "{all} for {accounts}");
            }
        }
    }

    #[tokio::test]
    async fn a_place_that_another_account_gives_up_is_heard_of() {
        let places = Places::divide(4, 2);
        let first = places[0].free(3);
        let _own = places[1].free(1);
        let mut next = Box::pin(places[1].next());
        assert!(poll!(&mut next).is_pending());
        drop(first);
        assert!(next.await.is_some());
    }
}
