//! The question that comes instead of a step of a paused mandate: is it active again?

use super::Run;
use crate::domain::machine::decide::Decision;
use crate::domain::machine::gate::asked;
use crate::domain::{AttemptOutcome, Call};
use crate::provider::{MandateAnswer, Provider, Wire};

impl Run<'_> {
    pub(super) async fn ask_mandate(&mut self) -> Decision {
        let mandate = &self.claimed.mandate;
        let began = tokio::time::Instant::now();
        let answer = self.client.mandate_status(mandate, self.now);
        let answer = self.within_lease(answer).await;
        let answer = answer.unwrap_or_else(|_over| MandateAnswer::Failed {
            why: "the lease ended before the provider answered".to_owned(),
        });
        let (said, message) = match answer {
            MandateAnswer::Status { status, word } => (Some(status), Some(word)),
            MandateAnswer::NotOffered => (None, None),
            MandateAnswer::Failed { why } => (None, Some(why)),
        };
        let wire = Wire {
            latency: began.elapsed(),
            message,
            ..Wire::default()
        };
        let outcome = said.map_or(AttemptOutcome::Unknown, AttemptOutcome::from);
        let reference = mandate.provider_mandate_id.clone();
        self.record(Call::MandateStatus, &reference, outcome, None, &wire);
        asked(
            &self.execution,
            self.claimed.step,
            said,
            self.policy,
            self.now,
        )
    }
}
