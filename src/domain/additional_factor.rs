//! Additional factor of authentication (AFA): above a ceiling the payer approves each debit, and none is silent.
//!
//! RBI, Digital Payments E-mandate Framework 2026, §8: 15,000 INR; 1,00,000 INR for insurance premiums, mutual funds and
//! credit-card bills. The framework is about cards and UPI; NACH is not in its scope.

use super::{Amount, Currency, Rail};

/// In paise.
const CEILING: i64 = 1_500_000;
/// In paise, for [`HIGHER`].
const HIGHER_CEILING: i64 = 10_000_000;
/// The categories with the higher ceiling, in the words of a mandate's `category`.
const HIGHER: [&str; 3] = ["insurance", "mutual_fund", "credit_card_bill"];

/// The ceiling that an amount is above, so that the payer must approve its debit; nothing where it goes through by itself.
pub fn approval_above(rail: Rail, amount: Amount, category: Option<&str>) -> Option<Amount> {
    match rail {
        Rail::Upi | Rail::Card => {}
        Rail::Enach => return None,
    }
    let higher = category.is_some_and(|category| HIGHER.contains(&category));
    let ceiling = if higher { HIGHER_CEILING } else { CEILING };
    let above = amount.currency() == Currency::INR && amount.minor() > ceiling;
    Amount::new(ceiling, Currency::INR).filter(|_| above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payer_approves_what_is_above_the_ceiling_of_the_category() {
        for (rail, amount, category, ceiling) in [
            (Rail::Upi, "15000.00", None, None),
            (Rail::Upi, "15000.01", None, Some("15000.00")),
            (Rail::Card, "15000.01", Some("gym"), Some("15000.00")),
            (Rail::Upi, "100000.00", Some("insurance"), None),
            (Rail::Card, "100000.00", Some("mutual_fund"), None),
            (
                Rail::Upi,
                "100000.01",
                Some("credit_card_bill"),
                Some("100000.00"),
            ),
            (Rail::Enach, "500000.00", None, None),
        ] {
            let amount = Amount::parse(amount, Currency::INR).unwrap();
            let above = approval_above(rail, amount, category).map(Amount::decimal);
            assert_eq!(above.as_deref(), ceiling, "{rail} {amount} {category:?}");
        }
    }
}
