//! Finding words in a body whose shape is not known: codes, messages, and single texts.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::provider::redact::hide_in_text;

/// Where codes stand, the most telling first. A step can lead into JSON that is packed into text (`resp_message`).
const CODES: &[&str] = &[
    // Says what to do, not only what happened.
    "merchant_advice_code",
    "payment_gateway_response.merchant_advice_code",
    "bank_error_code",
    "resp_message.errorCode",
    "payment_gateway_response.network_error_code",
    "payment_gateway_response.resp_code",
    "provider_response.provider_response_code",
    "response_code",
    "resp_code",
    "error_info.code",
    "error_code",
    "code",
    "txn_detail.error_code",
    "resp_category",
    "error_info.category",
    "type",
];

/// Where messages stand, the most telling first.
const MESSAGES: &[&str] = &[
    "bank_error_message",
    "resp_message.message",
    "resp_message",
    "payment_gateway_response.network_error_message",
    "payment_gateway_response.resp_message",
    "provider_response.provider_response_message",
    "response_message",
    "error_message",
    "message",
    "error_info.developer_message",
    "error_info.user_message",
    "txn_detail.error_message",
    "user_message",
];

/// Words of the envelopes that are searched for in a body that is not JSON.
const SALVAGED: &[&str] = &[
    "status",
    "error_code",
    "error_message",
    "user_message",
    "code",
    "message",
];

/// No message is longer than this, in characters.
const MAX_MESSAGE: usize = 300;

/// Every code in a body, with where it stood.
pub(super) fn codes(body: &Value) -> Vec<(&'static str, String)> {
    CODES
        .iter()
        .filter_map(|path| Some((*path, word_at(body, path)?)))
        .collect()
}

/// Every message in a body, each once.
pub(super) fn messages(body: &Value) -> Vec<String> {
    let found = MESSAGES
        .iter()
        .filter_map(|path| word_at(body, path))
        .chain(complaints(body));
    let mut messages = Vec::new();
    for message in found {
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    messages
}

/// A word at a path, fit to be shown and kept.
pub(super) fn word_at(body: &Value, path: &str) -> Option<String> {
    text_at(body, path)
        .filter(|text| !text.starts_with('{'))
        .map(|text| show(&text))
}

/// Text or a number at a path, exactly as it was written; nothing for what is empty.
pub(super) fn text_at(body: &Value, path: &str) -> Option<String> {
    match value_at(body, path)?.as_ref() {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Follows a path, also through JSON that is packed into text.
fn value_at<'v>(body: &'v Value, path: &str) -> Option<Cow<'v, Value>> {
    let mut value = Cow::Borrowed(body);
    for key in path.split('.') {
        if let Value::String(text) = value.as_ref() {
            value = Cow::Owned(serde_json::from_str(text).ok()?);
        }
        value = match value {
            Cow::Borrowed(outer) => Cow::Borrowed(outer.get(key)?),
            Cow::Owned(mut outer) => Cow::Owned(outer.get_mut(key)?.take()),
        };
    }
    Some(value)
}

/// What a validation found wrong: `error_info.fields`.
fn complaints(body: &Value) -> Vec<String> {
    let fields = value_at(body, "error_info.fields");
    let Some(Value::Array(fields)) = fields.as_deref() else {
        return Vec::new();
    };
    let complaint = |field: &Value| {
        Some(format!(
            "{}: {}",
            word_at(field, "field_name")?,
            word_at(field, "reason")?
        ))
    };
    fields.iter().filter_map(complaint).collect()
}

fn show(text: &str) -> String {
    let clean = hide_in_text(text).unwrap_or_else(|| text.to_owned());
    match clean.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// The known words of a body that tries to be a JSON object and is not: the documentation's own "Invalid order amount"
/// lacks a quote. What is found this way names a refusal; it never proves that a call was processed.
pub(super) fn salvage(body: &str) -> Value {
    if !body.trim_start().starts_with('{') {
        return Value::Object(Map::new());
    }
    let word = |name: &&str| {
        let (_, rest) = body.split_once(&format!("\"{name}\""))?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let rest = rest.strip_prefix('"').unwrap_or(rest);
        let end = rest.find(['"', ',', '}']).unwrap_or(rest.len());
        Some((
            (*name).to_owned(),
            Value::String(rest.get(..end)?.to_owned()),
        ))
    };
    Value::Object(SALVAGED.iter().filter_map(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn codes_come_the_most_telling_first_with_where_they_stood() {
        let body = json!({
            "error_info": {"category": "USER_ERROR", "code": "INVALID_INPUT"},
            "resp_code": "FAILURE_RESPONSE", "resp_category": null, "error_code": 7,
            "payment_gateway_response": {"resp_code": "U30", "network_error_code": ""},
            "bank_error_code": " Z9 ",
            "resp_message": "{\"errorCode\":\"800\",\"message\":\"Contract not found\"}",
        });
        let expected = [
            ("bank_error_code", "Z9"),
            ("resp_message.errorCode", "800"),
            ("payment_gateway_response.resp_code", "U30"),
            ("resp_code", "FAILURE_RESPONSE"),
            ("error_info.code", "INVALID_INPUT"),
            ("error_code", "7"),
            ("error_info.category", "USER_ERROR"),
        ];
        assert_eq!(
            codes(&body),
            expected.map(|(field, code)| (field, code.to_owned()))
        );
        assert_eq!(messages(&body), ["Contract not found"]);
    }

    #[test]
    fn messages_are_redacted_cut_and_said_once() {
        let body = json!({
            "resp_message": "call 9876543210", "error_message": "Bad request.", "user_message": "x".repeat(400),
            "error_info": {"user_message": "Bad request.", "fields": [{"field_name": "merchant_id", "reason": "missing"}]},
        });
        let long = format!("{}…", "x".repeat(MAX_MESSAGE));
        assert_eq!(
            messages(&body),
            [
                "call [redacted]",
                "Bad request.",
                long.as_str(),
                "merchant_id: missing"
            ]
        );
    }

    #[test]
    fn words_are_saved_from_what_is_not_quite_json() {
        let body = salvage(
            r#"{"status":"Invalid Request","error_message":Invalid order amount","error_code":"Invalid"}"#,
        );
        assert_eq!(
            body,
            json!({"status": "Invalid Request", "error_message": "Invalid order amount", "error_code": "Invalid"})
        );
        assert_eq!(salvage(r#"<html>{"status":"CHARGED"}</html>"#), json!({}));
    }
}
