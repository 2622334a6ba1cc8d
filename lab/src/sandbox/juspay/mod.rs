//! Juspay Express Checkout, as its pages document it: Basic auth, the headers that every call carries, the bodies.

pub(super) mod mandates;
pub(super) mod notifications;
pub(super) mod orders;
pub(super) mod retry;
pub(super) mod txns;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use judge::Rule;
use mandated::domain::Amount;
use serde_json::Value;

use super::answer::Answer;
use super::ledger::Ledger;
use super::mandate::Mandate;
use super::received::Received;
use super::{Credentials, answers};

/// "Username: API Key. Password: Empty string." Nothing if the caller may come in.
pub(super) fn authorise(received: &Received, credentials: &Credentials) -> Option<Answer> {
    let given = received
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
    let wanted = format!("{}:", credentials.api_key);
    (given.as_deref() != Some(wanted.as_bytes())).then(|| Answer::json(401, answers::ACCESS_DENIED))
}

/// `x-merchantid`, `x-routing-id` (the customer, the same on every call) and the media type of a form.
fn check_headers(
    received: &Received,
    merchant_id: &str,
    mandate: &Mandate,
    order: Option<&str>,
    ledger: &mut Ledger,
) {
    let mut breach = |detail: String| {
        ledger.violation(
            received.now,
            (mandate.id(), order),
            Rule::BadRequest,
            detail,
        );
    };
    for (name, wanted) in [
        ("x-merchantid", merchant_id),
        ("x-routing-id", &mandate.terms.customer_id),
    ] {
        match received.header(name) {
            Some(given) if given == wanted => {}
            Some(given) => breach(format!("{name} is {given:?} and not {wanted:?}")),
            None => breach(format!("{name} is missing")),
        }
    }
    if received.method == "POST" && !received.is("application/x-www-form-urlencoded") {
        breach("the content type is not application/x-www-form-urlencoded".to_owned());
    }
}

/// A number the way Juspay and Signzy write amounts: 499, 499.5.
pub(super) fn number(amount: Amount) -> Value {
    let text = amount.decimal();
    let short = text.trim_end_matches('0').trim_end_matches('.');
    serde_json::from_str(if text.contains('.') { short } else { &text }).unwrap_or(Value::Null)
}
