//! Answers are kept (G10), people and secrets in them are not (G9).

use serde_json::Value;

const MAX_BODY: usize = 2048;
const HIDDEN: &str = "[redacted]";

/// Parts of key names whose values are never kept. Compared without case, `_` and `-`.
const SENSITIVE: &[&str] = &[
    "authorization", "apikey", "password", "secret", "token", "email", "phone", "mobile", "vpa", "accountnumber",
    "accountholder", "bankaccount", "cardnumber", "cardisin", "lastfour", "expiry", "nameoncard", "customername",
    "firstname", "lastname", "addressline", "umrn", "ifsc", "authlink", "beneficiary", "payername", "upiid",
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
        let mut end = MAX_BODY;
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if is_sensitive(key) && !inner.is_null() {
                    *inner = Value::String(HIDDEN.to_owned());
                } else {
                    hide(inner);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => {
            if let Some(clean) = hide_in_text(text) {
                *text = clean;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_sensitive(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SENSITIVE.iter().any(|part| key.contains(part))
}

/// Free text can carry an address or a number: words with an `@`, and runs of nine digits or more.
pub(super) fn hide_in_text(text: &str) -> Option<String> {
    let suspicious = |word: &str| {
        word.contains('@') || word.chars().filter(char::is_ascii_digit).count() >= 9 && !word.contains(char::is_alphabetic)
    };
    if !text.split_whitespace().any(suspicious) {
        return None;
    }
    let words: Vec<&str> =
        text.split_whitespace().map(|word| if suspicious(word) { HIDDEN } else { word }).collect();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_secrets_are_hidden_wherever_they_stand() {
        let body = r#"{"order_id":"m1","mandate":{"mandate_token":"tok_1","status":"ACTIVE"},
            "upi":{"payer_vpa":"a@upi"},"list":[{"customerPhone":"9876543210"}],"remarks":"call 9876543210 or a@b.in now"}"#;
        let clean = redact(body);
        for secret in ["tok_1", "a@upi", "9876543210", "a@b.in"] {
            assert!(!clean.contains(secret), "{clean}");
        }
        assert!(clean.contains(r#""order_id":"m1""#) && clean.contains("ACTIVE"));
    }

    #[test]
    fn what_is_not_json_is_not_kept() {
        assert_eq!(redact("<html>a@b.in</html>"), "[not JSON, 19 bytes]");
    }

    #[test]
    fn long_answers_are_cut_at_a_character() {
        let clean = redact(&format!("{{\"a\":\"{}\"}}", "é".repeat(3000)));
        assert!(clean.len() <= MAX_BODY + '…'.len_utf8());
    }
}
