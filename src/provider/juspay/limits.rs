//! How long and of what a mandate's metadata may be. What Juspay refuses, it refuses after the payer was notified; so it is refused
//! before, when the mandate comes in.

use serde_json::Value;

use crate::domain::shown::Shown;
use crate::domain::unseen::name_of_unseen;

/// The longest value of a field, in characters. "Mandate Execution API" and "Merchant exercises the Mandate" call every one of them a
/// `string` and name no length, for `order.udf1` to `order.udf10` either. This limit is ours, and leaves room for any id, name or line of an
/// address. (Documented are 25 for `mandate.display_invoice_number` and for a notification's reference, 50 for its description: "Juspay
/// Notification API"; and 20 for an order id: "Juspay Order Create API".)
const MAX_VALUE: usize = 255;
/// The longest URL. It too is ours: some browsers follow none that is longer.
const MAX_URL: usize = 2_000;
/// All fields with their names, in bytes. Ours as well: `order.metadata` carries whole JSON texts for gateways, for which no length is
/// documented, and one order is no place for more.
const MAX_METADATA: usize = 8 * 1024;
/// How many digits a number with a fraction or an exponent keeps in a program.
const KEPT_DIGITS: usize = 15;

/// A control character and a number that has lost digits cannot be sent as they were meant.
pub(super) fn check_characters(key: &str, value: &Value) -> Result<(), String> {
    let of_key = key.chars().find(|c| c.is_control());
    let unseen = of_key.or_else(|| control_character(value));
    if let Some(unseen) = unseen.and_then(name_of_unseen) {
        return Err(format!(
            "metadata key {} has a character that cannot be sent, {unseen}: leave it out",
            Shown(key)
        ));
    }
    if has_lost_digits(value) {
        return Err(format!(
            "metadata key {} has a number with more digits than programs keep: write it as text, in quotes",
            Shown(key)
        ));
    }
    Ok(())
}

/// A value within the limit of its field.
pub(super) fn check_length(key: &str, name: &str, text: &str) -> Result<(), String> {
    let longest = match name {
        "order.return_url" => MAX_URL,
        _ => MAX_VALUE,
    };
    let length = text.chars().count();
    if length > longest {
        return Err(format!(
            "metadata key {} has {length} characters, and at most {longest} are sent: shorten it",
            Shown(key)
        ));
    }
    Ok(())
}

/// All fields, by the names that they are sent under, within the limit of an order.
pub(super) fn check_size(fields: impl Iterator<Item = (String, String)>) -> Result<(), String> {
    let size = fields
        .map(|(name, text)| name.len().saturating_add(text.len()))
        .fold(0_usize, usize::saturating_add);
    if size > MAX_METADATA {
        return Err(format!(
            "metadata has {size} bytes, and an order takes at most {MAX_METADATA}: leave some of it out"
        ));
    }
    Ok(())
}

/// A control character anywhere in a value: the database keeps no NULL, and gateways refuse the others.
fn control_character(value: &Value) -> Option<char> {
    match value {
        Value::String(text) => text.chars().find(|c| c.is_control()),
        Value::Array(items) => items.iter().find_map(control_character),
        Value::Object(map) => map.iter().find_map(|(key, inner)| {
            key.chars()
                .find(|c| c.is_control())
                .or_else(|| control_character(inner))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether a number in a value is only near the one that was written.
fn has_lost_digits(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            number.is_f64() && (digits > KEPT_DIGITS || text.contains('e'))
        }
        Value::Array(items) => items.iter().any(has_lost_digits),
        Value::Object(map) => map.values().any(has_lost_digits),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
