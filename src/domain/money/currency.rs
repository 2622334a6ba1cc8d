//! The currencies of ISO 4217.

use std::fmt;

use super::MoneyError;

/// An ISO 4217 currency code that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// The codes that people pay with, in their order (ISO 4217 list one, amendments up to 180 of 2026). Metals, bond units, funds,
/// units of account and test codes are none of them. The CHECK of `mandates.currency` has the same list.
const CODES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD",
    "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF",
    "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN",
    "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD",
    "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES",
    "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN",
    "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK",
    "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT",
    "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES",
    "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

impl Currency {
    /// The Indian rupee.
    pub const INR: Self = Self(*b"INR");

    /// Parses a three-letter code.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let unknown = || MoneyError::Currency(text.to_owned());
        let code = <[u8; 3]>::try_from(text.as_bytes()).map_err(|_length| unknown())?;
        // Nearly all of them: no search.
        if code == Self::INR.0 || CODES.binary_search(&text).is_ok() {
            Ok(Self(code))
        } else {
            Err(unknown())
        }
    }

    /// Every code there is.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        CODES.iter().copied()
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimals the currency has (ISO 4217, "minor unit").
    pub const fn exponent(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Amount;

    /// `parse` searches by halves: out of order, a code would not be found.
    #[test]
    fn the_codes_are_in_order_and_each_is_read() {
        assert!(CODES.is_sorted_by(|one, other| one < other));
        assert!(Currency::codes().all(|code| Currency::parse(code).is_ok()));
    }

    #[test]
    fn what_nobody_can_pay_with_is_no_currency() {
        for bad in [
            "inr", "RUPEE", "", "₹", "XYZ", "INP", "XXX", "XTS", "XAU", "XDR", "CLF", "ZWL", "HRK",
            "AAA", "ZZZ", "US", "USDT", "INR ", "BTC",
        ] {
            assert!(Currency::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (code, text, minor) in [
            ("INR", "499.50", 49_950),
            ("USD", "5.12", 512),
            ("JPY", "500", 500),
            ("KRW", "1", 1),
            ("VND", "20000", 20_000),
            ("XOF", "7", 7),
            ("KWD", "1.234", 1_234),
            ("BHD", "0.001", 1),
            ("TND", "12.500", 12_500),
            ("ISK", "90", 90),
            ("EUR", "0.99", 99),
        ] {
            let currency = Currency::parse(code).unwrap();
            let amount = Amount::parse(text, currency).unwrap();
            assert_eq!((amount.minor(), amount.decimal().as_str()), (minor, text));
            let too_fine = format!(
                "1.{}1",
                "0".repeat(usize::try_from(currency.exponent()).unwrap())
            );
            assert!(
                Amount::parse(&too_fine, currency).is_err(),
                "{code} {too_fine}"
            );
        }
    }
}
