//! Every documented error, as its page prints it.

use wiremock::ResponseTemplate;

use super::support::{StubbedJuspay, brief, documented, execute, look_up, retry, saying};
use super::tables::{error_rows, text_rows};

/// What each row of the error table comes to.
const ROWS: [(&str, &str); 14] = [
    ("Invalid Authentication", "account refused"),
    ("Duplicate order id", "already exists"),
    ("Invalid order amount", "refused our_request"),
    ("Mandate max amount not found", "refused our_request"),
    ("Amount not found in request.", "refused our_request"),
    (
        "Order amount greater than mandate max amount",
        "refused our_request",
    ),
    (
        "Currency not valid for mandate transaction",
        "refused our_request",
    ),
    ("Mandate not found", "refused mandate_dead"),
    ("Mandate not in active state", "refused mandate_paused"),
    ("Passing Invalid URL", "unknown"),
    ("Not passing merchant_id field", "refused our_request"),
    ("Invalid Merchant ID", "refused payee_side"),
    // The next one is printed with two spaces on one of the pages.
    (
        "Perfroming a transaction by providing a different currency than the create mandate",
        "refused our_request",
    ),
    ("Passing invalid customer_id", "failed our_request"),
];

#[tokio::test]
async fn every_row_of_the_error_tables() {
    let rows = error_rows();
    assert_eq!(
        rows,
        text_rows(documented!("execution_errors.txt")),
        "both pages print the same table"
    );
    assert_eq!(rows.len(), ROWS.len());
    let stub = StubbedJuspay::new().await;
    for ((status, description, body), (expected_row, expected)) in rows.iter().zip(ROWS) {
        assert_eq!(description, expected_row);
        stub.say(*status, body).await;
        let reply = execute(&stub.juspay, "1738237998").await;
        assert_eq!(brief(&reply.outcome), expected, "{description}");
        assert_eq!(reply.wire.http_status, Some(*status));
    }
}

#[tokio::test]
async fn what_the_rows_say_is_kept() {
    let stub = StubbedJuspay::new().await;
    for (row, code, message) in [
        ("Invalid order amount", "Invalid", "Invalid order amount"),
        (
            "Mandate not found",
            "Mandate not found",
            "Mandate not found",
        ),
        ("Passing invalid customer_id", "800", "Contract not found"),
    ] {
        let rows = error_rows();
        let (status, _, body) = rows
            .iter()
            .find(|(_, description, _)| description == row)
            .unwrap();
        stub.say(*status, body).await;
        let wire = execute(&stub.juspay, "1738237998").await.wire;
        assert_eq!(wire.code.unwrap_or_default(), code, "{row}");
        assert_eq!(wire.message.as_deref(), Some(message), "{row}");
        assert!(wire.rule.is_some(), "{row}");
    }
}

#[tokio::test]
async fn the_documented_400_of_the_execution_page() {
    let (_server, juspay) = saying(400, documented!("execution_mandate_not_found.json")).await;
    assert_eq!(
        brief(&execute(&juspay, "m1").await.outcome),
        "refused mandate_dead"
    );
}

#[tokio::test]
async fn nothing_to_retry_is_final_even_where_the_answer_says_server_error() {
    let stub = StubbedJuspay::new().await;
    for status in [200, 400, 404, 422, 500, 503] {
        stub.say(status, documented!("retry_failure.json")).await;
        assert_eq!(
            brief(&retry(&stub.juspay, "recu_1731322009").await.outcome),
            "refused nothing_to_retry",
            "{status}"
        );
    }
}

#[tokio::test]
async fn other_envelopes_are_read_too() {
    let stub = StubbedJuspay::new().await;
    for (status, body, expected) in [
        // Fuller 401, and the same words under another status.
        (
            401,
            r#"{"status":"error","error_code":"access_denied","error_info":{"code":"UNAUTHORIZED"}}"#,
            "account refused",
        ),
        (
            400,
            r#"{"error_info":{"category":"USER_ERROR","code":"UNAUTHENTICATED"}}"#,
            "account refused",
        ),
        (
            400,
            r#"{"error_info":{"category":"USER_ERROR","code":"DUPLICATE_REQUEST"}}"#,
            "already exists",
        ),
        (500, r#"{"status":"DUPLICATE_ORDER_ID"}"#, "already exists"),
        (200, r#"{"status":"DUPLICATE_ORDER_ID"}"#, "already exists"),
        // "Euler".
        (
            400,
            r#"{"session_id":"N-1","user_message":"Cancel action not allowed.","code":"INVALID_REQUEST","type":"INVALID_REQUEST_ERROR","message":"No scheduled recurring transactions are found."}"#,
            "refused nothing_to_retry",
        ),
        // Order-shaped, with a 200: the call failed, and who knows how far it came.
        (
            200,
            r#"{"status":"ERROR","error_code":"INVALID_START_DATE","status_id":-1,"error_info":{"code":"UNKNOWN_ERROR"}}"#,
            "unknown",
        ),
        (
            200,
            r#"{"status":"ERROR","error_code":"Mandate not found","error_message":"Mandate not found"}"#,
            "refused mandate_dead",
        ),
        // A transaction was made: its status counts, known or not.
        (
            200,
            r#"{"status":"QUEUED","txn_id":"merchant-m1-1","resp_message":"Mandate not found"}"#,
            "pending",
        ),
        (
            500,
            r#"{"txn_id":"merchant-m1-1","error_message":"Mandate not found"}"#,
            "unknown",
        ),
        // A documented refusal wins over its HTTP status, anything else with a 5xx proves nothing.
        (
            500,
            r#"{"error_message":"Order amount greater than mandate max amount"}"#,
            "refused our_request",
        ),
        (
            500,
            r#"{"status":"ERROR","error_code":"Bad request."}"#,
            "unknown",
        ),
        (
            500,
            r#"{"error_info":{"category":"SERVER_ERROR","code":"INTERNAL_SERVER_ERROR"}}"#,
            "unknown",
        ),
    ] {
        stub.say(status, body).await;
        assert_eq!(
            brief(&execute(&stub.juspay, "m1").await.outcome),
            expected,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn refusals_carry_the_time_to_wait() {
    let template = ResponseTemplate::new(400)
        .insert_header("Retry-After", "30")
        .set_body_string(r#"{"status":"ERROR"}"#);
    let stub = StubbedJuspay::new().await;
    stub.answer(template).await;
    let mandated::domain::Outcome::Refused(failure) = execute(&stub.juspay, "m1").await.outcome
    else {
        panic!("refused")
    };
    assert_eq!(
        failure.retry_after,
        Some(std::time::Duration::from_secs(30))
    );
}

#[tokio::test]
async fn a_look_up_that_is_refused_says_nothing_about_the_order_unless_it_is_unknown() {
    let merchant = r#"{"error_message":"Invalid Request","error_info":{"fields":[{"field_name":"merchant_id","reason":"Invalid merchant_id."}],"developer_message":"merchant_id is invalid.","code":"RESOURCE_NOT_FOUND"}}"#;
    let stub = StubbedJuspay::new().await;
    for (status, body, expected) in [
        (400, documented!("order_not_found.json"), "not found"),
        (404, documented!("order_not_found.json"), "not found"),
        (200, documented!("order_not_found.json"), "not found"),
        (
            400,
            r#"{"error_info":{"code":"RESOURCE_NOT_FOUND"}}"#,
            "not found",
        ),
        (404, r#"{"error_code":"E09"}"#, "not found"),
        // Not the order is unknown, but the merchant.
        (400, merchant, "unknown"),
        (404, merchant, "unknown"),
        // Documented as a wrong URL.
        (404, "", "unknown"),
        (404, "<html>not found</html>", "unknown"),
        (
            400,
            r#"{"status":"ERROR","error_code":"Bad request."}"#,
            "unknown",
        ),
        (400, r#"{"status":"DUPLICATE_ORDER_ID"}"#, "unknown"),
        (
            200,
            r#"{"status":"ERROR","error_code":"Mandate not found"}"#,
            "unknown",
        ),
        (
            401,
            r#"{"status":"error","error_code":"access_denied"}"#,
            "account refused",
        ),
        (500, "", "unknown"),
    ] {
        stub.say(status, body).await;
        assert_eq!(
            brief(&look_up(&stub.juspay, "173824171").await.outcome),
            expected,
            "{status} {body}"
        );
    }
}
