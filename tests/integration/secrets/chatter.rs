//! A provider that says too much.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::{ACCOUNT, CARD, EMAIL, PHONE, SPACED, TOKEN, UMRN, VPA};

/// Answers every documented call, each time in another way.
#[derive(Default)]
pub(super) struct Chatter {
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
        "metadata": {"payer": VPA},  "remarks": words, "bank_error_code": "Z9", "bank_error_message": words,
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
        let (status, body) = answers.iter().cycle().nth(n).unwrap();
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

    fn emandate(&self) -> ResponseTemplate {
        let said = |status: &str| {
            let mut subscription = chatter();
            subscription["status"] = json!(status);
            json!({"result": {"status": "OK", "subscription": subscription}}).to_string()
        };
        self.turn(&[
            (200, said("ON_HOLD")),
            (200, said(&format!("HELD FOR {VPA}"))),
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
                json!({"status": "OK", "payment": payment, "subStatus": format!("HELD FOR {VPA}")})
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
            ["mandates", _] => match form("object_reference_id") {
                Some(reference) => self.notification(&reference),
                None => {
                    ResponseTemplate::new(400).set_body_raw(with(&json!({})), "application/json")
                }
            },
            ["notifications", reference] => self.notification(reference),
            ["txns"] => self.order(&form("order.order_id").unwrap(), false),
            ["orders", order] => self.order(order, true),
            ["ecr", "mandate", "retry"] => {
                let asked: Value = serde_json::from_str(&body).unwrap();
                self.order(asked["order_id"].as_str().unwrap(), false)
            }
            ["eMandates", _] => self.emandate(),
            ["eMandates", id, "payments"] => self.payment(id, true),
            ["eMandates", id, ..] => self.payment(id, false),
            other => panic!("nobody calls {other:?}"),
        }
    }
}
