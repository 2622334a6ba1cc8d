//! Juspay and Signzy behind one trait. Everything provider-specific stays in their folders.
//!
//! A call never fails with an error: what went wrong is an [`Outcome`], because the next step depends on it.
//! The rule: if the request may have reached the provider and its answer does not prove the result, it is
//! [`CallFailure::Unknown`].

mod call_limiter;
mod command;
pub mod http;
mod in_flight_limiter;
mod json;
pub mod juspay;
mod payments;
mod probe;
mod rate_limiter;
mod read;
mod redact;
mod request_id;
mod retry_after;
pub mod signzy;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::SecretString;
use url::Url;

use crate::domain::classify::Classifier;
use crate::domain::outcome::{CallFailure, Counter, NotificationOutcome};
use crate::domain::{Amount, Mandate, Outcome, ProbeSubject, ProviderKind, Timestamp};

pub use call_limiter::CallLimiter;
pub use command::{CancelAnswer, MandateAnswer, MandateCommand};
pub use http::Http;
pub use juspay::Juspay;
pub use payments::{ListedPayment, PaymentsAnswer, PaymentsRequest};
pub use probe::ProbeResult;
pub use read::{Answered, Read, Reading, read, read_about};
pub use redact::{hide_in_text, redact};
pub use request_id::with_request_id;
pub use signzy::Signzy;

/// One configured set of credentials, as the clients need it.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// The name in the configuration (`accounts.<name>`).
    pub name: String,
    pub provider: ProviderKind,
    pub base_url: Url,
    /// Juspay's `x-merchantid` and `merchant_id`; unused by Signzy.
    pub merchant_id: String,
    pub api_key: SecretString,
    /// For the whole call, connect to last byte.
    pub timeout: Duration,
    /// Calls a second, shared by everybody who calls the account.
    pub tps: u32,
}

/// The wire side of one call, for the append-only `attempts`. Nothing secret or personal is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wire {
    pub http_status: Option<u16>,
    pub latency: Duration,
    pub code: Option<String>,
    pub message: Option<String>,
    /// The rule that classified a failure.
    pub rule: Option<String>,
    /// The answer, redacted and cut to 2 KiB.
    pub body: Option<String>,
    /// Whether something answered that is not the provider's API: the address is wrong.
    pub from_elsewhere: bool,
}

impl Wire {
    /// Whether the provider's API did as it was asked: nobody on the way answers so.
    pub fn is_from_provider(&self) -> bool {
        let status = self.http_status.unwrap_or_default();
        (200..=299).contains(&status)
    }
}

/// Why an answer from elsewhere proves nothing.
const ELSEWHERE: &str =
    "HTTP 404 without the provider's JSON: the address is wrong, see base_url of the account";

/// What came back: the outcome, the provider's own attempt counter, and the wire side.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<T> {
    pub outcome: T,
    pub counter: Counter,
    /// The provider's id for the debit: Juspay `txn_id`, Signzy `paymentId`.
    pub provider_ref: Option<String>,
    /// The ids of all payments that are there, where a charge needs them to be recorded before it.
    pub payments: Vec<i64>,
    pub wire: Wire,
}

impl<T> Reply<T> {
    /// An answer, or the lack of one, that tells nothing else.
    pub fn new(outcome: T, wire: Wire) -> Self {
        Self {
            outcome,
            counter: Counter::default(),
            provider_ref: None,
            payments: Vec::new(),
            wire,
        }
    }
}

/// `at` in every request is the business time of the call; a simulated clock sends it on as `x-simulated-time`.
#[derive(Debug)]
pub struct NotifyRequest<'a> {
    pub at: Timestamp,
    /// The end of the lease, or of the window: what has not left by then must not leave at all.
    pub deadline: tokio::time::Instant,
    pub mandate: &'a Mandate,
    pub reference: &'a str,
    pub amount: Amount,
    /// When the debit is meant to happen (`source_info.txn_date`).
    pub debit_at: Timestamp,
}

/// What an execution says about the payer's notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecuteNotice<'a> {
    /// Ours, delivered: `mandate.notification_id`.
    Reference(&'a str),
    /// The provider notifies and debits at this time: `mandate.execution_date`.
    ExecuteAt(Timestamp),
    /// None is needed.
    Exempt,
}

#[derive(Debug)]
pub struct ExecuteRequest<'a> {
    pub at: Timestamp,
    /// The end of the lease, or of the window: what has not left by then must not leave at all.
    pub deadline: tokio::time::Instant,
    pub mandate: &'a Mandate,
    pub order_id: &'a str,
    pub amount: Amount,
    pub notice: ExecuteNotice<'a>,
}

#[derive(Debug)]
pub struct LookupRequest<'a> {
    pub at: Timestamp,
    pub mandate: &'a Mandate,
    pub order_id: &'a str,
    pub amount: Amount,
    /// Signzy: the payment, once known.
    pub provider_ref: Option<&'a str>,
    /// Signzy, where the payment is not known: which others there are.
    pub payments: OtherPayments<'a>,
    /// Signzy periodic: the cycle whose payment is looked for.
    pub cycle_on: NaiveDate,
    pub cycle_closes_on: NaiveDate,
    /// Signzy on demand, before any charge: from when on another payment would be a second one of the cycle's period.
    pub period_from: NaiveDate,
}

/// The payments of a mandate that are not the one in question. Signzy's charges have no id of ours, and no document says that its
/// payment ids ascend: only the set of those that were there before tells which one is new.
#[derive(Debug, Clone, Copy)]
pub enum OtherPayments<'a> {
    /// No charge was made yet: those that this database knows. Any other one in the cycle is somebody else's, or ours and forgotten.
    Known(&'a [String]),
    /// A charge was made, and its answer is lost: all that were there before it.
    Before(&'a [i64]),
    /// Whether charges were made is forgotten: those that this database knows of other cycles. Any other one in the cycle is ours, be
    /// it one that failed; of several that collected, or may yet, a person must say which is.
    Forgotten(&'a [String]),
}

#[derive(Debug)]
pub struct RetryRequest<'a> {
    pub at: Timestamp,
    /// The end of the lease, or of the window: what has not left by then must not leave at all.
    pub deadline: tokio::time::Instant,
    pub mandate: &'a Mandate,
    pub order_id: &'a str,
    pub amount: Amount,
    /// Signzy: the payment that is to be retried. The provider retries the last failed one, whichever that is.
    pub provider_ref: Option<&'a str>,
    /// Signzy periodic: when the provider should charge the next cycle.
    pub next_scheduled_on: Option<NaiveDate>,
}

/// A call that came to nothing, for people.
pub fn in_words(failure: &CallFailure) -> String {
    match failure {
        CallFailure::NotSent { why } => format!("nothing was sent: {why}"),
        CallFailure::Unknown { why } => why.clone(),
        CallFailure::AccountRefused { why } => {
            format!("the account's credentials are refused, check its api_key: {why}")
        }
        CallFailure::Throttled { .. } => {
            "the provider throttles us: too many calls, try again later".to_owned()
        }
    }
}

/// The calls that every provider offers.
pub trait Provider: std::fmt::Debug + Send + Sync {
    /// Has the payer notified. Cannot move money.
    fn notify(
        &self,
        request: &NotifyRequest<'_>,
    ) -> impl Future<Output = Reply<NotificationOutcome>> + Send;

    /// What became of a notification.
    fn notification_status(
        &self,
        mandate: &Mandate,
        reference: &str,
        at: Timestamp,
    ) -> impl Future<Output = Reply<NotificationOutcome>> + Send;

    /// Debits. The intent must be committed.
    fn execute(&self, request: &ExecuteRequest<'_>) -> impl Future<Output = Reply<Outcome>> + Send;

    /// What became of a debit.
    fn look_up(&self, request: &LookupRequest<'_>) -> impl Future<Output = Reply<Outcome>> + Send;

    /// Every payment of a mandate since a day, but for those that ended without a debit.
    fn payments(
        &self,
        request: &PaymentsRequest<'_>,
    ) -> impl Future<Output = PaymentsAnswer> + Send;

    /// Has the provider retry. The intent must be committed, and the counter read before recorded.
    fn retry(&self, request: &RetryRequest<'_>) -> impl Future<Output = Reply<Outcome>> + Send;

    /// What the provider says about a mandate.
    fn mandate_status(
        &self,
        mandate: &Mandate,
        at: Timestamp,
    ) -> impl Future<Output = MandateAnswer> + Send;

    /// Pauses, resumes or revokes a mandate at the provider.
    fn command(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Timestamp,
    ) -> impl Future<Output = MandateAnswer> + Send;

    /// Takes back an order that was handed over and is not debited yet. The order itself says afterwards what became of it.
    fn cancel_order(
        &self,
        mandate: &Mandate,
        order_id: &str,
        at: Timestamp,
    ) -> impl Future<Output = CancelAnswer> + Send;

    /// Asks about a mandate, or about something that nobody has: whether the credentials are taken. Changes nothing.
    fn probe(
        &self,
        about: Option<&ProbeSubject>,
        at: Timestamp,
    ) -> impl Future<Output = ProbeResult> + Send;

    /// Whether `execute` has no idempotency key, so that the provider's counter must be read and recorded before it.
    fn execute_needs_counter(&self) -> bool;
}

/// Hands a call on to the client of the account's provider.
macro_rules! dispatch {
    ($self:ident, $client:ident => $call:expr) => {
        match $self {
            Client::Juspay($client) => $call,
            Client::Signzy($client) => $call,
        }
    };
}

/// The client of one account.
#[derive(Debug)]
pub enum Client {
    Juspay(Juspay),
    Signzy(Signzy),
}

impl Client {
    pub fn new(
        settings: AccountSettings,
        classifier: Arc<Classifier>,
        simulated: bool,
    ) -> Result<Self, http::BuildError> {
        let http = Http::new(&settings, simulated)?;
        Ok(Self::over(settings, http, classifier))
    }

    fn over(settings: AccountSettings, http: Http, classifier: Arc<Classifier>) -> Self {
        match settings.provider {
            ProviderKind::Juspay => Self::Juspay(Juspay::new(settings, http, classifier)),
            ProviderKind::Signzy => Self::Signzy(Signzy::new(settings, http, classifier)),
        }
    }

    /// The same client with another key and other rules: what it still allows in this second stays as it is.
    #[must_use]
    pub fn with(&self, api_key: SecretString, classifier: Arc<Classifier>) -> Self {
        let (settings, http) = dispatch!(self, client => (&client.settings, &client.http));
        let settings = AccountSettings {
            api_key,
            ..settings.clone()
        };
        Self::over(settings, http.clone(), classifier)
    }

    /// How fast the account may be called by this process.
    pub fn limiter(&self) -> &CallLimiter {
        dispatch!(self, client => client.http.limiter())
    }
}

impl Provider for Client {
    async fn notify(&self, request: &NotifyRequest<'_>) -> Reply<NotificationOutcome> {
        dispatch!(self, client => client.notify(request).await)
    }

    async fn notification_status(
        &self,
        mandate: &Mandate,
        reference: &str,
        at: Timestamp,
    ) -> Reply<NotificationOutcome> {
        dispatch!(self, client => client.notification_status(mandate, reference, at).await)
    }

    async fn execute(&self, request: &ExecuteRequest<'_>) -> Reply<Outcome> {
        dispatch!(self, client => client.execute(request).await)
    }

    async fn look_up(&self, request: &LookupRequest<'_>) -> Reply<Outcome> {
        dispatch!(self, client => client.look_up(request).await)
    }

    async fn payments(&self, request: &PaymentsRequest<'_>) -> PaymentsAnswer {
        dispatch!(self, client => client.payments(request).await)
    }

    async fn retry(&self, request: &RetryRequest<'_>) -> Reply<Outcome> {
        dispatch!(self, client => client.retry(request).await)
    }

    async fn mandate_status(&self, mandate: &Mandate, at: Timestamp) -> MandateAnswer {
        dispatch!(self, client => client.mandate_status(mandate, at).await)
    }

    async fn command(
        &self,
        mandate: &Mandate,
        command: MandateCommand,
        at: Timestamp,
    ) -> MandateAnswer {
        dispatch!(self, client => client.command(mandate, command, at).await)
    }

    async fn cancel_order(&self, mandate: &Mandate, order_id: &str, at: Timestamp) -> CancelAnswer {
        dispatch!(self, client => client.cancel_order(mandate, order_id, at).await)
    }

    async fn probe(&self, about: Option<&ProbeSubject>, at: Timestamp) -> ProbeResult {
        dispatch!(self, client => client.probe(about, at).await)
    }

    fn execute_needs_counter(&self) -> bool {
        dispatch!(self, client => client.execute_needs_counter())
    }
}
