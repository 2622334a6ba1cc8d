//! Keys, tokens, VPAs, account numbers, phone numbers and e-mails reach neither the log, nor the history, nor an error message.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use mandated::sandbox::Faults;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::due::column;
use crate::support::log::Log;
use crate::support::world::{Flow, KEY, Payer, World, at, live};

const EMAIL: &str = "asha.rao@example.in";
const PHONE: &str = "9876543210";
const SPACED: &str = "98765 43210";
const VPA: &str = "asha@okbank";
const ACCOUNT: &str = "50100012345678";
const CARD: &str = "4111111111111111";
const TOKEN: &str = "tok8b1c77e0d2";
const UMRN: &str = "KKBK7000000000001";

/// What a merchant has sent along with every order.
const METADATA: &str = r#"{"order.customer_email":"asha.rao@example.in","order.customer_phone":"9876543210",
    "order.billing_address_phone":"+91 98765 43210","udf1":"asha@okbank","udf2":50100012345678,
    "order.metadata":{"card":"4111111111111111","vpa":"asha@okbank"}}"#;

/// Everything of a log, a table or a message in which none of it may be.
fn assert_clean(what: &str, text: &str) {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{KEY}:"));
    for secret in [
        EMAIL, PHONE, SPACED, VPA, ACCOUNT, CARD, TOKEN, UMRN, KEY, &basic,
    ] {
        if let Some(at) = text.find(secret) {
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            panic!("{secret} is in {what}: {}", &text[line..end]);
        }
    }
}

fn payers() -> Vec<Payer> {
    let mut payers = Vec::new();
    for (n, flow) in Flow::ALL.into_iter().enumerate() {
        for copy in 0..4 {
            let is_juspay = !matches!(flow, Flow::SignzyOnDemand | Flow::SignzyWatched);
            payers.push(Payer {
                metadata: if is_juspay { METADATA } else { "" },
                ..Payer::new((100 + 10 * n + copy).to_string(), flow)
            });
        }
    }
    payers
}

/// Every row of every table but the mandates', whose metadata is the merchant's own and kept to be sent.
async fn history(world: &World) -> String {
    let mut rows: Vec<String> = column(
        world.pool(),
        "select ref || ' ' || status || ' ' || coalesce(status_reason, '') from mandated.mandates",
    )
    .await;
    for table in [
        "accounts",
        "executions",
        "notifications",
        "jobs",
        "intents",
        "debits",
        "attempts",
        "events",
        "policies",
    ] {
        let sql = format!("select t::text from mandated.{table} t");
        rows.extend(column::<String>(world.pool(), &sql).await);
    }
    rows.join("\n")
}

#[tokio::test]
async fn nothing_of_the_payers_is_left_of_a_rough_month_in_every_flow() {
    let faults = Faults {
        slow: 0,
        ..Faults::DEMO
    };
    let world = World::with_faults(&payers(), faults).await;
    let log = Log::filtered("trace");
    world.run_until(at("28 23:59")).await;
    let history = history(&world).await;
    assert!(history.contains("charged") && history.contains("[redacted]"));
    assert_clean("the history", &history);
    let log = log.text();
    assert!(log.contains(r#""level":"TRACE""#), "all of it is captured");
    assert_clean("the log", &log);
}

#[tokio::test]
async fn nothing_of_the_payers_is_left_of_answers_that_are_full_of_them() {
    let world = World::open(&payers()).await;
    let provider = MockServer::start().await;
    let chatter = Chatter::default();
    Mock::given(any())
        .respond_with(chatter)
        .mount(&provider)
        .await;
    let engine = world.engine_at(&provider.uri()).await;
    let log = Log::filtered("trace");
    live(&engine, at("28 23:59")).await;
    let history = history(&world).await;
    for outcome in [
        "charged",
        "failed",
        "refused",
        "unknown",
        "account_refused",
        "pending",
        "not_found",
    ] {
        assert!(
            history.contains(&format!(",{outcome},")),
            "nothing was {outcome}"
        );
    }
    assert!(history.contains("[redacted]"));
    assert_clean("the history", &history);
    assert_clean("the log", &log.text());
}

/// A provider that says too much.
#[derive(Default)]
struct Chatter {
    calls: AtomicUsize,
}

/// What it adds to whatever it says.
fn chatter() -> Value {
    let words = format!("no answer from +91 {SPACED} or {VPA} about {ACCOUNT}, see {EMAIL}");
    json!({
        "customer_email": EMAIL, "customerEmail": EMAIL, "customer_phone": PHONE, "customerPhone": PHONE,
        "bankAccountNumber": ACCOUNT, "bankAccountHolder": "Asha Rao", "umrn": UMRN, "udf1": VPA, "product_id": PHONE,
        "upi": {"payer_vpa": VPA, "payer_app": "okbank"}, "card": {"card_number": CARD, "last_four_digits": "1111"},
        "mandate": {"mandate_token": TOKEN, "mandate_debit_token": TOKEN, "bank_details": {"account": ACCOUNT}},
        "metadata": {"payer": VPA}, "remarks": words, "bank_error_code": "Z9", "bank_error_message": words,
        "resp_message": format!(r#"{{"message":"{words}","phone":{PHONE}}}"#), "failureReason": words,
        "response_message": words, "provider_response": {"provider_response_message": words},
        "authLink": format!("https://cfre.in/{TOKEN}"), "message": words, "error_message": words,
    })
}

fn with(fields: &Value) -> String {
    let mut body = chatter();
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body.to_string()
}

impl Chatter {
    /// One of some answers, another at each call.
    fn turn(&self, answers: &[(u16, String)]) -> ResponseTemplate {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        let (status, body) = &answers[n % answers.len()];
        ResponseTemplate::new(*status).set_body_raw(body.clone(), "application/json")
    }

    fn order(&self, order: &str, is_look: bool) -> ResponseTemplate {
        let said = |status: &str| {
            let txn = format!("shop-{order}-1");
            let amount = json!(499.0);
            with(&json!({"order_id": order, "status": status, "txn_id": txn, "amount": amount}))
        };
        let mut answers = vec![
            (200, said("PENDING_VBV")),
            (200, said("AUTHORIZATION_FAILED")),
            (500, with(&json!({}))),
            (200, said(&format!("WAITING_FOR_{VPA}"))),
            (200, said("CHARGED")),
            (429, with(&json!({}))),
            (200, format!("<html>{EMAIL} {PHONE} {ACCOUNT}</html>")),
            (
                401,
                with(&json!({"error_code": format!("denied to {EMAIL}")})),
            ),
        ];
        answers.push(if is_look {
            (
                400,
                with(&json!({"status": "NOT_FOUND", "error_code": PHONE})),
            )
        } else {
            (
                400,
                format!(
                    r#"{{"error_message": no order for {PHONE} or {EMAIL}", "error_code":"{VPA}""#
                ),
            )
        });
        self.turn(&answers)
    }

    fn notification(&self, reference: &str) -> ResponseTemplate {
        let said =
            |status: &str| with(&json!({"object_reference_id": reference, "status": status}));
        self.turn(&[
            (200, said("SUCCESS")),
            (200, said("PENDING")),
            (200, said("FAILURE")),
            (200, said("SUCCESS")),
            (502, with(&json!({}))),
        ])
    }

    fn payment(&self, emandate: &str, many: bool) -> ResponseTemplate {
        let said = |status: &str| {
            let id: i64 = emandate.parse().unwrap();
            let payment = with(
                &json!({"paymentId": id, "subReferenceId": id, "status": status, "amount": 499,
                "addedOn": "2027-02-05 07:10:00", "retryAttempts": 0}),
            );
            let payment: Value = serde_json::from_str(&payment).unwrap();
            let body = if many {
                json!({"status": "OK", "payments": [payment], "lastId": id})
            } else {
                json!({"status": "OK", "payment": payment})
            };
            with(&json!({ "result": body }))
        };
        self.turn(&[
            (200, said("PENDING")),
            (200, said("FAILED")),
            (400, json!({"error": chatter()}).to_string()),
            (500, with(&json!({}))),
            (200, said("SUCCESS")),
        ])
    }
}

impl Respond for Chatter {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path: Vec<&str> = request.url.path().split('/').skip(1).collect();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let form = |name: &str| {
            let pairs = url::form_urlencoded::parse(body.as_bytes());
            pairs
                .into_owned()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        match path.as_slice() {
            ["mandates", _] => self.notification(&form("object_reference_id").unwrap()),
            ["notifications", reference] => self.notification(reference),
            ["txns"] => self.order(&form("order.order_id").unwrap(), false),
            ["orders", order] => self.order(order, true),
            ["ecr", "mandate", "retry"] => {
                let asked: Value = serde_json::from_str(&body).unwrap();
                self.order(asked["order_id"].as_str().unwrap(), false)
            }
            ["eMandates", id, "payments"] => self.payment(id, true),
            ["eMandates", id, ..] => self.payment(id, false),
            other => panic!("nobody calls {other:?}"),
        }
    }
}
