//! The steps that have the payer notified, and ask what became of it.

use super::record::maybe_sent;
use super::{JobError, Run};
use crate::domain::ids::notification_ref;
use crate::domain::machine::decide::Decision;
use crate::domain::machine::decide::notification::decide_notification;
use crate::domain::outcome::NotificationOutcome;
use crate::domain::plan::debit_after_notice;
use crate::domain::{Call, Instant, NotificationState, Step};
use crate::provider::{NotifyRequest, Provider};
use crate::store::settle::NotificationResult;

impl Run<'_> {
    pub(super) async fn notification(
        &mut self,
    ) -> Result<(Decision, Option<NotificationResult>), JobError> {
        let execution = &self.claimed.execution;
        let reference = self.claimed.notification_ref.clone().unwrap_or_else(|| {
            notification_ref(
                &self.engine.tag,
                execution.id,
                execution.progress.notification_no,
            )
        });
        self.check_lease()?;
        let (call, reply) = if self.claimed.step == Step::Notify {
            let request = NotifyRequest {
                at: self.now,
                deadline: self.send_by(),
                mandate: &self.claimed.mandate,
                reference: &reference,
                amount: execution.amount,
                debit_at: self.announced_debit(),
            };
            (Call::Notify, self.client.notify(&request).await)
        } else {
            let client = &self.client;
            (
                Call::NotificationStatus,
                client
                    .notification_status(&self.claimed.mandate, &reference, self.now)
                    .await,
            )
        };
        let state = match &reply.outcome {
            NotificationOutcome::Delivered => Some(NotificationState::Delivered),
            NotificationOutcome::Pending | NotificationOutcome::AlreadyExists => {
                Some(NotificationState::Requested)
            }
            NotificationOutcome::Failed(_) => Some(NotificationState::Failed),
            NotificationOutcome::NotFound => None,
            NotificationOutcome::Call(failure) => {
                Some(NotificationState::Requested).filter(|_| maybe_sent(failure))
            }
        };
        let (outcome, class) = (reply.outcome.recorded(), reply.outcome.failure());
        let class = class.map(|failure| failure.class);
        self.record(call, &reference, outcome, class, &reply.wire);
        let decision = decide_notification(
            execution,
            self.claimed.step,
            &reply.outcome,
            self.policy,
            self.now,
        );
        let no = execution.progress.notification_no;
        let result = state.map(|state| NotificationResult {
            no,
            reference: notification_ref(&self.engine.tag, execution.id, no),
            state,
            message: reply.wire.message.clone(),
        });
        Ok((decision, result))
    }

    /// The debit time that the payer is told: the planned one, or the earliest lawful one when the notification is late.
    fn announced_debit(&self) -> Instant {
        let execution = &self.claimed.execution;
        let cycle = execution.order_cycle();
        debit_after_notice(&cycle, self.policy, execution.id.0, self.now, self.now)
            .map_or(cycle.debit_at, |span| span.opens)
    }
}
