//! The sandbox on its own: spoken to with plain HTTP, the way the providers' pages show it, and never through the
//! project's clients.

mod bodies;
mod budgets;
mod calendars;
mod command;
mod faults;
mod judge;
mod life;
mod payers;

use chrono::{DateTime, NaiveDate, Utc};
use lab::sandbox::{
    Call, Credentials, Faults, Ledger, Options, Profile, Rail, Registration, Rule, Sandbox, Then,
    start,
};
use mandated::clock::Clock;
use mandated::domain::{Amount, Currency, Notify, ProviderKind};
use serde_json::Value;

/// A time in India, in January 2026: "05 08:30".
fn at(text: &str) -> DateTime<Utc> {
    format!("2026-01-{}:00+05:30", text.replace(' ', "T"))
        .parse()
        .unwrap()
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
}

fn rupees(text: &str) -> Amount {
    Amount::parse(text, Currency::INR).unwrap()
}

/// A mandate of Juspay's with cycles on the 5th and the 20th.
fn juspay(id: &str, rail: Rail, notify: Notify) -> Registration {
    Registration {
        provider: ProviderKind::Juspay,
        mandate_id: id.to_owned(),
        customer_id: "customer_1".to_owned(),
        rail,
        notify,
        amount: Some(rupees("499.00")),
        max_amount: Some(rupees("1000.00")),
        currency: Currency::INR,
        category: None,
        cycle_days: vec![day(5), day(20)],
        frequency: None,
    }
}

fn signzy(id: &str, notify: Notify) -> Registration {
    Registration {
        provider: ProviderKind::Signzy,
        ..juspay(id, Rail::Enach, notify)
    }
}

/// A running sandbox and a caller.
struct Bench {
    sandbox: Sandbox,
    http: reqwest::Client,
}

type Answered = Option<(u16, String)>;

impl Bench {
    /// Everybody pays and nothing goes wrong unless it is scripted.
    async fn open(registrations: Vec<Registration>) -> Self {
        Self::with(Profile::PAYS, Faults::NONE, 1, registrations).await
    }

    async fn with(
        profile: Profile,
        faults: Faults,
        seed: u64,
        registrations: Vec<Registration>,
    ) -> Self {
        // Another test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let sandbox = start(Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            seed,
            profile,
            faults,
            juspay: Credentials {
                merchant_id: "shop".to_owned(),
                api_key: "key".to_owned(),
            },
            signzy_key: "signzy-key".to_owned(),
            clock: Clock::simulated(at("01 00:00")),
        })
        .await
        .unwrap();
        sandbox.register(registrations);
        Self {
            sandbox,
            http: reqwest::Client::builder().build().unwrap(),
        }
    }

    fn request(&self, method: &str, path: &str, time: &str) -> reqwest::RequestBuilder {
        let url = self
            .sandbox
            .base_url(ProviderKind::Juspay)
            .join(path)
            .unwrap();
        self.http
            .request(method.parse().unwrap(), url)
            .header("x-simulated-time", at(time).to_rfc3339())
    }

    fn as_juspay(&self, method: &str, path: &str, time: &str) -> reqwest::RequestBuilder {
        self.request(method, path, time)
            .basic_auth("key", Some(""))
            .header("x-merchantid", "shop")
            .header("x-routing-id", "customer_1")
            .header("version", "2023-06-30")
    }

    async fn notify(&self, time: &str, mandate: &str, reference: &str, amount: &str) -> Value {
        let source = format!(
            r#"{{"amount":"{amount}","txn_date":"{}"}}"#,
            at("05 08:30").timestamp()
        );
        let fields = [
            ("command", "pre_debit_notify"),
            ("object_reference_id", reference),
            ("source_info", &source),
            ("description", "A subscription"),
        ];
        let path = format!("/mandates/{mandate}");
        json(sent(self.as_juspay("POST", &path, time).form(&fields)).await).1
    }

    async fn command(&self, time: &str, mandate: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let path = format!("/mandates/{mandate}");
        json(sent(self.as_juspay("POST", &path, time).form(fields)).await)
    }

    /// The fields of `/txns`; `extra` replaces or adds some, an empty value leaves one out.
    fn execution(
        &self,
        time: &str,
        mandate: &str,
        order: &str,
        extra: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let mut fields = vec![
            ("order.order_id", order),
            ("order.amount", "499.00"),
            ("order.currency", "INR"),
            ("order.customer_id", "customer_1"),
            ("mandate_id", mandate),
            ("merchant_id", "shop"),
            ("format", "json"),
        ];
        fields.retain(|(name, _)| !extra.iter().any(|(other, _)| name == other));
        fields.extend(extra.iter().filter(|(_, value)| !value.is_empty()));
        self.as_juspay("POST", "/txns", time).form(&fields)
    }

    async fn execute(
        &self,
        time: &str,
        mandate: &str,
        order: &str,
        extra: &[(&str, &str)],
    ) -> Answered {
        sent(self.execution(time, mandate, order, extra)).await
    }

    async fn order(&self, time: &str, order: &str) -> Answered {
        sent(self.as_juspay("GET", &format!("/orders/{order}"), time)).await
    }

    /// The status that the order shows.
    async fn status(&self, time: &str, order: &str) -> String {
        json(self.order(time, order).await).1["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn retry(&self, time: &str, mandate: &str, order: &str) -> Answered {
        let body = format!(r#"{{"order_id":"{order}","mandate_id":"{mandate}"}}"#);
        let request = self
            .request("POST", "/ecr/mandate/retry", time)
            .basic_auth("key", Some(""));
        sent(
            request
                .header("content-type", "application/json")
                .body(body),
        )
        .await
    }

    async fn emandate(&self, method: &str, time: &str, path: &str, body: &str) -> Answered {
        let path = format!("/api/v3/eNach/eMandates/{path}");
        let request = self
            .request(method, &path, time)
            .header("authorization", "signzy-key");
        let request = if body.is_empty() {
            request
        } else {
            request
                .header("content-type", "application/json")
                .body(body.to_owned())
        };
        sent(request).await
    }

    fn script(&self, mandate: &str, call: Call, steps: impl IntoIterator<Item = Then>) {
        for then in steps {
            self.sandbox.script(mandate, call, then).unwrap();
        }
    }

    fn ledger(&self) -> Ledger {
        self.sandbox.ledger()
    }

    /// The rules that were broken so far, in the order of time.
    fn broken(&self) -> Vec<Rule> {
        self.ledger()
            .violations
            .iter()
            .map(|violation| violation.rule)
            .collect()
    }

    /// Orders and cycles of the debits up to a time.
    fn debits(&self, time: &str) -> Vec<(String, NaiveDate)> {
        self.sandbox.settle(at(time));
        self.ledger()
            .debits
            .into_iter()
            .map(|debit| (debit.order_id, debit.cycle))
            .collect()
    }
}

/// HTTP status and body; nothing if the connection broke.
async fn sent(request: reqwest::RequestBuilder) -> Answered {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.text().await.ok()?))
}

fn json(answered: Answered) -> (u16, Value) {
    let (status, body) = answered.expect("an answer");
    (
        status,
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")),
    )
}

/// Every key of a body with the kind of its value: what "field for field" compares.
fn fields(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, value)| {
                let inner = fields(value);
                if inner.is_empty() {
                    vec![name.clone()]
                } else {
                    inner.into_iter().map(|i| format!("{name}.{i}")).collect()
                }
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Vec::new()
        }
    }
}
