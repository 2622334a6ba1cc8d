//! The auditor's own reading of a kept answer: what it states, by the names that the providers' documents give the fields. It shares
//! neither code nor tables with `provider`.
//!
//! | fact | Juspay, an order | Juspay, a notification | Signzy, a payment |
//! |---|---|---|---|
//! | status | `status` | `status` | `status` |
//! | own name | `order_id` | `object_reference_id` | |
//! | customer | `customer_id` | | |
//! | mandate | `mandate.mandate_id` | `mandate.mandate_id` | `subReferenceId` |
//! | amount | `amount`, `currency` | `source_info.amount` | `amount`, `currency` |
//! | transaction | `txn_id`, `txn_detail.txn_id` | | `paymentId` |
//!
//! What the redaction has hidden is not stated.

use serde_json::Value;

/// What an answer states of one order, notification or payment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) status: Option<String>,
    pub(super) name: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) mandate: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) transaction: Option<String>,
}

/// A kept answer.
#[derive(Debug)]
pub(super) struct Kept {
    value: Value,
    /// Whether its end was cut off. What stands before the cut is read all the same.
    pub(super) is_cut: bool,
}

impl Kept {
    /// Nothing for what is no JSON object.
    pub(super) fn read(body: &str) -> Option<Self> {
        let (value, is_cut) = match body.strip_suffix('…') {
            Some(cut) => (serde_json::from_str(&completed(cut)?), true),
            None => (serde_json::from_str(body), false),
        };
        let value = value.ok().filter(Value::is_object)?;
        Some(Self { value, is_cut })
    }

    /// An order of Juspay's.
    pub(super) fn order(&self) -> Stated {
        let at = |path: &[&str]| text(&self.value, path);
        Stated {
            status: at(&["status"]),
            name: at(&["order_id"]),
            customer: at(&["customer_id"]),
            mandate: at(&["mandate", "mandate_id"]),
            amount: at(&["amount"]),
            currency: at(&["currency"]),
            transaction: at(&["txn_id"]).or_else(|| at(&["txn_detail", "txn_id"])),
        }
    }

    /// A notification of Juspay's.
    pub(super) fn notification(&self) -> Stated {
        let at = |path: &[&str]| text(&self.value, path);
        Stated {
            status: at(&["status"]),
            name: at(&["object_reference_id"]),
            mandate: at(&["mandate", "mandate_id"]),
            amount: at(&["source_info", "amount"]),
            ..Stated::default()
        }
    }

    /// The payment of Signzy's that an answer is about.
    pub(super) fn payment(&self) -> Option<Stated> {
        self.result().get("payment").map(payment)
    }

    /// The payments of a list of Signzy's; nothing where there is no list.
    pub(super) fn payments(&self) -> Option<Vec<Stated>> {
        let list = self.result().get("payments")?.as_array()?;
        Some(list.iter().map(payment).collect())
    }

    /// Signzy wraps its answers.
    fn result(&self) -> &Value {
        self.value.get("result").unwrap_or(&self.value)
    }
}

fn payment(value: &Value) -> Stated {
    let at = |key: &str| text(value, &[key]);
    Stated {
        status: at("status"),
        mandate: at("subReferenceId"),
        amount: at("amount"),
        currency: at("currency"),
        transaction: at("paymentId"),
        ..Stated::default()
    }
}

/// What stands at a path, also in JSON that was packed into text.
fn text(value: &Value, path: &[&str]) -> Option<String> {
    let Some((key, rest)) = path.split_first() else {
        let written = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        return Some(written).filter(|text| !text.is_empty() && !text.contains("[redacted]"));
    };
    if let Value::String(packed) = value {
        let unpacked: Value = serde_json::from_str(packed).ok()?;
        return text(unpacked.get(key)?, rest);
    }
    text(value.get(key)?, rest)
}

/// JSON whose end was cut off, up to the last value that is whole, with the brackets closed that are open there.
fn completed(cut: &str) -> Option<String> {
    let mut open = Vec::new();
    let mut whole = None;
    let (mut in_text, mut escaped) = (false, false);
    for (at, letter) in cut.char_indices() {
        if in_text {
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => in_text = true,
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => {
                open.pop();
            }
            ',' => whole = Some((at, open.clone())),
            _ => {}
        }
    }
    let (end, open) = whole?;
    let closing: String = open.iter().rev().collect();
    Some(format!("{}{closing}", cut.get(..end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_by_the_documents_names() {
        let body = r#"{"amount":499.0,"currency":"INR","customer_id":"cst_1","mandate":{"mandate_id":"m1"},"order_id":"o1",
            "status":"CHARGED","txn_detail":{"txn_id":"shop-o1-1"}}"#;
        let stated = Kept::read(body).unwrap().order();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            stated,
            Stated {
                status: text("CHARGED"),
                name: text("o1"),
                customer: text("cst_1"),
                mandate: text("m1"),
                amount: text("499.0"),
                currency: text("INR"),
                transaction: text("shop-o1-1"),
            }
        );
        let hidden =
            Kept::read(r#"{"order_id":"[redacted]","customer_id":"a [redacted]"}"#).unwrap();
        assert_eq!(hidden.order(), Stated::default());
        assert!(Kept::read("[not JSON, 19 bytes]").is_none());
    }

    #[test]
    fn what_was_packed_into_text_is_unpacked() {
        let packed = r#"{"object_reference_id":"r1","source_info":"{\"amount\":\"499.00\"}","status":"SUCCESS"}"#;
        let stated = Kept::read(packed).unwrap().notification();
        assert_eq!(stated.amount.as_deref(), Some("499.00"));
        assert_eq!(stated.name.as_deref(), Some("r1"));
    }

    #[test]
    fn an_answer_whose_end_was_cut_off_is_read_up_to_there() {
        let whole = r#"{"result":{"payments":[{"amount":499.0,"paymentId":7,"status":"SUCCESS","subReferenceId":"77"},{"amount":1.0,"note":"a, \"b\", }","paymentId":8,"status":"FAILED"}],"status":"OK"}}"#;
        for end in 60..whole.len() {
            let kept = Kept::read(&format!("{}…", &whole[..end])).unwrap();
            assert!(kept.is_cut);
            let first = &kept.payments().unwrap()[0];
            assert_eq!(first.amount.as_deref(), Some("499.0"), "{end}");
        }
        assert!(!Kept::read(whole).unwrap().is_cut);
        assert!(Kept::read("{\"a\":\"b…").is_none());
    }
}
