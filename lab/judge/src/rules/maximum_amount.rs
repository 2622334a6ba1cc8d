//! A debit of more than the mandate allows.
//!
//! RBI, "Digital Payments – E-mandate Framework, 2026", §4c: the customer sets the maximum of a recurring transaction.
//! Juspay, "Mandate Execution API", error codes: "Order amount greater than mandate max amount". Signzy, "eMandates,
//! charge": the amount is at most `maxAmount`. NPCI, NACH reject code 26: "Amount exceeds mandate max amount".

use crate::facts::{Amount, Mandate};
use crate::verdict::{Breach, Rule};

pub(crate) fn breach(mandate: &Mandate, amount: &Amount) -> Option<Breach> {
    let most = mandate.max_amount?;
    (amount.minor > most).then(|| {
        let detail = format!("{amount} where {most} are the most");
        Breach::of(Rule::OverMaximum, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{mandate, rupees};
    use super::*;
    use crate::facts::Rail;

    #[test]
    fn the_maximum_itself_may_be_debited_and_nothing_above_it() {
        let limited = mandate(Rail::Upi, None);
        let unlimited = Mandate {
            max_amount: None,
            ..limited.clone()
        };
        for (mandate, amount, over) in [
            (&limited, 1000, false),
            (&limited, 1001, true),
            (&unlimited, 1001, false),
        ] {
            let breach = breach(mandate, &rupees(amount));
            assert_eq!(
                breach.map(|breach| breach.rule),
                over.then_some(Rule::OverMaximum),
                "{amount}"
            );
        }
    }
}
