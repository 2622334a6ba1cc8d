//! The providers' own bodies, as their pages print them. What a page leaves open is said where it is filled in.

use mandated::domain::{Amount, ProviderKind};

use super::answer::Answer;

/// Juspay, HTTP 401, "Invalid Authentication".
pub(super) const ACCESS_DENIED: &str = r#"{ "status": "error", "error_code": "access_denied" }"#;

/// Juspay, HTTP 400, "Duplicate order id".
pub(super) const DUPLICATE_ORDER: &str = r#"{ "status": "DUPLICATE_ORDER_ID", "error_message": "Order already exists with the given order_id" }"#;

/// Juspay, HTTP 400, "Invalid order amount": not JSON, and printed so twice.
pub(super) const INVALID_AMOUNT: &str =
    r#"{"status":"Invalid Request","error_message":Invalid order amount","error_code":"Invalid"}"#;

/// Juspay, HTTP 400.
pub(super) const NO_MAX_AMOUNT: &str = r#"{"status":"Invalid Request","error_message":"Mandate max amount not found.","error_code":"Invalid"}"#;

/// Juspay, HTTP 400, "Amount not found in request."
pub(super) const NO_AMOUNT: &str =
    r#"{"status":"ERROR","error_message":"Bad request.","error_code":"Bad request."}"#;

/// Juspay, HTTP 400, "Currency not valid for mandate transaction".
pub(super) const CURRENCY_NOT_VALID: &str = r#"{"status":"Bad Request","error_message":"currency not valid for mandate transaction.","error_code":"Invalid"}"#;

/// Juspay, HTTP 400, "providing a different currency than the create mandate".
pub(super) const OTHER_CURRENCY: &str = r#"{"error_message":"currency not valid for mandate transaction","status":"Bad Request","error_code":"Invalid","error_info":{"user_message":"Invalid request params. Please verify your input.","developer_message":"currency not valid for mandate transaction","code":"INVALID_INPUT","category":"USER_ERROR"}}"#;

/// Juspay, HTTP 400: the sample response of the execution API.
pub(super) const MANDATE_NOT_FOUND: &str = r#"{
    "error_message": "Mandate not found",
    "status": "invalid_request_error",
    "error_code": "Mandate not found",
    "error_info": {
        "user_message": "Cannot process your request as mandate not found.",
        "developer_message": "Mandate not found for customer.",
        "code": "RESOURCE_NOT_FOUND",
        "category": "USER_ERROR"
    }
}"#;

/// Juspay, HTTP 400, "Invalid Merchant ID".
pub(super) const INVALID_MERCHANT: &str = r#"{"user_message":"Invalid merchant id. Cannot process your request.","error_message":"Invalid Request","error":true,"error_info":{"user_message":"Please pass valid merchant_id in request.","fields":[{"field_name":"merchant_id","reason":"Invalid merchant_id."}],"developer_message":"merchant_id is invalid.","code":"RESOURCE_NOT_FOUND","category":"USER_ERROR"}}"#;

/// Juspay, inside an HTTP 200, "Passing invalid `customer_id`".
pub(super) const INVALID_CUSTOMER: &str = r#"{"status":422,"errorCode":"800","message":"Contract not found","errorType":"validation","pspReference":"QV5HW3RDKLSMC375"}"#;

/// Juspay, the failure of the retry API.
pub(super) const NOTHING_TO_RETRY: &str = r#"{"error_message":"Unable to process the request.","status":"ERROR","error_code":"No scheduled transactions found.","error_info":{"user_message":"Internal Server Error","request_id":"c0a14e0d-1a29-41ed-8707-019216417cf6","href":"NA","developer_message":"Internal Server Error","code":"INTERNAL_SERVER_ERROR","category":"SERVER_ERROR"}}"#;

/// Juspay's mandate commands, "Euler" shape.
pub(super) const NOTHING_TO_CANCEL: &str = r#"{"session_id":"NOREQID-1","user_message":"Cancel action not allowed.","code":"INVALID_REQUEST","type":"INVALID_REQUEST_ERROR","message":"No scheduled recurring transactions are found."}"#;

/// What both answer when they break.
pub(super) const INTERNAL: &str = r#"{"error_message":"Unable to process the request.","status":"ERROR","error_code":"INTERNAL_SERVER_ERROR","error_info":{"user_message":"Internal Server Error","developer_message":"Internal Server Error","code":"INTERNAL_SERVER_ERROR","category":"SERVER_ERROR"}}"#;

/// What a proxy on the way answers.
pub(super) const PROXY_PAGE: &str = "<!DOCTYPE html><html><head><title>Just a moment</title></head><body>Please wait.</body></html>";

/// Juspay, HTTP 400, "Not passing `merchant_id` field"; the same shape for every mandatory field.
pub(super) fn missing_field(field: &str) -> Answer {
    let body = r#"{"error_message":"Bad request.","status":"ERROR","error_code":"Bad request.","error_info":{"user_message":"Bad request.","fields":[{"field_name":"merchant_id","reason":"Field required but not passed."}],"developer_message":"Failed while parsing your request.","code":"MISSING_MANDATORY_PARAMETER","category":"USER_ERROR"}}"#;
    Answer::json(400, body.replace("merchant_id", field))
}

/// Juspay, HTTP 400. The page prints `(<max amount>)`, mangled by its own markup; the amount stands there.
pub(super) fn over_maximum(most: Amount) -> Answer {
    let most = most.decimal();
    Answer::json(
        400,
        format!(
            r#"{{"status":"Bad Request","error_message":"Order amount greater than mandate max amount ({most})","error_code":"Invalid"}}"#
        ),
    )
}

/// Juspay, HTTP 400, "Mandate not in active state"; the page prints it for PAUSED.
pub(super) fn not_active(status: &str) -> Answer {
    Answer::json(
        400,
        format!(
            r#"{{"status":"invalid_request_error","error_message":"Mandate is in {status} state. Recurring cannot be executed","error_code":"invalid_request"}}"#
        ),
    )
}

/// Juspay, HTTP 400: the standard envelope with a code of its catalogue.
pub(super) fn refused(status: &str, error_code: &str, message: &str, code: &str) -> Answer {
    let body = serde_json::json!({
        "status": status,
        "error_code": error_code,
        "error_message": message,
        "error_info": {
            "user_message": message,
            "developer_message": message,
            "code": code,
            "category": "USER_ERROR",
        },
    });
    Answer::value(400, &body)
}

/// Juspay, HTTP 400, "another request for the same identifier is already in process".
pub(super) fn duplicate_request() -> Answer {
    let message = "Another request for the same identifier is already in process.";
    refused("ERROR", "duplicate_request", message, "DUPLICATE_REQUEST")
}

/// Juspay, HTTP 400: the shape of a wrong mandate command.
pub(super) fn bad_command(message: &str) -> Answer {
    let body = serde_json::json!({
        "status": "Invalid Request", "error_code": "bad_request", "error_message": message,
    });
    Answer::value(400, &body)
}

/// Signzy's errors, "Error codes".
pub(super) fn signzy_error(status: u16, message: &str) -> Answer {
    let body = serde_json::json!({
        "error": { "name": "Error", "status": status, "message": message },
    });
    Answer::value(status, &body)
}

/// Not for this caller: Juspay's error category UNAUTHORIZED, Signzy's 403.
pub(super) fn forbidden(provider: ProviderKind) -> Answer {
    match provider {
        ProviderKind::Juspay => Answer::json(
            403,
            r#"{"status":"error","error_code":"access_denied","error_info":{"category":"USER_ERROR","code":"UNAUTHORIZED"}}"#,
        ),
        ProviderKind::Signzy => signzy_error(403, "Forbidden"),
    }
}

/// What a firewall says to whom it does not let through.
pub(super) const FIREWALL_PAGE: &str = "<html><head><title>403 Forbidden</title></head><body>Request blocked. You exceeded the security policy.</body></html>";

/// Juspay documents no limit, only 429; Signzy's 403 is "also used when requests are being denied due to request limits".
pub(super) fn throttled(provider: ProviderKind) -> Answer {
    match provider {
        ProviderKind::Juspay => Answer::json(
            429,
            r#"{"status":"error","error_code":"too_many_requests"}"#,
        ),
        ProviderKind::Signzy => {
            signzy_error(403, "Request limit exceeded. Please try again later.")
        }
    }
}
