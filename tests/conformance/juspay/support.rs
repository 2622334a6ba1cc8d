//! A client, a server, a mandate.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime};
use mandated::domain::classify::Classifier;
use mandated::domain::cycle::Terms;
use mandated::domain::schedule::{Frequency, Schedule};
use mandated::domain::{
    Amount, Currency, Mandate, MandateId, MandateStatus, Notify, Outcome, ProviderKind, Rail,
    Timestamp,
};
use mandated::provider::{
    AccountSettings, ExecuteNotice, ExecuteRequest, Http, Juspay, LookupRequest, OtherPayments,
    Provider, Reply, RetryRequest,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) use crate::outcome::brief;
use crate::support::provider::in_time;

/// The key in "Mandate Retry API"'s sample.
pub(crate) const API_KEY: &str = "ADDD170DE46426395D41920ED8012A";
pub(crate) const EMAIL: &str = "asha@example.in";
pub(crate) const PHONE: &str = "9876543210";

/// A documented file, byte for byte.
macro_rules! documented {
    ($file:literal) => {
        include_str!(concat!("../data/juspay/", $file))
    };
}
pub(crate) use documented;

pub(crate) fn at() -> Timestamp {
    DateTime::from_timestamp(1_731_322_009, 0).unwrap()
}

pub(crate) fn rupees(text: &str) -> Amount {
    Amount::parse(text, Currency::INR).unwrap()
}

pub(crate) fn settings(base_url: &str) -> AccountSettings {
    AccountSettings {
        name: "juspay_main".to_owned(),
        provider: ProviderKind::Juspay,
        base_url: base_url.parse().unwrap(),
        merchant_id: "merchantid".to_owned(),
        api_key: API_KEY.to_owned().into(),
        timeout: Duration::from_secs(5),
        tps: 1000,
    }
}

pub(crate) fn client(settings: AccountSettings) -> Juspay {
    let http = Http::new(&settings, false).unwrap();
    Juspay::new(settings, http, Arc::new(Classifier::builtin().unwrap()))
}

/// A server that gives one answer to everything, and a client of it.
pub(crate) struct StubbedJuspay {
    pub(crate) server: MockServer,
    pub(crate) juspay: Juspay,
}

impl StubbedJuspay {
    pub(crate) async fn new() -> Self {
        let server = MockServer::start().await;
        let juspay = client(settings(&server.uri()));
        Self { server, juspay }
    }

    /// From now on this is the answer, and the requests so far are forgotten.
    pub(crate) async fn answer(&self, template: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(any())
            .respond_with(template)
            .mount(&self.server)
            .await;
    }

    /// The same with a status and a JSON body.
    pub(crate) async fn say(&self, status: u16, body: &str) {
        self.answer(ResponseTemplate::new(status).set_body_raw(body, "application/json"))
            .await;
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }
}

/// A stage that says one thing.
pub(crate) async fn saying(status: u16, body: &str) -> (MockServer, Juspay) {
    let stub = StubbedJuspay::new().await;
    stub.say(status, body).await;
    (stub.server, stub.juspay)
}

/// Of the customer of the documented order. Carries a name, a phone and an e-mail, which must show up nowhere but in the request.
pub(crate) fn mandate() -> Mandate {
    let metadata =
        serde_json::json!({"order.customer_email": EMAIL, "order.customer_phone": PHONE});
    let serde_json::Value::Object(metadata) = metadata else {
        unreachable!("it is an object")
    };
    Mandate {
        id: MandateId(1),
        reference: "ref-1".to_owned(),
        provider: ProviderKind::Juspay,
        provider_mandate_id: "6R7GmdPfhecWj24DarETJJ".to_owned(),
        customer_id: "test123".to_owned(),
        rail: Rail::Upi,
        notify: Notify::Separate,
        amount: Some(rupees("300.00")),
        max_amount: rupees("15000.00"),
        currency: Currency::INR,
        terms: Terms {
            schedule: Schedule::Every(Frequency::Monthly),
            starts_on: NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(),
            ends_on: None,
            time_zone: chrono_tz::Asia::Kolkata,
            debit_at: NaiveTime::MIN,
        },
        category: None,
        description: "Gold plan".to_owned(),
        metadata: metadata.into(),
        status: MandateStatus::Active,
    }
}

/// The same of another customer.
pub(crate) fn mandate_of(customer: &str) -> Mandate {
    Mandate {
        customer_id: customer.to_owned(),
        ..mandate()
    }
}

pub(crate) async fn execute(juspay: &Juspay, order_id: &str) -> Reply<Outcome> {
    execute_for(juspay, &mandate(), order_id).await
}

pub(crate) async fn execute_for(
    juspay: &Juspay,
    mandate: &Mandate,
    order_id: &str,
) -> Reply<Outcome> {
    let notice = ExecuteNotice::Reference("mab121n1");
    let request = ExecuteRequest {
        at: at(),
        deadline: in_time(),
        mandate,
        order_id,
        amount: rupees("300.00"),
        notice,
    };
    juspay.execute(&request).await
}

pub(crate) async fn look_up(juspay: &Juspay, order_id: &str) -> Reply<Outcome> {
    look_up_due(juspay, order_id, rupees("300.00")).await
}

/// Looks up an order of another amount than the documented one.
pub(crate) async fn look_up_due(juspay: &Juspay, order_id: &str, amount: Amount) -> Reply<Outcome> {
    let request = LookupRequest {
        at: at(),
        mandate: &mandate(),
        order_id,
        amount,
        provider_ref: None,
        payments: OtherPayments::Known(&[]),
        cycle_on: NaiveDate::MIN,
        cycle_closes_on: NaiveDate::MAX,
        period_from: NaiveDate::MIN,
    };
    juspay.look_up(&request).await
}

pub(crate) async fn retry(juspay: &Juspay, order_id: &str) -> Reply<Outcome> {
    let mandate = mandate();
    let request = RetryRequest {
        at: at(),
        deadline: in_time(),
        mandate: &mandate,
        order_id,
        amount: rupees("300.00"),
        provider_ref: None,
        next_scheduled_on: None,
    };
    juspay.retry(&request).await
}
