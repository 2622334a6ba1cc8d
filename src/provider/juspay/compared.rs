//! The fields of an answer about an order that must be those of the debit that was asked about.
//!
//! | field | compared with | source |
//! |---|---|---|
//! | `order_id` | the order's id | "Juspay Order Status API", response |
//! | `customer_id` | the mandate's customer | "Juspay Order Status API", response |
//! | `mandate.mandate_id` | the mandate's id | "Juspay Order Status API", response of a mandate's order |
//! | `amount`, `currency` | the execution's amount | "Juspay Order Status API", response: `amount` is the order's |
//!
//! Nothing else is compared: `txn_detail.txn_amount` and `net_amount` may hold a surcharge or an offer, `effective_amount` a refund,
//! and what a gateway calls its mandate is not Juspay's id. The API repeats the table for the answers to an execution and a retry,
//! which state fewer of the fields. What an answer does not state contradicts nothing.

use super::answer::JuspayAnswer;
use crate::domain::{Amount, Contradiction, Mandate};
use crate::provider::redact::hide_in_text;

/// The first field of an answer that is somebody else's.
pub(super) fn contradiction(
    answer: &JuspayAnswer,
    mandate: &Mandate,
    amount: (Option<Amount>, Amount),
) -> Option<Contradiction> {
    let compared = [
        ("customer_id", &mandate.customer_id),
        ("mandate.mandate_id", &mandate.provider_mandate_id),
    ];
    let registration = compared.into_iter().find_map(|(field, ours)| {
        let theirs = answer.text(field).filter(|theirs| theirs != ours)?;
        Some(Contradiction {
            field,
            ours: ours.clone(),
            theirs: hide_in_text(&theirs).unwrap_or(theirs),
        })
    });
    let (theirs, ours) = amount;
    registration.or_else(|| Contradiction::of_amounts(theirs, ours))
}
