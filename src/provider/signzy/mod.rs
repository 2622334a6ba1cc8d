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
mod cycle_payments;
mod forgotten;
mod lookup;
mod mandate;
mod payment;
mod payments;

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use url::Url;

use super::http::Sent;
use super::probe::{NOBODYS, ProbeResult};
use super::{
    AccountSettings, Answered, CancelAnswer, ExecuteRequest, Http, LookupRequest, MandateAnswer,
    MandateCommand, NotifyRequest, PaymentsAnswer, PaymentsRequest, Provider, Read, Reading, Reply,
    RetryRequest, Wire,
};
use crate::domain::classify::Classifier;
use crate::domain::outcome::{Failure, NotificationOutcome};
use crate::domain::{Amount, Class, Currency, Mandate, Outcome, ProbeSubject, Step, Timestamp};
use answer::{Judgement, SignzyAnswer};
use payment::Debit;

/// The client of one Signzy account.
#[derive(Debug)]
pub struct Signzy {
    pub(super) settings: AccountSettings,
    pub(super) http: Http,
    classifier: Arc<Classifier>,
}

/// One call: what came back, what it proves, and how long it took.
#[derive(Debug)]
struct Exchange {
    answer: SignzyAnswer,
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
        self.url_of(&mandate.provider_mandate_id, path)
    }

    fn url_of(&self, emandate: &str, path: &[&str]) -> Url {
        let mut url = self.settings.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("eMandates").push(emandate);
            segments.extend(path);
        }
        url
    }

    async fn call(&self, request: RequestBuilder, at: Timestamp) -> Exchange {
        Exchange::from_sent(self.http.send(request, at).await)
    }

    /// A call that can move money.
    async fn call_before(
        &self,
        request: RequestBuilder,
        at: Timestamp,
        deadline: tokio::time::Instant,
    ) -> Exchange {
        Exchange::from_sent(self.http.send_before(request, at, Some(deadline)).await)
    }

    fn debit<'a>(&'a self, mandate: &'a Mandate, due: Amount) -> Debit<'a> {
        Debit {
            reading: Reading {
                classifier: &self.classifier,
                account: &self.settings.name,
                rail: mandate.rail,
            },
            owner: Some(&mandate.provider_mandate_id),
            currency: due.currency(),
            due: Some(due),
        }
    }
}

/// What the client makes of an answer to a step: about one eMandate, or whichever it is about. Of a look-up this is its last
/// answer; the client reads the eMandate as well when a payment failed.
pub(super) fn read(
    step: Step,
    reading: Reading<'_>,
    owner: Option<&str>,
    answered: &Answered,
) -> Read {
    let debit = Debit {
        reading,
        owner,
        currency: Currency::INR,
        due: None,
    };
    let exchange = Exchange::of(answered, Duration::ZERO);
    match step {
        Step::Notify | Step::NotifyStatus => Read::Notification(not_offered()),
        Step::Execute | Step::Retry => Read::Debit(debit.reply(&exchange)),
        Step::Lookup | Step::Recheck => Read::Debit(debit.found(&exchange)),
    }
}

impl Exchange {
    fn from_sent(sent: Sent) -> Self {
        match sent.result {
            Ok(answered) => Self::of(&answered, sent.latency),
            Err(failure) => Self {
                answer: SignzyAnswer::default(),
                judgement: Judgement::Call(failure),
                latency: sent.latency,
            },
        }
    }

    fn of(answered: &Answered, latency: Duration) -> Self {
        let answer = SignzyAnswer::read(answered);
        let judgement = answer.judge();
        Self {
            answer,
            judgement,
            latency,
        }
    }

    fn wire(&self, outcome: &Outcome) -> Wire {
        let failure = outcome.failure();
        let first_message = || {
            let message = self.answer.messages.first().cloned();
            message.or_else(|| {
                let is_from_elsewhere = self.answer.is_from_elsewhere();
                is_from_elsewhere.then(|| self.answer.why())
            })
        };
        Wire {
            http_status: self.answer.http_status,
            latency: self.latency,
            code: failure.and_then(|failure| failure.code.clone()),
            message: failure
                .and_then(|failure| failure.message.clone())
                .or_else(first_message),
            rule: failure.and_then(Failure::rule_id),
            body: self.answer.kept.clone(),
            from_elsewhere: self.answer.is_from_elsewhere(),
        }
    }

    /// The reply of a call that ends here, without a payment.
    fn reply(&self, outcome: Outcome) -> Reply<Outcome> {
        let wire = self.wire(&outcome);
        Reply::new(outcome, wire)
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
        not_before: None,
    };
    let wire = Wire {
        message: failure.message.clone(),
        ..Wire::default()
    };
    Reply::new(NotificationOutcome::Failed(failure), wire)
}

impl Provider for Signzy {
    async fn notify(&self, _request: &NotifyRequest<'_>) -> Reply<NotificationOutcome> {
        not_offered()
    }

    async fn notification_status(
        &self,
        _mandate: &Mandate,
        _reference: &str,
        _at: Timestamp,
    ) -> Reply<NotificationOutcome> {
        not_offered()
    }

    async fn execute(&self, request: &ExecuteRequest<'_>) -> Reply<Outcome> {
        self.charge(request).await
    }

    async fn look_up(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        self.find_payment(request).await
    }

    async fn payments(&self, request: &PaymentsRequest<'_>) -> PaymentsAnswer {
        self.all_payments(request).await
    }

    async fn retry(&self, request: &RetryRequest<'_>) -> Reply<Outcome> {
        self.retry_charge(request).await
    }

    async fn mandate_status(&self, mandate: &Mandate, at: Timestamp) -> MandateAnswer {
        self.emandate(mandate, at).await
    }

    async fn command(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Timestamp,
    ) -> MandateAnswer {
        self.operate(mandate, command, at).await
    }

    /// `POST …/charge/{payment}/cancel` takes only a payment that is not presented yet, and none is charged before its day.
    async fn cancel_order(&self, _: &Mandate, _: &str, _: Timestamp) -> CancelAnswer {
        CancelAnswer::NotOffered
    }

    async fn probe(&self, about: Option<&ProbeSubject>, at: Timestamp) -> ProbeResult {
        let emandate = about.map_or(NOBODYS, |subject| &subject.provider_mandate_id);
        let request = self.request(Method::GET, self.url_of(emandate, &[]));
        let sent = self.http.send(request, at).await;
        ProbeResult::new(sent, |answered| {
            match SignzyAnswer::read(answered).judge() {
                Judgement::Call(failure) => Some(failure),
                Judgement::Missing | Judgement::Refused | Judgement::Processed => None,
            }
        })
    }

    fn execute_needs_counter(&self) -> bool {
        true
    }
}
