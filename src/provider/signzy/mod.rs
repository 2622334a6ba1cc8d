//! Signzy eNACH: eMandates and their payments. The base URL is configured up to and including `/api/v3/eNach`.
//!
//! No call has an idempotency key, so what the provider had before a call is read and recorded, and tells afterwards
//! whether the call got through. What that counter is depends on the call:
//!
//! - around a charge (on-demand eMandates) it is the newest payment id of the eMandate, 0 before the first: only a
//!   newer payment of the same amount can be ours;
//! - around a retry it is the payment's `retryAttempts`, as it is of every payment once it is known.

mod answer;
mod charge;
mod lookup;
mod mandate;
mod payment;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use url::Url;

use super::{
    AccountSettings, ExecuteRequest, Http, LookupRequest, MandateAnswer, MandateCommand,
    NotifyRequest, Provider, Reply, RetryRequest, Wire,
};
use crate::domain::classify::{Classifier, Signals};
use crate::domain::outcome::{Counter, Failure, NotificationOutcome};
use crate::domain::{Class, Instant, Mandate, Outcome, ProviderKind};
use answer::{Answer, Judgement};

/// The client of one Signzy account.
#[derive(Debug)]
pub struct Signzy {
    settings: AccountSettings,
    http: Http,
    classifier: Arc<Classifier>,
}

/// One call: what came back, what it proves, and how long it took.
#[derive(Debug)]
struct Exchange {
    answer: Answer,
    judgement: Judgement,
    latency: Duration,
}

impl Signzy {
    pub fn new(settings: AccountSettings, http: Http, classifier: Arc<Classifier>) -> Self {
        Self {
            settings,
            http,
            classifier,
        }
    }

    /// The key goes into the header as it is, without a scheme.
    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http
            .client()
            .request(method, url)
            .header(AUTHORIZATION, self.settings.api_key.expose_secret())
    }

    /// `{base}/eMandates/{subReferenceId}` with a path behind it, each part escaped.
    fn url(&self, mandate: &Mandate, path: &[&str]) -> Url {
        let mut url = self.settings.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push("eMandates")
                .push(&mandate.provider_mandate_id);
            segments.extend(path);
        }
        url
    }

    async fn call(&self, request: RequestBuilder, at: Instant) -> Exchange {
        let sent = self.http.send(request, at).await;
        let (answer, judgement) = match sent.result {
            Ok(answered) => {
                let answer = Answer::read(&answered);
                let judgement = answer.judge();
                (answer, judgement)
            }
            Err(failure) => (Answer::default(), Judgement::Call(failure)),
        };
        Exchange {
            answer,
            judgement,
            latency: sent.latency,
        }
    }

    /// The class of a failure, and what the provider said of it.
    fn failure(
        &self,
        answer: &Answer,
        mandate: &Mandate,
        codes: &[(&str, &str)],
        messages: &[&str],
    ) -> Failure {
        self.classifier.classify(&Signals {
            account: &self.settings.name,
            provider: ProviderKind::Signzy,
            rail: mandate.rail,
            http_status: answer.http_status.unwrap_or_default(),
            status: answer.status(),
            codes,
            messages,
        })
    }

    /// The failure that a refused call tells of.
    fn refusal(&self, answer: &Answer, mandate: &Mandate) -> Failure {
        let codes: Vec<(&str, &str)> = answer
            .codes
            .iter()
            .map(|(field, code)| (*field, code.as_str()))
            .collect();
        let messages: Vec<&str> = answer.messages.iter().map(String::as_str).collect();
        self.failure(answer, mandate, &codes, &messages)
    }
}

impl Exchange {
    fn wire(&self, outcome: &Outcome) -> Wire {
        let failure = match outcome {
            Outcome::Failed(failure)
            | Outcome::Refused(failure)
            | Outcome::Reversed(failure)
            | Outcome::Odd(failure) => Some(failure),
            Outcome::Charged { .. }
            | Outcome::Pending
            | Outcome::AlreadyExists
            | Outcome::NotFound
            | Outcome::Call(_) => None,
        };
        let said = || self.answer.messages.first().cloned();
        Wire {
            http_status: self.answer.http_status,
            latency: self.latency,
            code: failure.and_then(|failure| failure.code.clone()),
            message: failure
                .and_then(|failure| failure.message.clone())
                .or_else(said),
            rule: failure.and_then(|failure| failure.rule.clone()),
            body: self.answer.kept.clone(),
        }
    }

    /// The reply of a call that ends here, without a payment.
    fn reply(&self, outcome: Outcome) -> Reply<Outcome> {
        let wire = self.wire(&outcome);
        Reply {
            outcome,
            counter: Counter::default(),
            provider_ref: None,
            wire,
        }
    }
}

/// The provider notifies of periodic eMandates itself, and of on-demand ones nobody need.
fn not_offered() -> Reply<NotificationOutcome> {
    let message =
        "Signzy has no notification API: the mandate must be imported with notify none or provider";
    let failure = Failure {
        class: Class::OurRequest,
        code: None,
        message: Some(message.to_owned()),
        rule: None,
        retry_after: None,
    };
    let wire = Wire {
        message: failure.message.clone(),
        ..Wire::default()
    };
    Reply {
        outcome: NotificationOutcome::Failed(failure),
        counter: Counter::default(),
        provider_ref: None,
        wire,
    }
}

impl Provider for Signzy {
    async fn notify(&self, _request: &NotifyRequest<'_>) -> Reply<NotificationOutcome> {
        not_offered()
    }

    async fn notification_status(
        &self,
        _mandate: &Mandate,
        _reference: &str,
        _at: Instant,
    ) -> Reply<NotificationOutcome> {
        not_offered()
    }

    async fn execute(&self, request: &ExecuteRequest<'_>) -> Reply<Outcome> {
        self.charge(request).await
    }

    async fn look_up(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        self.find_payment(request).await
    }

    async fn retry(&self, request: &RetryRequest<'_>) -> Reply<Outcome> {
        self.retry_charge(request).await
    }

    async fn mandate_status(&self, mandate: &Mandate, at: Instant) -> MandateAnswer {
        self.emandate(mandate, at).await
    }

    async fn command(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Instant,
    ) -> MandateAnswer {
        self.operate(mandate, command, at).await
    }

    fn execute_needs_counter(&self) -> bool {
        true
    }
}
