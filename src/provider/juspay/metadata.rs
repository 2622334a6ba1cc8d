//! The fields that a mandate's own metadata may put into an order.

use serde_json::{Map, Value};
use url::Url;

use super::limits;
use crate::domain::shown::Shown;

/// The merchant's own invoice number (cards only).
pub(super) const INVOICE_NUMBER: &str = "mandate.display_invoice_number";
/// The longest invoice number ("Juspay Notification API": alphanumeric, up to 25).
const MAX_INVOICE_NUMBER: usize = 25;
const METADATA: &str = "order.metadata";

/// The fields that a mandate's metadata may hold ("Mandate Execution API" and "Merchant exercises the Mandate"), and
/// besides them `order.metadata.<anything>`.
const FIELDS: &[&str] = &[
    "order.customer_email",
    "order.customer_phone",
    "order.description",
    "order.return_url",
    "order.product_id",
    "order.billing_address_first_name",
    "order.billing_address_last_name",
    "order.billing_address_line1",
    "order.billing_address_line2",
    "order.billing_address_line3",
    "order.billing_address_city",
    "order.billing_address_state",
    "order.billing_address_country",
    "order.billing_address_postal_code",
    "order.billing_address_phone",
    "order.billing_address_country_code_iso",
    "order.shipping_address_first_name",
    "order.shipping_address_last_name",
    "order.shipping_address_line1",
    "order.shipping_address_line2",
    "order.shipping_address_line3",
    "order.shipping_address_city",
    "order.shipping_address_state",
    "order.shipping_address_country",
    "order.shipping_address_postal_code",
    "order.shipping_address_phone",
    "order.shipping_address_country_code_iso",
    "order.udf1",
    "order.udf2",
    "order.udf3",
    "order.udf4",
    "order.udf5",
    "order.udf6",
    "order.udf7",
    "order.udf8",
    "order.udf9",
    "order.udf10",
    "order.gateway_id",
    METADATA,
    INVOICE_NUMBER,
];

/// The fields that follow from the mandate and the cycle.
const RESERVED: &[&str] = &[
    "order.order_id",
    "order.amount",
    "order.currency",
    "order.customer_id",
    "mandate_id",
    "merchant_id",
    "format",
    "mandate.notification_id",
    "mandate.execution_date",
];

/// Whether a mandate's metadata can be sent: documented keys, values of the right kind. `udf1` is short for
/// `order.udf1`. The error names the key and, where it looks like a slip, the documented one.
pub fn check_metadata(metadata: &Map<String, Value>) -> Result<(), String> {
    let mut seen = Vec::with_capacity(metadata.len());
    for (key, value) in metadata {
        let name = wire_name(key);
        if RESERVED.contains(&name.as_str()) || RESERVED.contains(&key.as_str()) {
            return Err(format!(
                "metadata key {} follows from the mandate and the cycle: leave it out",
                Shown(key)
            ));
        }
        if !is_documented(&name) {
            return Err(unknown(key));
        }
        if seen.contains(&name) {
            return Err(format!(
                "metadata key {name:?} is written twice, with \"order.\" and without"
            ));
        }
        limits::check_characters(key, value)?;
        check_value(key, &name, value)?;
        seen.push(name);
    }
    limits::check_size(own_fields(metadata))
}

fn check_value(key: &str, name: &str, value: &Value) -> Result<(), String> {
    if name == METADATA && value.is_object() {
        return Ok(());
    }
    let Some(text) = value_text(value) else {
        return Err(format!(
            "metadata key {} must be a text, a number or true or false",
            Shown(key)
        ));
    };
    // JSON texts for gateways: only all of them together have a limit.
    if !name.starts_with(METADATA) {
        limits::check_length(key, name, &text)?;
    }
    if name == "order.return_url" && !is_return_url(&text) {
        return Err(format!(
            "metadata key {} must be a full URL without a query, such as https://shop.example/",
            Shown(key)
        ));
    }
    let short =
        text.len() <= MAX_INVOICE_NUMBER && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if name == INVOICE_NUMBER && (text.is_empty() || !short) {
        return Err(format!(
            "metadata key {} must be up to {MAX_INVOICE_NUMBER} letters and digits",
            Shown(key)
        ));
    }
    Ok(())
}

fn is_return_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
    })
}

fn unknown(key: &str) -> String {
    // The documentation capitalises them.
    let written = wire_name(&key.to_ascii_lowercase());
    let nearest = FIELDS
        .iter()
        .filter(|_| key.len() < 100)
        .map(|field| (strsim::levenshtein(&written, field), field))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, field)) => {
            format!(
                "metadata key {} is no documented field: did you mean {field:?}?",
                Shown(key)
            )
        }
        None => format!(
            "metadata key {} is no documented field: see \"Mandate Execution API\" for the order.* fields",
            Shown(key)
        ),
    }
}

/// The name that Juspay knows a metadata key by.
fn wire_name(key: &str) -> String {
    if key.starts_with("order.") || key.starts_with("mandate.") {
        key.to_owned()
    } else {
        format!("order.{key}")
    }
}

fn is_documented(name: &str) -> bool {
    let of_metadata = name
        .strip_prefix("order.metadata.")
        .is_some_and(|rest| !rest.is_empty());
    of_metadata || FIELDS.contains(&name)
}

/// A scalar as form text.
pub(super) fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The mandate's own fields. What [`check_metadata`] refuses is never sent, wherever the metadata came from.
pub(super) fn own_fields(
    metadata: &Map<String, Value>,
) -> impl Iterator<Item = (String, String)> + '_ {
    metadata.iter().filter_map(|(key, value)| {
        let name = wire_name(key);
        let text = if name == METADATA && value.is_object() {
            Some(value.to_string())
        } else {
            value_text(value)
        };
        if is_documented(&name) {
            Some((name, text?))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(metadata: &Value) -> Result<(), String> {
        check_metadata(metadata.as_object().unwrap())
    }

    #[test]
    fn documented_fields_pass() {
        let all: Map<String, Value> = FIELDS
            .iter()
            .map(|field| {
                let value = if *field == "order.return_url" {
                    "https://shop.example/done"
                } else {
                    "A1"
                };
                ((*field).to_owned(), json!(value))
            })
            .collect();
        assert_eq!(check_metadata(&all), Ok(()));
        assert_eq!(
            check(
                &json!({"udf1": 7, "order.metadata": {"a": [1]}, "metadata.BILLDESK:AdditionalInfo1": true})
            ),
            Ok(())
        );
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (metadata, part) in [
            (json!({"order.udf11": "x"}), r#"did you mean "order.udf1""#),
            (
                json!({"custmer_email": "x"}),
                r#"did you mean "order.customer_email""#,
            ),
            (json!({"Order.Udf3": "x"}), r#"did you mean "order.udf3""#),
            (json!({"order.colour": "x"}), "no documented field: see"),
            (json!({"order.amount": "1"}), "leave it out"),
            (json!({"amount": "1"}), "leave it out"),
            (json!({"mandate_id": "1"}), "leave it out"),
            (json!({"mandate.notification_id": "1"}), "leave it out"),
            (json!({"order.order": "1"}), "no documented field"),
            (json!({"udf1": "a", "order.udf1": "b"}), "twice"),
            (json!({"udf1": null}), "must be a text"),
            (json!({"udf1": {"a": 1}}), "must be a text"),
            (json!({"order.metadata.": "x"}), "no documented field"),
            (
                json!({"order.return_url": "https://shop.example/?a=1"}),
                "without a query",
            ),
            (json!({"order.return_url": "shop.example"}), "full URL"),
            (
                json!({"mandate.display_invoice_number": "INV-1"}),
                "letters and digits",
            ),
        ] {
            let error = check(&metadata).unwrap_err();
            assert!(error.contains(part), "{metadata}: {error}");
        }
    }
}
