//! The auditor's own reading of an amount in an answer, into the smallest unit of its currency.

/// Currencies without decimals, and with three (ISO 4217). All others have two.
const NONE: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
const THREE: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// The amount of a decimal number; nothing for what is none, or finer than its currency.
pub(super) fn minor(written: &str, currency: &str) -> Option<i64> {
    let decimals: usize = if NONE.contains(&currency) {
        0
    } else if THREE.contains(&currency) {
        3
    } else {
        2
    };
    let (whole, fraction) = written.split_once('.').unwrap_or((written, "0"));
    let fraction = fraction.trim_end_matches('0');
    let is_number = |part: &str| part.chars().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let missing = decimals.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing))
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_the_decimals_of_their_currency() {
        assert_eq!(minor("499", "INR"), Some(49_900));
        assert_eq!(minor("499.0", "INR"), Some(49_900));
        assert_eq!(minor("499.50", "INR"), Some(49_950));
        assert_eq!(minor("1.000", "INR"), Some(100));
        assert_eq!(minor("500.0", "JPY"), Some(500));
        assert_eq!(minor("1.234", "KWD"), Some(1_234));
        for bad in ["", "-1", "1e3", "1.001", "1,000", ".5", "x"] {
            assert_eq!(minor(bad, "INR"), None, "{bad}");
        }
        assert_eq!(minor("1.5", "JPY"), None);
    }

    #[test]
    fn every_currency_has_the_decimals_that_the_product_gives_it() {
        for code in crate::domain::Currency::codes() {
            let currency = crate::domain::Currency::parse(code).unwrap();
            let smallest = crate::domain::Amount::smallest(currency).decimal();
            assert_eq!(minor(&smallest, code), Some(1), "{code}");
        }
    }
}
