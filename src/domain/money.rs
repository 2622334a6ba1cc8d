//! Money: integers of the currency's smallest unit, checked arithmetic only.

mod currency;

use std::fmt;

use super::shown::Shown;

pub use currency::Currency;

/// Why a text is not a currency or an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// None of the codes in force.
    #[error("{} is not a currency: write its three-letter ISO 4217 code, such as INR", Shown(.0))]
    Currency(String),
    /// Not a decimal number.
    #[error("{} is not an amount: write a decimal number, such as 499.00", Shown(.0))]
    NotANumber(String),
    /// More decimals than the currency has.
    #[error(
        "{} has more than the {exponent} decimals of {currency}: write a number such as {}",
        Shown(text),
        Amount::example(*currency)
    )]
    TooFine {
        /// What was written.
        text: String,
        /// The currency's number of decimals.
        exponent: u32,
        /// The currency.
        currency: Currency,
    },
    /// Zero, negative or too large.
    #[error(
        "{} is out of range: an amount is more than nothing, and at most 9,000,000,000,000,000 of the smallest unit", Shown(.0)
    )]
    OutOfRange(String),
}

/// A positive amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

impl Amount {
    /// An amount of smallest units, if there is at least one of them.
    pub const fn new(minor: i64, currency: Currency) -> Option<Self> {
        if minor > 0 {
            Some(Self { minor, currency })
        } else {
            None
        }
    }

    /// Parses decimal text in the currency's own exponent: "499.00", "499.5", "499" for INR; "500" for JPY.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let exponent = currency.exponent();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
            return Err(MoneyError::NotANumber(text.to_owned()));
        }
        let width = usize::try_from(exponent).unwrap_or(usize::MAX);
        if fraction.len() > width {
            return Err(MoneyError::TooFine {
                text: text.to_owned(),
                exponent,
                currency,
            });
        }
        let padded = format!("{whole}{fraction:0<width$}");
        let out_of_range = || MoneyError::OutOfRange(text.to_owned());
        let minor: i64 = padded.parse().map_err(|_overflow| out_of_range())?;
        // JSON readers keep 2^53 exactly.
        if minor > 9_000_000_000_000_000 {
            return Err(out_of_range());
        }
        Self::new(minor, currency).ok_or_else(out_of_range)
    }

    /// The smallest amount there is of a currency.
    pub const fn smallest(currency: Currency) -> Self {
        Self { minor: 1, currency }
    }

    /// An amount as people write it, for messages: "499.00".
    pub fn example(currency: Currency) -> String {
        let scale = 10_i64.saturating_pow(currency.exponent());
        let minor = 499_i64.saturating_mul(scale);
        Self { minor, currency }.decimal()
    }

    /// In the currency's smallest unit.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// Its currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Decimal text with all of the currency's decimals, the way providers want it: "499.00".
    pub fn decimal(self) -> String {
        let width = usize::try_from(self.currency.exponent()).unwrap_or(0);
        if width == 0 {
            return self.minor.to_string();
        }
        let padded = format!("{:0>total$}", self.minor, total = width.saturating_add(1));
        let split = padded.len().saturating_sub(width);
        let (whole, fraction) = padded.split_at(split);
        format!("{whole}.{fraction}")
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_in_the_currencys_own_decimals() {
        let inr = |text| Amount::parse(text, Currency::INR).map(Amount::minor);
        let jpy = Currency::parse("JPY").unwrap();
        assert_eq!(inr("499.00"), Ok(49_900));
        assert_eq!(inr("499.5"), Ok(49_950));
        assert_eq!(inr("0.01"), Ok(1));
        assert_eq!(Amount::parse("500", jpy).map(Amount::minor), Ok(500));
        for bad in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1,000",
            "0",
            "0.00",
            "1.001",
            "99999999999999999999",
            "1.0.0",
            " 1",
        ] {
            assert!(inr(bad).is_err(), "{bad}");
        }
        assert!(Amount::parse("500.0", jpy).is_err());
        assert_eq!(Amount::new(1, Currency::INR).unwrap().decimal(), "0.01");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(minor in 1i64..9_000_000_000_000_000, code in "INR|JPY|KWD|USD") {
            let currency = Currency::parse(&code).unwrap();
            let amount = Amount::new(minor, currency).unwrap();
            prop_assert_eq!(Amount::parse(&amount.decimal(), currency), Ok(amount));
        }
    }
}
