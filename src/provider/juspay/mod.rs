//! Juspay Express Checkout: mandates, notifications, orders.

mod answer;
mod answer_fields;
mod compared;
mod execute;
mod limits;
mod mandate;
mod metadata;
mod notification;
mod order;
mod orders;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::ACCEPT;
use secrecy::ExposeSecret;
use url::Url;

use crate::domain::classify::Classifier;
use crate::domain::outcome::{CallFailure, Failure, NotificationOutcome};
use crate::domain::{Call, Currency, Mandate, Outcome, ProbeSubject, Step, Timestamp};

use super::probe::{NOBODYS, ProbeResult};
use super::{
    AccountSettings, Answered, CancelAnswer, ExecuteRequest, Http, LookupRequest, MandateAnswer,
    MandateCommand, NotifyRequest, PaymentsAnswer, PaymentsRequest, Provider, Read, Reading, Reply,
    RetryRequest, Wire,
};
use answer::{Judgement, JuspayAnswer};
use notification::{About, Asked};
use order::Order;

pub use metadata::check_metadata;

/// The client of one Juspay account.
#[derive(Debug)]
pub struct Juspay {
    pub(super) settings: AccountSettings,
    pub(super) http: Http,
    classifier: Arc<Classifier>,
}

impl Juspay {
    /// A client that sends with `http` and has its failures classified by `classifier`.
    pub fn new(settings: AccountSettings, http: Http, classifier: Arc<Classifier>) -> Self {
        Self {
            settings,
            http,
            classifier,
        }
    }

    fn get(&self, path: &[&str], customer: &str) -> RequestBuilder {
        self.with_headers(self.http.client().get(self.url(path)), customer)
    }

    fn post(&self, path: &[&str], mandate: &Mandate) -> RequestBuilder {
        self.with_headers(
            self.http.client().post(self.url(path)),
            &mandate.customer_id,
        )
    }

    /// The key is the user name and the password is empty. The routing id must be the same in every call of a customer.
    fn with_headers(&self, request: RequestBuilder, customer: &str) -> RequestBuilder {
        request
            .basic_auth(self.settings.api_key.expose_secret(), Some(""))
            .header("x-merchantid", &self.settings.merchant_id)
            .header("x-routing-id", customer)
            .header(ACCEPT, "application/json")
    }

    /// The base URL with a path behind it, each part escaped.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.settings.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    fn reading(&self, mandate: &Mandate) -> Reading<'_> {
        Reading {
            classifier: &self.classifier,
            account: &self.settings.name,
            rail: mandate.rail,
        }
    }
}

/// What the client makes of an answer to a step: about one order or notification, or whichever it is about.
pub(super) fn read(
    step: Step,
    reading: Reading<'_>,
    subject: Option<&str>,
    answered: &Answered,
) -> Read {
    let about = |asked| {
        let about = About {
            reading,
            reference: subject,
            asked,
        };
        Read::Notification(about.reply(answered, Duration::ZERO))
    };
    let order = |call| {
        let order = Order {
            reading,
            id: subject,
            debit: None,
            currency: Currency::INR,
            call,
        };
        Read::Debit(order.reply(answered, Duration::ZERO))
    };
    match step {
        Step::Notify => about(Asked::ToNotify),
        Step::NotifyStatus => about(Asked::About),
        Step::Execute => order(Call::Execute),
        Step::Retry => order(Call::Retry),
        Step::Lookup | Step::Recheck => order(Call::OrderStatus),
    }
}

impl JuspayAnswer {
    fn wire(&self, latency: Duration, failure: Option<&Failure>) -> Wire {
        let code = self.codes.first().map(|(_, code)| code.clone());
        Wire {
            http_status: Some(self.http_status),
            latency,
            code: failure.and_then(|failure| failure.code.clone()).or(code),
            message: failure
                .and_then(|failure| failure.message.clone())
                .or_else(|| self.messages.first().cloned())
                .or_else(|| self.is_from_elsewhere().then(|| self.why())),
            rule: failure.and_then(Failure::rule_id),
            body: Some(self.kept.clone()),
            from_elsewhere: self.is_from_elsewhere(),
        }
    }
}

impl<T> Reply<T> {
    /// Nothing came back.
    fn unanswered(
        outcome: impl FnOnce(CallFailure) -> T,
        failure: CallFailure,
        latency: Duration,
    ) -> Self {
        let why = match &failure {
            CallFailure::NotSent { why }
            | CallFailure::Unknown { why }
            | CallFailure::AccountRefused { why } => Some(why),
            CallFailure::Throttled { .. } => None,
        };
        let wire = Wire {
            latency,
            message: why.cloned(),
            ..Wire::default()
        };
        Self::new(outcome(failure), wire)
    }
}

impl Provider for Juspay {
    async fn notify(&self, request: &NotifyRequest<'_>) -> Reply<NotificationOutcome> {
        self.pre_debit_notify(request).await
    }

    async fn notification_status(
        &self,
        mandate: &Mandate,
        reference: &str,
        at: Timestamp,
    ) -> Reply<NotificationOutcome> {
        self.status_of_notification(mandate, reference, at).await
    }

    async fn execute(&self, request: &ExecuteRequest<'_>) -> Reply<Outcome> {
        self.txns(request).await
    }

    async fn look_up(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        self.order_status(request).await
    }

    async fn payments(&self, request: &PaymentsRequest<'_>) -> PaymentsAnswer {
        self.all_orders(request).await
    }

    async fn retry(&self, request: &RetryRequest<'_>) -> Reply<Outcome> {
        self.mandate_retry(request).await
    }

    async fn mandate_status(&self, mandate: &Mandate, at: Timestamp) -> MandateAnswer {
        self.mandate_command(mandate, "check_status", None, at)
            .await
    }

    async fn command(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Timestamp,
    ) -> MandateAnswer {
        self.operate(mandate, command, at).await
    }

    async fn cancel_order(&self, mandate: &Mandate, order_id: &str, at: Timestamp) -> CancelAnswer {
        self.stop_execution(mandate, order_id, at).await
    }

    async fn probe(&self, about: Option<&ProbeSubject>, at: Timestamp) -> ProbeResult {
        let call = match about {
            Some(subject) => self.check_status(subject),
            None => self.get_order(NOBODYS, NOBODYS),
        };
        let sent = self.http.send(call, at).await;
        ProbeResult::new(sent, |answered| {
            match JuspayAnswer::read(answered).judge() {
                Judgement::Call(failure) => Some(failure),
                Judgement::Refused(_) | Judgement::Processed { .. } => None,
            }
        })
    }

    /// The order id is the idempotency key.
    fn execute_needs_counter(&self) -> bool {
        false
    }
}
