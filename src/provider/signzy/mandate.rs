//! The eMandate itself: where it stands, and the commands on it.

use std::time::Duration;

use reqwest::Method;

use super::answer::{Judgement, presentable};
use super::{Exchange, Signzy};
use crate::domain::outcome::CallFailure;
use crate::domain::{Mandate, MandateStatus, Timestamp};
use crate::provider::{MandateAnswer, MandateCommand, in_words};

/// A payment failed; only now may it be retried.
pub(super) const ON_HOLD: &str = "ON_HOLD";

/// What an eMandate's status means ("Signzy API Marketplace, Subscription Status and Workflow"), if we know the word.
fn mandate_status(word: &str) -> Option<MandateStatus> {
    match word {
        // On hold it is still debited, by way of a retry.
        "ACTIVE" | ON_HOLD => Some(MandateStatus::Active),
        "PAUSED" | "CUSTOMER_PAUSED" | "INITIALIZED" | "BANK_APPROVAL_PENDING" => {
            Some(MandateStatus::Paused)
        }
        "CANCELLED" | "CUSTOMER_CANCELLED" => Some(MandateStatus::Revoked),
        "EXPIRED" | "LINK_EXPIRED" => Some(MandateStatus::Expired),
        "COMPLETED" => Some(MandateStatus::Completed),
        "CARD_EXPIRED" => Some(MandateStatus::Failed),
        _ => None,
    }
}

impl Signzy {
    /// `GET /eMandates/{id}`.
    pub(super) async fn emandate(&self, mandate: &Mandate, at: Timestamp) -> MandateAnswer {
        match self.emandate_word(mandate, at).await.0 {
            Ok(word) => status_answer(word),
            Err(failure) => MandateAnswer::Failed {
                why: in_words(&failure),
            },
        }
    }

    /// The eMandate's status word, and how long it took to read.
    pub(super) async fn emandate_word(
        &self,
        mandate: &Mandate,
        at: Timestamp,
    ) -> (Result<String, CallFailure>, Duration) {
        let call = self.request(Method::GET, self.url(mandate, &[]));
        let exchange = self.call(call, at).await;
        let answer = &exchange.answer;
        let word = match exchange.judgement {
            Judgement::Call(failure) => Err(failure),
            Judgement::Missing | Judgement::Refused => Err(answer.unproven()),
            Judgement::Processed => answer
                .get("subscription")
                .and_then(|subscription| subscription.get("status"))
                .and_then(|status| status.as_str())
                .map(presentable)
                .ok_or_else(|| answer.unproven()),
        };
        (word, exchange.latency)
    }

    /// Resume is `POST …/activate` (from `ON_HOLD`, without a debit), revoke is `POST …/cancel`; a pause is the
    /// customer's alone.
    pub(super) async fn operate(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Timestamp,
    ) -> MandateAnswer {
        let (path, word) = match command {
            MandateCommand::Pause { .. } => return MandateAnswer::NotOffered,
            MandateCommand::Resume => ("activate", "ACTIVE"),
            MandateCommand::Revoke => ("cancel", "CANCELLED"),
        };
        let call = self.request(Method::POST, self.url(mandate, &[path]));
        let Exchange {
            answer, judgement, ..
        } = self.call(call, at).await;
        match judgement {
            Judgement::Call(failure) => MandateAnswer::Failed {
                why: in_words(&failure),
            },
            Judgement::Missing | Judgement::Refused => MandateAnswer::Failed { why: answer.why() },
            Judgement::Processed => {
                let sub_status = answer.text("subStatus");
                status_answer(
                    sub_status
                        .map_or_else(|| word.to_owned(), |sub_status| presentable(&sub_status)),
                )
            }
        }
    }
}

fn status_answer(word: String) -> MandateAnswer {
    match mandate_status(&word) {
        Some(status) => MandateAnswer::Status { status, word },
        None => MandateAnswer::Failed {
            why: format!("Signzy says {word:?}, which is no documented state of an eMandate"),
        },
    }
}
