//! A call was refused: is it the account, or this execution alone? Another mandate tells, before all of the account's calls wait.

use tracing::warn;

use super::{JobError, Run};
use crate::domain::machine::Conclusion;
use crate::domain::machine::decide::AccountPause;
use crate::domain::outcome::CallFailure;
use crate::domain::reason::{CallCause, Cause};
use crate::engine::account::Refusal;
use crate::provider::Provider;
use crate::store::accounts::mandate_to_ask_about;

impl Run<'_> {
    /// A refusal pauses the account only where the provider refuses to speak of another mandate too, or of the same one if there is
    /// no other. Else it stays this execution's trouble: nothing was processed, and the call is made again later.
    pub(super) async fn confirm_refusal(
        &self,
        conclusion: &mut Conclusion,
    ) -> Result<(), JobError> {
        let decision = &mut conclusion.decision;
        let Cause::Call(CallCause::CredentialsRefused { why }) = &decision.reason.cause else {
            return Ok(());
        };
        if decision.account != Some(AccountPause::Refused) || self.is_account_refused().await? {
            return Ok(());
        }
        warn!(
            account = self.worker.account.name,
            execution.id = self.claimed.execution.id.0,
            mandate.r#ref = self.claimed.mandate.reference,
            error = why,
            "the provider refuses a call for this execution, and takes the account's key for another mandate: ask the provider why; \
             it is tried again until its cycle closes"
        );
        let why = why.clone();
        decision.reason.cause = CallCause::RefusedAlone { why }.into();
        decision.account = None;
        Ok(())
    }

    /// One of those who find out at the same time asks, and the others hear what it was told.
    async fn is_account_refused(&self) -> Result<bool, JobError> {
        let mut last = self.worker.account.refusal.lock().await;
        if let Some(told) = last.and_then(|last| last.still_holds(self.now)) {
            return Ok(told);
        }
        let mandate = &self.claimed.mandate;
        let pool = &self.worker.database.pool;
        let found = mandate_to_ask_about(pool, self.worker.account.id, Some(mandate.id));
        let what = "find a mandate to ask the provider about";
        let other = self
            .worker
            .database
            .within(what, found)
            .await
            .map_err(|source| JobError::store(self.claimed, source))?;
        let about = other.unwrap_or_else(|| mandate.into());
        let asked = self.client.probe(Some(&about), self.now);
        // Not told in time is not confirmed.
        let refused = self
            .within_lease(asked)
            .await
            .is_some_and(|probe| matches!(probe.status, Err(CallFailure::AccountRefused { .. })));
        *last = Some(Refusal {
            at: self.now,
            confirmed: refused,
        });
        Ok(refused)
    }
}
