//! A client, a server, an eMandate.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime};
use mandated::domain::classify::Classifier;
use mandated::domain::cycle::Terms;
use mandated::domain::schedule::{Frequency, Schedule};
use mandated::domain::{
    Amount, Currency, Mandate, MandateId, MandateStatus, Metadata, Notify, Outcome, ProviderKind,
    Rail, Timestamp,
};
use mandated::provider::{
    AccountSettings, ExecuteNotice, ExecuteRequest, Http, LookupRequest, OtherPayments, Provider,
    Reply, RetryRequest, Signzy,
};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::provider::in_time;

/// A documented file, byte for byte; where the page has a placeholder for a number there is a number.
macro_rules! documented {
    ($file:literal) => {
        include_str!(concat!("../data/signzy/", $file))
    };
}
pub(crate) use documented;

pub(crate) const API_KEY: &str = "..authKey..";
pub(crate) const EMANDATE: &str = "/api/v3/eNach/eMandates/65668";

static CLASSIFIER: LazyLock<Arc<Classifier>> =
    LazyLock::new(|| Arc::new(Classifier::builtin().unwrap()));

pub(crate) fn at() -> Timestamp {
    DateTime::from_timestamp(1_648_700_000, 0).unwrap()
}

pub(crate) fn rupees(text: &str) -> Amount {
    Amount::parse(text, Currency::INR).unwrap()
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A client of the server at `host`, impatient enough for a test that loses an answer.
pub(crate) fn client(host: &str) -> Signzy {
    let settings = AccountSettings {
        name: "signzy_main".to_owned(),
        provider: ProviderKind::Signzy,
        base_url: format!("{host}/api/v3/eNach").parse().unwrap(),
        merchant_id: String::new(),
        api_key: API_KEY.to_owned().into(),
        timeout: Duration::from_secs(1),
        tps: 1000,
    };
    let http = Http::new(&settings, false).unwrap();
    Signzy::new(settings, http, Arc::clone(&CLASSIFIER))
}

pub(crate) fn mandate(notify: Notify) -> Mandate {
    Mandate {
        id: MandateId(1),
        reference: "ref-1".to_owned(),
        provider: ProviderKind::Signzy,
        provider_mandate_id: "65668".to_owned(),
        customer_id: "customer".to_owned(),
        rail: Rail::Enach,
        notify,
        amount: Some(rupees("5.00")),
        max_amount: rupees("15000.00"),
        currency: Currency::INR,
        terms: Terms {
            schedule: Schedule::Every(Frequency::Monthly),
            starts_on: date("2022-01-05"),
            ends_on: None,
            time_zone: chrono_tz::Asia::Kolkata,
            debit_at: NaiveTime::MIN,
        },
        category: None,
        description: "Gold plan".to_owned(),
        metadata: Metadata::default(),
        status: MandateStatus::Active,
    }
}

/// A server with an answer for each path it is told of, and a client of it.
pub(crate) struct StubbedSignzy {
    pub(crate) server: MockServer,
    pub(crate) signzy: Signzy,
}

impl StubbedSignzy {
    pub(crate) async fn new() -> Self {
        let server = MockServer::start().await;
        let signzy = client(&server.uri());
        Self { server, signzy }
    }

    /// Answers a method and a path below the eMandate.
    pub(crate) async fn on(&self, verb: &str, below: &str, template: ResponseTemplate) {
        Mock::given(method(verb))
            .and(path(format!("{EMANDATE}{below}")))
            .respond_with(template)
            .mount(&self.server)
            .await;
    }

    /// The same with a status and a body.
    pub(crate) async fn say(&self, verb: &str, below: &str, status: u16, body: &str) {
        self.on(
            verb,
            below,
            ResponseTemplate::new(status).set_body_raw(body, "application/json"),
        )
        .await;
    }

    /// The eMandate stands so.
    pub(crate) async fn stands(&self, word: &str) {
        self.say(
            "GET",
            "",
            200,
            &documented!("emandate.json").replace("ACTIVE", word),
        )
        .await;
    }

    /// The eMandate has these payments, on one page.
    pub(crate) async fn has(&self, payments: &[Value]) {
        let body = json!({"result": {"status": "OK", "message": "Subscription Payments",
            "payments": payments, "lastId": payments.last().map(|payment| &payment["paymentId"])}});
        self.say("GET", "/payments", 200, &body.to_string()).await;
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    pub(crate) async fn charge(&self, amount: &str) -> Reply<Outcome> {
        let mandate = mandate(Notify::None);
        let request = ExecuteRequest {
            at: at(),
            deadline: in_time(),
            mandate: &mandate,
            order_id: "mab121o1",
            amount: rupees(amount),
            notice: ExecuteNotice::Exempt,
        };
        self.signzy.execute(&request).await
    }

    pub(crate) async fn retry(&self, next_scheduled_on: Option<NaiveDate>) -> Reply<Outcome> {
        self.retry_of(None, next_scheduled_on).await
    }

    /// Retries a payment that is known.
    pub(crate) async fn retry_of(
        &self,
        provider_ref: Option<&str>,
        next_scheduled_on: Option<NaiveDate>,
    ) -> Reply<Outcome> {
        self.retry_due(rupees("1.00"), provider_ref, next_scheduled_on)
            .await
    }

    /// Retries a payment of another amount than the documented one.
    pub(crate) async fn retry_due(
        &self,
        amount: Amount,
        provider_ref: Option<&str>,
        next_scheduled_on: Option<NaiveDate>,
    ) -> Reply<Outcome> {
        let mandate = mandate(Notify::Provider);
        let request = RetryRequest {
            at: at(),
            deadline: in_time(),
            mandate: &mandate,
            order_id: "mab121o1",
            amount,
            provider_ref,
            next_scheduled_on,
        };
        self.signzy.retry(&request).await
    }

    pub(crate) async fn look_up(&self, lookup: LookupFixture<'_>) -> Reply<Outcome> {
        let mandate = mandate(lookup.notify);
        let request = LookupRequest {
            at: at(),
            mandate: &mandate,
            order_id: "mab121o1",
            amount: rupees("5.00"),
            provider_ref: lookup.payment,
            payments: lookup.payments,
            cycle_on: date(lookup.cycle.0),
            cycle_closes_on: date(lookup.cycle.1),
            period_from: date(lookup.period_from),
        };
        self.signzy.look_up(&request).await
    }
}

/// What a look-up knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookupFixture<'a> {
    pub(crate) notify: Notify,
    pub(crate) payment: Option<&'a str>,
    pub(crate) payments: OtherPayments<'a>,
    pub(crate) cycle: (&'a str, &'a str),
    pub(crate) period_from: &'a str,
}

/// Of an on-demand eMandate, nothing known yet.
pub(crate) const ON_DEMAND: LookupFixture<'_> = LookupFixture {
    notify: Notify::None,
    payment: None,
    payments: OtherPayments::Known(&[]),
    cycle: ("2022-03-05", "2022-04-05"),
    period_from: "2022-03-05",
};

/// Of a periodic eMandate.
pub(crate) const PERIODIC: LookupFixture<'_> = LookupFixture {
    notify: Notify::Provider,
    ..ON_DEMAND
};

/// A payment of 5 rupees.
pub(crate) fn payment(id: i64, status: &str, added_on: &str) -> Value {
    json!({"paymentId": id, "cfOrderId": 123, "referenceId": 123_456, "subReferenceId": 65668,
        "currency": "INR", "amount": 5, "cycle": 1, "status": status, "remarks": "",
        "addedOn": format!("{added_on} 18:49:20"), "scheduledOn": null, "retryAttempts": 0,
        "failureReason": null})
}

/// An outcome in a few words, a collection with its amount.
pub(crate) fn brief(outcome: &Outcome) -> String {
    let word = crate::outcome::brief(outcome);
    let Outcome::Charged { amount, .. } = outcome else {
        return word;
    };
    let amount = amount.map_or("?".to_owned(), Amount::decimal);
    format!("{word} {amount}")
}
