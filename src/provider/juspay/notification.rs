//! The pre-debit notification: `POST /mandates/{mandate_id}` with `pre_debit_notify`, and `GET /notifications/{reference}`.

use std::time::Duration;

use serde_json::json;

use crate::domain::outcome::{CallFailure, NotificationOutcome};
use crate::domain::{Mandate, Rail, Timestamp};
use crate::provider::http::Sent;
use crate::provider::{Answered, NotifyRequest, Reading, Reply};

use super::Juspay;
use super::answer::{Judgement, JuspayAnswer, Refusal};
use super::metadata::{INVOICE_NUMBER, value_text};

/// What the payer may be told, in characters ("Juspay Notification API").
const MAX_DESCRIPTION: usize = 50;

/// Which of the two calls was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    ToNotify,
    About,
}

/// The notification that a call is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) reading: Reading<'a>,
    /// Nothing where any notification will do.
    pub(super) reference: Option<&'a str>,
    pub(super) asked: Asked,
}

impl Juspay {
    pub(super) async fn pre_debit_notify(
        &self,
        request: &NotifyRequest<'_>,
    ) -> Reply<NotificationOutcome> {
        let mandate = request.mandate;
        let mut form = vec![
            ("command", "pre_debit_notify".to_owned()),
            ("object_reference_id", request.reference.to_owned()),
            ("source_info", source_info(request)),
        ];
        let description: String = mandate.description.chars().take(MAX_DESCRIPTION).collect();
        if !description.is_empty() {
            form.push(("description", description));
        }
        let call = self
            .post(&["mandates", &mandate.provider_mandate_id], mandate)
            .form(&form);
        let deadline = Some(request.deadline);
        let sent = self.http.send_before(call, request.at, deadline).await;
        let about = About {
            reading: self.reading(mandate),
            reference: Some(request.reference),
            asked: Asked::ToNotify,
        };
        about.reply_to(sent)
    }

    pub(super) async fn status_of_notification(
        &self,
        mandate: &Mandate,
        reference: &str,
        at: Timestamp,
    ) -> Reply<NotificationOutcome> {
        let sent = self
            .http
            .send(
                self.get(&["notifications", reference], &mandate.customer_id),
                at,
            )
            .await;
        let about = About {
            reading: self.reading(mandate),
            reference: Some(reference),
            asked: Asked::About,
        };
        about.reply_to(sent)
    }
}

impl About<'_> {
    fn reply_to(self, sent: Sent) -> Reply<NotificationOutcome> {
        match sent.result {
            Ok(answered) => self.reply(&answered, sent.latency),
            Err(failure) => Reply::unanswered(NotificationOutcome::Call, failure, sent.latency),
        }
    }

    /// Reads an answer about the notification.
    pub(super) fn reply(
        self,
        answered: &Answered,
        latency: Duration,
    ) -> Reply<NotificationOutcome> {
        let answer = JuspayAnswer::read(answered);
        let outcome = match (answer.judge(), self.asked) {
            (Judgement::Call(failure), _) => NotificationOutcome::Call(failure),
            (Judgement::Processed { status }, _) => self.by_status(&answer, &status),
            (Judgement::Refused(Refusal::Duplicate), Asked::ToNotify) => {
                NotificationOutcome::AlreadyExists
            }
            (Judgement::Refused(Refusal::NotProcessed), Asked::ToNotify)
                if already_exists(&answer) =>
            {
                NotificationOutcome::AlreadyExists
            }
            (Judgement::Refused(Refusal::NotProcessed), Asked::ToNotify) => {
                NotificationOutcome::Failed(answer.failure(self.reading))
            }
            (Judgement::Refused(_), Asked::About) if is_missing(&answer) => {
                NotificationOutcome::NotFound
            }
            // A look-up that is refused says nothing about the notification.
            (Judgement::Refused(_), Asked::About) => NotificationOutcome::Call(answer.unproven()),
        };
        let wire = answer.wire(latency, outcome.failure());
        Reply::new(outcome, wire)
    }

    /// The four states ("Juspay Appendix", "Notification Status"); one that is not among them is pending.
    fn by_status(self, answer: &JuspayAnswer, status: &str) -> NotificationOutcome {
        if let Some(wanted) = self.reference
            && answer.states("object_reference_id")
            && answer.text("object_reference_id").as_deref() != Some(wanted)
        {
            let why = format!("an answer about another notification than {wanted}");
            return NotificationOutcome::Call(CallFailure::Unknown { why });
        }
        match status {
            "SUCCESS" if answer.states("status") => NotificationOutcome::Delivered,
            "FAILURE" => NotificationOutcome::Failed(answer.failure(self.reading)),
            "NOT_FOUND" => NotificationOutcome::NotFound,
            _ if already_exists(answer) => NotificationOutcome::AlreadyExists,
            _ if status.eq_ignore_ascii_case("ERROR") => {
                NotificationOutcome::Call(answer.unproven())
            }
            _ => NotificationOutcome::Pending,
        }
    }
}

/// JSON text: the amount and the day of the debit, both as text, and for cards the merchant's own invoice number.
fn source_info(request: &NotifyRequest<'_>) -> String {
    let mut info = json!({
        "amount": request.amount.decimal(),
        "txn_date": request.debit_at.timestamp().to_string(),
    });
    let invoice = request
        .mandate
        .metadata
        .get(INVOICE_NUMBER)
        .and_then(value_text);
    if let (Rail::Card, Some(number), Some(info)) =
        (request.mandate.rail, invoice, info.as_object_mut())
    {
        info.insert(INVOICE_NUMBER.to_owned(), number.into());
    }
    info.to_string()
}

/// The other word for a duplicate: "Notification already present".
fn already_exists(answer: &JuspayAnswer) -> bool {
    answer
        .messages
        .iter()
        .any(|message| message.to_ascii_lowercase().contains("already present"))
}

/// The body of an unknown reference is documented nowhere; a web page is not Juspay's word.
fn is_missing(answer: &JuspayAnswer) -> bool {
    let words = answer
        .status
        .iter()
        .chain(&answer.messages)
        .map(|word| word.to_ascii_lowercase().replace('_', " "));
    let is_not_found = words.into_iter().any(|word| word.contains("not found"));
    is_not_found
        || answer.has_code("RESOURCE_NOT_FOUND")
        || answer.http_status == 404 && !answer.is_from_elsewhere()
}
