//! What each call says, and until when it may leave.

use super::action::Action;
use super::request::{Notice, Request, RetryRequest};
use super::{Machine, Phase};
use crate::domain::plan::debit_after_notice;
use crate::domain::{Notify, Timestamp};

impl Machine<'_> {
    /// Tells the payer the planned debit time, or the earliest lawful one when the notification is late.
    pub(super) fn notify_request(&self) -> Request {
        let cycle = self.execution.order_cycle();
        let (seed, now) = (self.execution.id.0, self.action_began_at);
        let debit_at = debit_after_notice(&cycle, self.policy, seed, now, now)
            .map_or(cycle.debit_at, |span| span.opens);
        Request::Notify { debit_at }
    }

    pub(super) fn execute_request(&self) -> Request {
        let (notify, execute_at) = (self.execution.notify, self.execution.progress.execute_at);
        let notice = match (notify, execute_at) {
            (Notify::Separate, _) => Notice::Reference,
            (Notify::Provider, Some(at)) => Notice::ExecuteAt(at),
            (Notify::Provider, None) | (Notify::None, _) => Notice::Exempt,
        };
        Request::Execute { notice }
    }

    pub(super) fn retry_request(&self) -> Request {
        Request::Retry(RetryRequest {
            provider_ref: self.provider_ref.clone(),
            next_scheduled_on: self.job.next_scheduled_on,
        })
    }

    pub(super) fn send(&mut self, request: Request) -> Action {
        self.phase = match request {
            Request::Notify { .. } => Phase::Notifying,
            Request::Execute { .. } | Request::Retry(_) => Phase::Calling,
        };
        Action::Send {
            leave_by: self.leave_by(&request),
            request,
        }
    }

    /// The latest that a call which debits or notifies may leave: it may have to wait for its turn, and meanwhile its window ends, or
    /// the cycle.
    fn leave_by(&self, request: &Request) -> Timestamp {
        let now = self.action_began_at;
        let windows = match request {
            Request::Notify { .. } => Some(&self.policy.notify_windows),
            // It hands over when to debit.
            Request::Execute {
                notice: Notice::ExecuteAt(_),
            } => None,
            Request::Execute {
                notice: Notice::Reference | Notice::Exempt,
            }
            | Request::Retry(_) => Some(&self.policy.debit_windows),
        };
        let window = windows
            .and_then(|windows| windows.at_or_after(now))
            .filter(|span| span.opens <= now)
            .and_then(|span| span.closes);
        let closes = self.execution.cycle.closes_at;
        [self.job.run_before, window]
            .into_iter()
            .flatten()
            .fold(closes, Timestamp::min)
    }
}
