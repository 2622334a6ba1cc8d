//! Answers are kept (G10), people and secrets in them are not (G9).

use serde_json::Value;

const MAX_BODY: usize = 2048;
const HIDDEN: &str = "[redacted]";
/// From this many digits on, a number in free text may be a phone or an account number.
const MANY_DIGITS: usize = 9;
const MANY_DIGITS_NUMBER: u64 = 100_000_000;

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
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => hide_in_string(text),
        Value::Number(number)
            if number
                .as_u64()
                .is_some_and(|number| number >= MANY_DIGITS_NUMBER) =>
        {
            *value = Value::String(HIDDEN.to_owned());
        }
        Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
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
        Value::String(text) => !text.contains(['@', ' ', '{', '[']),
        Value::Number(_) | Value::Null | Value::Bool(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Text, or JSON that was packed into text (`resp_message`, `source_info`).
fn hide_in_string(text: &mut String) {
    match serde_json::from_str::<Value>(text) {
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

/// Free text without addresses (words with an `@`) and without runs of nine digits or more, spaces and hyphens
/// between them or not. Nothing if there was nothing to hide.
pub fn hide_in_text(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split(' ')
        .map(|word| if word.contains('@') { HIDDEN } else { word })
        .collect();
    let clean = hide_numbers(&words.join(" "));
    (clean != text).then_some(clean)
}

/// A run that touches a letter is part of an id and stays.
fn hide_numbers(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(run_length(from));
        let inside_a_word = before
            .chars()
            .next_back()
            .or_else(|| clean.chars().next_back());
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() || c == '_');
        clean.push_str(before);
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        if digits >= MANY_DIGITS && !touches(inside_a_word) && !touches(after.chars().next()) {
            clean.push_str(HIDDEN);
        } else {
            clean.push_str(run);
        }
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// How far digits go, a single space or hyphen between two of them included.
fn run_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut end: usize = 0;
    loop {
        let next = end.saturating_add(1);
        if digit(end) || matches!(bytes.get(end), Some(b' ' | b'-')) && digit(next) {
            end = next;
        } else {
            return end;
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
    fn numbers_in_text_are_hidden_however_they_are_written() {
        let hidden = |text: &str| hide_in_text(text).unwrap_or_default();
        assert_eq!(hidden("call +91 98765 43210 now"), "call +[redacted] now");
        assert_eq!(hidden("phone:9876543210."), "phone:[redacted].");
        assert_eq!(hidden("account 0123-4567-8901"), "account [redacted]");
        for kept in [
            "amount 100.00 of 5000.00",
            "m1738237998o1",
            "error 800",
            "U30 at 10:00 on 2026-01-31",
            "é 12",
        ] {
            assert_eq!(hide_in_text(kept), None, "{kept}");
        }
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
