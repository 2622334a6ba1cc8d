//! `POST /mandates/{mandate_id}`: what Juspay says about a mandate, and pause, resume, revoke.

use reqwest::RequestBuilder;

use crate::domain::{Mandate, MandateStatus, ProbeSubject, Timestamp};
use crate::provider::http::Sent;
use crate::provider::{CancelAnswer, MandateAnswer, MandateCommand, in_words};

use super::Juspay;
use super::answer::{Judgement, JuspayAnswer};

impl Juspay {
    /// Sends one command. `check_status` moves nothing and is always allowed.
    pub(super) async fn mandate_command(
        &self,
        mandate: &Mandate,
        command: &str,
        extra: Option<(&str, String)>,
        at: Timestamp,
    ) -> MandateAnswer {
        let mut form = vec![("command", command.to_owned())];
        form.extend(extra);
        let call = self
            .post(&["mandates", &mandate.provider_mandate_id], mandate)
            .form(&form);
        read(self.http.send(call, at).await)
    }

    /// The status of a mandate, which the command only reads.
    pub(super) fn check_status(&self, subject: &ProbeSubject) -> RequestBuilder {
        let url = self.url(&["mandates", &subject.provider_mandate_id]);
        self.with_headers(self.http.client().post(url), &subject.customer_id)
            .form(&[("command", "check_status")])
    }

    /// Pause and resume start at once, which is what their dates default to.
    pub(super) async fn operate(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Timestamp,
    ) -> MandateAnswer {
        let (word, extra) = match command {
            MandateCommand::Pause { until: Some(until) } => (
                "pause",
                Some(("pause_end_date", until.timestamp().to_string())),
            ),
            MandateCommand::Pause { until: None } => ("pause", None),
            MandateCommand::Resume => ("resume", None),
            MandateCommand::Revoke => ("revoke", None),
        };
        self.mandate_command(mandate, word, extra, at).await
    }
}

impl Juspay {
    /// "Juspay Stop Mandate Execution API": an order is taken back until half an hour before its execution date.
    pub(super) async fn stop_execution(
        &self,
        mandate: &Mandate,
        order_id: &str,
        at: Timestamp,
    ) -> CancelAnswer {
        let form = [
            ("command", "cancel_recurring_transaction"),
            ("order_id", order_id),
        ];
        let call = self
            .post(&["mandates", &mandate.provider_mandate_id], mandate)
            .form(&form);
        let answered = match self.http.send(call, at).await.result {
            Ok(answered) => answered,
            Err(failure) => {
                return CancelAnswer::Failed {
                    why: in_words(&failure),
                };
            }
        };
        let answer = JuspayAnswer::read(&answered);
        match answer.judge() {
            Judgement::Processed { status } if status == STOPPED => {
                CancelAnswer::Cancelled { word: status }
            }
            Judgement::Call(failure) => CancelAnswer::Failed {
                why: in_words(&failure),
            },
            Judgement::Processed { .. } | Judgement::Refused(_) => {
                CancelAnswer::Failed { why: answer.why() }
            }
        }
    }
}

/// What an order that was taken back has as its status.
const STOPPED: &str = "JUSPAY_DECLINED";

fn read(sent: Sent) -> MandateAnswer {
    let answered = match sent.result {
        Ok(answered) => answered,
        Err(failure) => {
            return MandateAnswer::Failed {
                why: in_words(&failure),
            };
        }
    };
    let answer = JuspayAnswer::read(&answered);
    match answer.judge() {
        Judgement::Processed { status } => by_word(status),
        Judgement::Call(failure) => MandateAnswer::Failed {
            why: in_words(&failure),
        },
        Judgement::Refused(_) => MandateAnswer::Failed { why: answer.why() },
    }
}

/// The states of a mandate ("Juspay Appendix", "Mandate Status").
fn by_word(word: String) -> MandateAnswer {
    let status = match word.as_str() {
        "ACTIVE" => MandateStatus::Active,
        "PAUSED" => MandateStatus::Paused,
        "REVOKED" => MandateStatus::Revoked,
        "EXPIRED" => MandateStatus::Expired,
        "FAILURE" => MandateStatus::Failed,
        "CREATED" => {
            return MandateAnswer::Failed {
                why: "the mandate is CREATED, not yet active: the payer has not approved it"
                    .to_owned(),
            };
        }
        _ => {
            return MandateAnswer::Failed {
                why: format!("Juspay says {word:?}, which is no documented state of a mandate"),
            };
        }
    };
    MandateAnswer::Status { status, word }
}
