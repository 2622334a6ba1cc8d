//! What we send, compared with the documentation's own samples.

use std::collections::BTreeMap;

use mandated::domain::{Amount, Currency, Metadata, Rail};
use mandated::provider::juspay::check_metadata;
use mandated::provider::{ExecuteNotice, ExecuteRequest, NotifyRequest, Provider, RetryRequest};
use serde_json::{Map, Value, json};
use wiremock::{MockServer, Request};

use super::curl::Sample;
use super::support::{API_KEY, at, documented, look_up, mandate, mandate_of, rupees, saying};
use crate::support::provider::in_time;

async fn the_request(server: &MockServer) -> Request {
    server.received_requests().await.unwrap().pop().unwrap()
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn form(request: &Request) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
        .into_owned()
        .collect();
    let form: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(form.len(), pairs.len(), "a field is sent twice: {pairs:?}");
    form
}

fn assert_same_place(request: &Request, sample: &Sample) {
    assert_eq!(request.method.as_str(), sample.method);
    assert_eq!(request.url.path(), sample.path);
    for (name, value) in &sample.headers {
        match name.as_str() {
            // The samples' keys are masked.
            "authorization" if value.contains(['<', 'x', '.']) => {
                assert!(header(request, name).starts_with("Basic "), "{name}");
            }
            "x-merchantid" => assert_eq!(header(request, name), "merchantid"),
            _ => assert_eq!(
                header(request, name).to_ascii_lowercase(),
                value.to_ascii_lowercase(),
                "{name}"
            ),
        }
    }
}

#[tokio::test]
async fn execution_is_the_documented_request_field_for_field() {
    let sample = Sample::read(documented!("execution.curl"));
    let fields = sample.form();
    let mut mandate = mandate();
    mandate.customer_id.clone_from(&fields["order.customer_id"]);
    mandate
        .provider_mandate_id
        .clone_from(&fields["mandate_id"]);
    mandate.metadata = Metadata::default();
    mandate.description.clear();
    let execute_at =
        chrono::DateTime::from_timestamp(fields["mandate.execution_date"].parse().unwrap(), 0)
            .unwrap();
    let (server, juspay) = saying(200, documented!("execution_charged.json")).await;
    let request = ExecuteRequest {
        at: at(),
        deadline: in_time(),
        mandate: &mandate,
        order_id: &fields["order.order_id"],
        amount: Amount::parse(&fields["order.amount"], Currency::parse("USD").unwrap()).unwrap(),
        notice: ExecuteNotice::ExecuteAt(execute_at),
    };
    juspay.execute(&request).await;
    let sent = the_request(&server).await;
    assert_same_place(&sent, &sample);
    assert_eq!(form(&sent), fields);
}

#[tokio::test]
async fn the_other_page_of_the_same_call_asks_for_the_routing_id() {
    let sample = Sample::read(documented!("exercise.curl"));
    let (server, juspay) = saying(200, documented!("exercise_charged.json")).await;
    let mandate = mandate_of("customer_1122");
    super::support::execute_for(&juspay, &mandate, ":prongs-order-23").await;
    assert_same_place(&the_request(&server).await, &sample);
}

#[tokio::test]
async fn retry_is_the_documented_request_key_and_all() {
    let sample = Sample::read(documented!("retry.curl"));
    let body: Value = serde_json::from_str(&sample.body.concat()).unwrap();
    let mut mandate = mandate();
    mandate.provider_mandate_id = body["mandate_id"].as_str().unwrap().to_owned();
    let (server, juspay) = saying(200, documented!("retry_success.json")).await;
    let request = RetryRequest {
        at: at(),
        deadline: in_time(),
        mandate: &mandate,
        order_id: body["order_id"].as_str().unwrap(),
        amount: rupees("1.00"),
        provider_ref: None,
        next_scheduled_on: None,
    };
    juspay.retry(&request).await;
    let sent = the_request(&server).await;
    assert_same_place(&sent, &sample);
    assert_eq!(sent.body_json::<Value>().unwrap(), body);
    assert_eq!(header(&sent, "x-routing-id"), "test123");
}

/// The parameters of `order` on a documentation page, by their wire names.
fn documented_order_fields(page: &str) -> Vec<String> {
    page.lines()
        .filter_map(|line| line.trim().strip_prefix("- **")?.split_once("**:"))
        .map(|(name, _)| name.to_ascii_lowercase().replace(' ', ""))
        .map(|name| name.trim_start_matches("order.").to_owned())
        .filter(|name| {
            !matches!(
                name.as_str(),
                "notification_id" | "display_invoice_number" | "execution_date"
            )
        })
        // One page calls it `Order.order`; its own sample says `order.order_id`.
        .map(|name| {
            if name == "order" {
                "order.order_id".to_owned()
            } else {
                format!("order.{name}")
            }
        })
        .collect()
}

#[tokio::test]
async fn every_documented_field_can_be_carried_by_a_mandate() {
    let mut fields = documented_order_fields(documented!("execution_fields.md"));
    fields.extend(documented_order_fields(documented!("exercise_fields.md")));
    assert!(
        fields.len() > 80,
        "both pages list their fields: {}",
        fields.len()
    );
    let ours = [
        "order.order_id",
        "order.amount",
        "order.currency",
        "order.customer_id",
    ];
    let metadata: Map<String, Value> = fields
        .iter()
        .filter(|field| !ours.contains(&field.as_str()))
        .map(|field| {
            (
                field.clone(),
                json!(format!("https://shop.example/{field}")),
            )
        })
        .chain([
            ("order.metadata".to_owned(), json!({"split": [1]})),
            (
                "order.metadata.BILLDESK:AdditionalInfo1".to_owned(),
                json!("a & b"),
            ),
            (
                "mandate.display_invoice_number".to_owned(),
                json!("INVN67Mzd6wMX4xPVBC"),
            ),
        ])
        .collect();
    check_metadata(&metadata).unwrap();
    let mut mandate = mandate();
    mandate.metadata = metadata.clone().into();
    let (server, juspay) = saying(200, documented!("retry_success.json")).await;
    let amount = rupees("499.00");
    let notice = ExecuteNotice::Reference("abcxyz");
    juspay
        .execute(&ExecuteRequest {
            at: at(),
            deadline: in_time(),
            mandate: &mandate,
            order_id: "m1",
            amount,
            notice,
        })
        .await;
    let mut sent = form(&the_request(&server).await);
    for (name, value) in [
        ("order.order_id", "m1"),
        ("order.amount", "499.00"),
        ("order.currency", "INR"),
        ("order.customer_id", "test123"),
        ("mandate_id", "6R7GmdPfhecWj24DarETJJ"),
        ("merchant_id", "merchantid"),
        ("format", "json"),
        ("mandate.notification_id", "abcxyz"),
    ] {
        assert_eq!(sent.remove(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(
        sent.remove("order.metadata").as_deref(),
        Some(r#"{"split":[1]}"#)
    );
    for (name, value) in &metadata {
        if name != "order.metadata" {
            assert_eq!(sent.remove(name).as_deref(), value.as_str(), "{name}");
        }
    }
    assert!(sent.is_empty(), "nothing else is sent: {sent:?}");
}

#[tokio::test]
async fn the_metadata_may_set_the_description_and_no_reserved_field() {
    let (server, juspay) = saying(200, documented!("retry_success.json")).await;
    super::support::execute(&juspay, "m1").await;
    assert_eq!(
        form(&the_request(&server).await)["order.description"],
        "Gold plan"
    );

    let mut mandate = mandate();
    mandate.metadata =
        json!({"description": "Own words", "udf1": 7, "order.amount": "1.00", "colour": "red"})
            .into();
    let request = ExecuteRequest {
        at: at(),
        deadline: in_time(),
        mandate: &mandate,
        order_id: "m1",
        amount: rupees("300.00"),
        notice: ExecuteNotice::Exempt,
    };
    juspay.execute(&request).await;
    let sent = form(&the_request(&server).await);
    assert_eq!(sent["order.description"], "Own words");
    assert_eq!(sent["order.udf1"], "7");
    assert_eq!(sent["order.amount"], "300.00");
    let names: Vec<&str> = sent.keys().map(String::as_str).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.contains("colour") || name.starts_with("mandate.")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_notification_is_the_documented_request() {
    let sample = Sample::read(documented!("notification.curl"));
    let fields = sample.form();
    let info: Value = serde_json::from_str(&fields["source_info"]).unwrap();
    let mut mandate = mandate();
    mandate.provider_mandate_id = sample.path.rsplit('/').next().unwrap().to_owned();
    mandate.description.clone_from(&fields["description"]);
    let (server, juspay) = saying(200, documented!("notification_success.json")).await;
    let debit_at =
        chrono::DateTime::from_timestamp(info["txn_date"].as_str().unwrap().parse().unwrap(), 0)
            .unwrap();
    let reference = &fields["object_reference_id"];
    let amount = rupees(info["amount"].as_str().unwrap());
    let request = NotifyRequest {
        deadline: in_time(),
        at: at(),
        mandate: &mandate,
        reference,
        amount,
        debit_at,
    };
    juspay.notify(&request).await;
    let sent = the_request(&server).await;
    assert_same_place(&sent, &sample);
    let mut sent = form(&sent);
    let sent_info: Value = serde_json::from_str(
        &sent
            .insert("source_info".to_owned(), String::new())
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        sent_info,
        json!({"amount": "1.00", "txn_date": info["txn_date"]})
    );
    let names = |form: &BTreeMap<String, String>| form.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sent), names(&fields));
    assert_eq!(sent["command"], fields["command"]);
    assert_eq!(sent["object_reference_id"], fields["object_reference_id"]);
    assert_eq!(sent["description"], fields["description"]);
}

#[tokio::test]
async fn a_card_notification_carries_the_invoice_number_and_a_short_description() {
    let (server, juspay) = saying(200, documented!("notification_success.json")).await;
    let mut mandate = mandate();
    mandate.rail = Rail::Card;
    mandate.description = "é".repeat(60);
    mandate.metadata = json!({"mandate.display_invoice_number": "INV7"}).into();
    let request = NotifyRequest {
        deadline: in_time(),
        at: at(),
        mandate: &mandate,
        reference: "r1",
        amount: rupees("1.00"),
        debit_at: at(),
    };
    juspay.notify(&request).await;
    let sent = form(&the_request(&server).await);
    assert_eq!(sent["description"], "é".repeat(50));
    let info: Value = serde_json::from_str(&sent["source_info"]).unwrap();
    assert_eq!(info["mandate.display_invoice_number"], "INV7");
}

#[tokio::test]
async fn look_ups_carry_the_version_and_the_same_routing_id() {
    let (server, juspay) = saying(200, documented!("order_charged.json")).await;
    look_up(&juspay, "12345").await;
    let sent = the_request(&server).await;
    assert_same_place(&sent, &Sample::read(documented!("order_status.curl")));
    assert_eq!(header(&sent, "x-routing-id"), "test123");

    let (server, juspay) = saying(200, documented!("notification_success.json")).await;
    juspay
        .notification_status(&mandate_of("customer_1122"), "2QNPw8KSbpHL122bNPgA04", at())
        .await;
    assert_same_place(
        &the_request(&server).await,
        &Sample::read(documented!("notification_status.curl")),
    );
}

#[tokio::test]
async fn ids_cannot_break_out_of_the_path_and_the_base_may_have_one() {
    let (server, _) = saying(200, "{}").await;
    let juspay = super::support::client(super::support::settings(&format!("{}/ec/", server.uri())));
    look_up(&juspay, "../a b?c").await;
    assert_eq!(
        the_request(&server).await.url.path(),
        "/ec/orders/..%2Fa%20b%3Fc"
    );
}

#[tokio::test]
async fn the_key_is_the_user_name_and_the_password_is_empty() {
    use base64::Engine;
    let (server, juspay) = saying(200, "{}").await;
    look_up(&juspay, "m1").await;
    let sent = the_request(&server).await;
    let basic = header(&sent, "authorization")
        .strip_prefix("Basic ")
        .unwrap();
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(basic)
        .unwrap();
    assert_eq!(String::from_utf8(decoded).unwrap(), format!("{API_KEY}:"));
    assert_eq!(header(&sent, "accept"), "application/json");
}
