//! Answers are kept (G10), people and secrets in them are not (G9).

mod text;

use serde_json::{Map, Value};

pub use text::hide_in_text;

use crate::domain::percent::decode;

const MAX_BODY: usize = 2048;
const HIDDEN: &str = "[redacted]";
/// From this many digits on, a number may be a phone or an account number.
const MANY_DIGITS: usize = 9;

/// Parts of key names whose values are never kept. Compared without case, `_`, `-` and `.`.
const SENSITIVE: &[&str] = &[
    "authorization",
    "apikey",
    "password",
    "secret",
    "token",
    "email",
    "phone",
    "mobile",
    "vpa",
    "accountnumber",
    "accountholder",
    "bankaccount",
    "cardnumber",
    "cardisin",
    "lastfour",
    "expiry",
    "nameoncard",
    "customername",
    "firstname",
    "lastname",
    "address",
    "umrn",
    "ifsc",
    "authlink",
    "beneficiary",
    "payername",
    "upiid",
    "udf",
    "metadata",
    "fingerprint",
];

/// Keys of the provider's ids and times: numbers as long as a phone number, and needed to follow a debit.
const PLAIN: &[&str] = &[
    "orderid",
    "txnid",
    "txnuuid",
    "requestid",
    "objectreferenceid",
    "mandateid",
    "txndate",
    "datecreated",
    "lastupdated",
    "notificationdate",
    "paymentid",
    "subreferenceid",
];

/// An answer as it may be stored and shown: JSON with its sensitive values hidden, anything else only by its length.
pub fn redact(body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(body) else {
        return format!("[not JSON, {} bytes]", body.len());
    };
    hide(&mut value);
    let mut text = value.to_string();
    if text.len() > MAX_BODY {
        text.truncate(text.floor_char_boundary(MAX_BODY));
        text.push('…');
    }
    text
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                let key = plain_key(key);
                if SENSITIVE.iter().any(|part| key.contains(part)) && !inner.is_null() {
                    *inner = Value::String(HIDDEN.to_owned());
                } else if !(is_plain_key(&key) && is_plain(inner)) {
                    hide(inner);
                }
            }
            hide_keys(map);
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => hide_in_string(text),
        Value::Number(number) if is_long(&number.to_string()) => {
            *value = Value::String(HIDDEN.to_owned());
        }
        Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
}

/// A number as JSON writes it, before its point; what has an exponent is long enough.
fn is_long(number: &str) -> bool {
    let whole = number.trim_start_matches('-').split('.').next();
    number.contains(['e', 'E']) || whole.is_some_and(|whole| whole.len() >= MANY_DIGITS)
}

/// Some put the payer's number where a name belongs. Two of them are told apart by a number behind them.
fn hide_keys(map: &mut Map<String, Value>) {
    if map.keys().all(|key| hide_in_text(key).is_none()) {
        return;
    }
    let mut clean = Map::new();
    for (key, value) in std::mem::take(map) {
        let hidden = hide_in_text(&key).unwrap_or(key);
        let mut key = hidden.clone();
        let mut no: u32 = 1;
        while clean.contains_key(&key) {
            no = no.saturating_add(1);
            key = format!("{hidden} {no}");
        }
        clean.insert(key, value);
    }
    *map = clean;
}

fn plain_key(key: &str) -> String {
    key.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

fn is_plain_key(key: &str) -> bool {
    PLAIN.contains(&key) || key.contains("amount")
}

/// An id, a time or an amount: one word without an address in it.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !decode(text).contains(['@', '\u{ff20}', ' ', '{', '[']),
        Value::Number(_) | Value::Null | Value::Bool(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Text, or JSON that was packed into text (`resp_message`, `source_info`), percent-encoded or not.
fn hide_in_string(text: &mut String) {
    match serde_json::from_str::<Value>(&decode(text)) {
        Ok(mut packed @ (Value::Object(_) | Value::Array(_))) => {
            hide(&mut packed);
            *text = packed.to_string();
        }
        Ok(_) | Err(_) => {
            if let Some(clean) = hide_in_text(text) {
                *text = clean;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_secrets_are_hidden_wherever_they_stand() {
        let body = r#"{"order_id":"m1","mandate":{"mandate_token":"tok_1","status":"ACTIVE"},
            "upi":{"payer_vpa":"a@upi"},"list":[{"customerPhone":"9876543210"}],"remarks":"call 9876543210 or a@b.in now",
            "resp_message":"{\"message\":\"no\",\"customer_email\":\"c@d.in\"}","number":9876543211}"#;
        let clean = redact(body);
        for secret in [
            "tok_1",
            "a@upi",
            "9876543210",
            "a@b.in",
            "c@d.in",
            "9876543211",
        ] {
            assert!(!clean.contains(secret), "{clean}");
        }
        assert!(
            clean.contains(r#""order_id":"m1""#)
                && clean.contains("ACTIVE")
                && clean.contains("call")
        );
    }

    #[test]
    fn ids_and_times_of_the_provider_stay() {
        let body = r#"{"order_id":"1738237998","txn_id":"Merchant-1738237998-1","source_info":"{\"txn_date\":\"1686576938\"}"}"#;
        let clean = redact(body);
        assert!(
            clean.contains(r#""1738237998""#) && clean.contains("Merchant-1738237998-1"),
            "{clean}"
        );
        assert!(clean.contains("1686576938"), "{clean}");
        let amounts = r#"{"max_amount":123456789,"txn_amount":1234567.89}"#;
        assert_eq!(redact(amounts), amounts);
        // An id that is an address all the same.
        assert!(!redact(r#"{"order_id":"a@b.in"}"#).contains('@'));
    }

    #[test]
    fn people_in_the_names_of_fields_are_hidden_too() {
        let body =
            r#"{"9876543210":1,"asha@okbank":2,"98.765.432.10":{"user%40okhdfc":3},"amount":4}"#;
        let clean = redact(body);
        assert_eq!(
            clean,
            r#"{"[redacted]":{"[redacted]":3},"[redacted] 2":1,"[redacted] 3":2,"amount":4}"#
        );
        let packed = r#"{"info":"%7B%22phone%22%3A%229876%22%2C%22a%22%3A%22b%22%7D"}"#;
        assert_eq!(
            redact(packed),
            r#"{"info":"{\"a\":\"b\",\"phone\":\"[redacted]\"}"}"#
        );
    }

    #[test]
    fn numbers_are_hidden_however_json_writes_them() {
        for number in [
            "9876543210",
            "-9876543210",
            "9876543210.0",
            "9.87654321e22",
            "50100012345678901234567",
        ] {
            assert_eq!(
                redact(&format!(r#"{{"a":{number}}}"#)),
                r#"{"a":"[redacted]"}"#
            );
        }
        assert_eq!(redact(r#"{"a":1234567.89}"#), r#"{"a":1234567.89}"#);
    }

    #[test]
    fn what_is_not_json_is_not_kept() {
        assert_eq!(redact("<html>a@b.in</html>"), "[not JSON, 19 bytes]");
    }

    #[test]
    fn long_answers_are_cut_at_a_character() {
        let clean = redact(&format!("{{\"a\":\"{}\"}}", "é".repeat(3000)));
        assert!(clean.len() <= MAX_BODY.saturating_add('…'.len_utf8()));
    }
}
