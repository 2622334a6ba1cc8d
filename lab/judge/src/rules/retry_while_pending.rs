//! A retry of an order that is still under way: it could collect twice.
//!
//! Juspay, "Retry, troubleshooting and FAQs": "No Retry Support for pending transactions". Razorpay, "Execute subsequent
//! payments": "do not create another subsequent payment until you get the status of the previous one".

use crate::facts::OrderRetry;
use crate::verdict::{Breach, Rule};

/// Of a retry that Juspay is asked for.
pub(crate) fn of_order(retry: &OrderRetry<'_>) -> Option<Breach> {
    retry.pending.then(|| {
        let detail = "the order is still under way".to_owned();
        Breach::of(Rule::RetryWhilePending, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::at;
    use super::*;

    #[test]
    fn an_order_is_retried_once_it_has_failed() {
        for pending in [true, false] {
            let breach = of_order(&OrderRetry {
                order_id: "o1",
                pending,
                at: at("05 08:31"),
            });
            assert_eq!(
                breach.map(|breach| breach.rule),
                pending.then_some(Rule::RetryWhilePending)
            );
        }
    }
}
