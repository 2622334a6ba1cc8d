//! A debit of another amount than the payer was notified of.
//!
//! RBI, "Digital Payments – E-mandate Framework, 2026", §6b: the notification names the transaction amount. Cashfree,
//! "Subscriptions FAQ" and "Controlled subscriptions": the debit exactly equals the notified amount; the issuer
//! declines a lower one as well.

use crate::facts::{Notification, Presentation};
use crate::verdict::{Breach, Rule};

pub(crate) fn breach(
    presentation: &Presentation<'_>,
    notification: &Notification,
) -> Option<Breach> {
    (notification.amount != presentation.amount).then(|| {
        let (debited, notified) = (&presentation.amount, &notification.amount);
        let detail = format!("debits {debited} where {notified} were notified");
        Breach::of(Rule::WrongAmount, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{notification, presentation, rupees};
    use super::*;
    use crate::facts::Amount;

    #[test]
    fn neither_more_nor_less_nor_another_currency_than_was_notified() {
        let dollars = Amount {
            currency: "USD".to_owned(),
            ..rupees(499)
        };
        for (amount, wrong) in [
            (rupees(499), false),
            (rupees(498), true),
            (rupees(500), true),
            (dollars, true),
        ] {
            let presentation = Presentation {
                amount: amount.clone(),
                ..presentation(Some("n1"), "05 08:30")
            };
            let notification = notification("04 07:00", Some("04 07:00"));
            let breach = breach(&presentation, &notification);
            assert_eq!(
                breach.map(|breach| breach.rule),
                wrong.then_some(Rule::WrongAmount),
                "{amount}"
            );
        }
    }
}
