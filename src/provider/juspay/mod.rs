use std::sync::Arc;
use crate::domain::classify::Classifier;
use crate::domain::outcome::NotificationOutcome;
use crate::domain::{Instant, Mandate, Outcome};
use super::{AccountSettings, ExecuteRequest, Http, LookupRequest, MandateAnswer, MandateCommand, NotifyRequest, Provider, Reply, RetryRequest};
#[derive(Debug)]
pub struct Juspay { settings: AccountSettings, http: Http, classifier: Arc<Classifier> }
impl Juspay {
    pub fn new(settings: AccountSettings, http: Http, classifier: Arc<Classifier>) -> Self { Self { settings, http, classifier } }
}
impl Provider for Juspay {
    async fn notify(&self, _request: &NotifyRequest<'_>) -> Reply<NotificationOutcome> { todo!() }
    async fn notification_status(&self, _m: &Mandate, _r: &str, _at: Instant) -> Reply<NotificationOutcome> { todo!() }
    async fn execute(&self, _request: &ExecuteRequest<'_>) -> Reply<Outcome> { todo!() }
    async fn look_up(&self, _request: &LookupRequest<'_>) -> Reply<Outcome> { todo!() }
    async fn retry(&self, _request: &RetryRequest<'_>) -> Reply<Outcome> { todo!() }
    async fn mandate_status(&self, _m: &Mandate, _at: Instant) -> MandateAnswer { todo!() }
    async fn command(&self, _m: &Mandate, _c: MandateCommand, _at: Instant) -> MandateAnswer { todo!() }
    fn execute_needs_counter(&self) -> bool { false }
}
