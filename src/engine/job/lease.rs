//! The end of the lease: what has not left by then never does.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::Run;
use crate::domain::Timestamp;

impl Run<'_> {
    /// Whether a call may be begun: the lease must outlive it, or somebody else may have the job before it is answered.
    pub(super) fn outlives_a_call(&self) -> bool {
        let needed = tokio::time::Instant::now().checked_add(self.worker.account.timeout);
        needed.is_some_and(|needed| needed < self.deadline)
    }

    /// The same instant on this machine's monotonic clock, and no later than the end of the lease.
    pub(super) fn by(&self, leave_by: Timestamp) -> tokio::time::Instant {
        let left = leave_by
            .signed_duration_since(self.worker.clock.now())
            .to_std()
            .unwrap_or_default();
        let end = tokio::time::Instant::now().checked_add(left);
        end.map_or(self.deadline, |end| end.min(self.deadline))
    }

    /// A call, as long as the lease lasts; nothing once it is over. Behind the rate limit or a slow connection it could otherwise go
    /// out after somebody else has found that it was never made.
    pub(super) async fn within_lease<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let mut call = pin!(call);
        let mut over = pin!(tokio::time::sleep_until(self.deadline));
        poll_fn(|context| {
            // A process that was stopped for a while must find out before it goes on. Its timers may not have heard of it yet: the
            // clock itself is asked.
            let is_over = over.as_mut().poll(context).is_ready()
                || tokio::time::Instant::now() >= self.deadline;
            if is_over {
                return Poll::Ready(None);
            }
            call.as_mut().poll(context).map(Some)
        })
        .await
    }
}
