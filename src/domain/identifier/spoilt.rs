//! What spreadsheets, databases and programs leave in the place of an id.

use std::fmt;

/// What has become of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoilt {
    /// A number in a number's clothes: digits are lost, or nobody knows whether they are.
    Rounded,
    /// A day or a time of day.
    Date,
    /// True or false.
    Truth,
    /// A word or a sign for nothing, or an error.
    Nothing,
    /// It begins or ends with a quote.
    Quoted,
    /// The formula and not its result.
    Formula,
}

impl fmt::Display for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rounded => "a spreadsheet has rounded it: export the column as text",
            Self::Date => {
                "a spreadsheet has turned it into a date or a time: export the column as text"
            }
            Self::Truth => {
                "a spreadsheet has turned it into a truth value: export the column as text"
            }
            Self::Nothing => {
                "a spreadsheet's or a program's word, it stands where there was no value: export the column as text, with the id in it"
            }
            Self::Quoted => {
                "a spreadsheet has left a quote on it: export the column as text, without quotes"
            }
            Self::Formula => "it is a spreadsheet's formula: export the column as text",
        })
    }
}

const NOTHING: &[&str] = &[
    "null",
    "nil",
    "none",
    "nan",
    "na",
    "n/a",
    "n.a",
    "nat",
    "nv",
    "inf",
    "infinity",
    "undefined",
    "undef",
    "blank",
    "empty",
    "missing",
    "unknown",
    "tbd",
    "object",
];

const TRUTH: &[&str] = &["true", "false", "wahr", "falsch", "vrai", "faux"];

const QUOTES: &[char] = &['\'', '"', '`', '´', '‘', '’', '‚', '“', '”', '„', '«', '»'];

const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The digits that a spreadsheet keeps of a number; it writes zeros for the others.
const KEPT_DIGITS: usize = 15;
/// From how many digits on zeros at the end are its own: one id in ten thousand ends like this by itself.
const SURELY_ROUNDED: usize = 19;

impl Spoilt {
    /// What has become of an id, or nothing if it can be one.
    pub fn of(text: &str) -> Option<Self> {
        let word = text.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = word.to_lowercase();
        if text.starts_with('=') {
            Some(Self::Formula)
        } else if TRUTH.contains(&lower.as_str()) {
            Some(Self::Truth)
        } else if is_nothing(text, &lower) {
            Some(Self::Nothing)
        } else if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
            Some(Self::Quoted)
        } else if is_rounded(text) {
            Some(Self::Rounded)
        } else if is_date(text) || is_time(text) {
            Some(Self::Date)
        } else {
            None
        }
    }
}

/// A word for nothing, an error of a spreadsheet, no letter and no digit at all, or nothing but zeros.
fn is_nothing(text: &str, lower: &str) -> bool {
    let is_error = |rest: &str| {
        rest.ends_with(['!', '?']) || ["div/0", "ref", "value", "name", "num"].contains(&lower)
    };
    let is_zeros = text.chars().all(|c| c == '0');
    lower.is_empty()
        || is_zeros
        || NOTHING.contains(&lower)
        || text == "\\N"
        || text.strip_prefix('#').is_some_and(is_error)
        // How C and its children write what is no number.
        || ["1.#qnan", "1.#ind", "1.#inf"].contains(&lower)
        || lower
            .strip_prefix("err:")
            .is_some_and(|code| is_digits(code, 1..=3))
}

/// A number as spreadsheets show it: with an exponent, with decimals, in groups, negative, or with zeros past the digits that they keep.
fn is_rounded(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-', '−']).unwrap_or(text);
    let number = unsigned.strip_suffix('%').unwrap_or(unsigned);
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let is_plain = is_digits(mantissa, 1..=usize::MAX);
    let of_number = |c: char| c.is_ascii_digit() || ['.', ',', '\'', '’'].contains(&c);
    if !mantissa.chars().all(of_number) || !mantissa.contains(|c: char| c.is_ascii_digit()) {
        return false;
    }
    match exponent {
        Some(exponent) => {
            let power = exponent.trim_start_matches(['+', '-', '−']);
            // "12345e67" may be hexadecimal; a rounded number has one digit or a point before its exponent, or a sign in it.
            let is_scientific = !is_plain || mantissa.len() == 1 || power != exponent;
            is_scientific && is_digits(power, 1..=3)
        }
        None if is_plain => {
            text.starts_with(['-', '−']) || number != unsigned || is_padded(mantissa)
        }
        None => is_decimal_or_grouped(mantissa),
    }
}

fn is_padded(digits: &str) -> bool {
    digits.len() >= SURELY_ROUNDED
        && digits
            .get(KEPT_DIGITS..)
            .is_some_and(|rest| rest.bytes().all(|digit| digit == b'0'))
}

/// "12.5", "1,234", "1.234.567", and not "1.2.3".
fn is_decimal_or_grouped(number: &str) -> bool {
    if number.contains([',', '\'', '’']) || number.matches('.').count() == 1 {
        return true;
    }
    let mut groups = number.split('.');
    groups.next().is_some_and(|first| is_digits(first, 1..=3))
        && groups.all(|group| is_digits(group, 3..=3))
}

/// "2026-11-30", "30/11/26", "30-Nov-2026", "1-Mar", "Mar-01", with a time behind it or not.
fn is_date(text: &str) -> bool {
    let day = match text.split_once(['T', 't']) {
        Some((day, time)) if time.contains(':') => day,
        Some(_) | None => text,
    };
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    match parts.as_slice() {
        [one, two, three] => is_day_of_year(one, two, three),
        // A merchant writes "may-12"; a spreadsheet "May-12".
        [one, other] => {
            let named = |part: &str| month(part).is_some() && part.starts_with(char::is_uppercase);
            named(one) && is_digits(other, 1..=4) || is_digits(one, 1..=2) && named(other)
        }
        _ => false,
    }
}

fn is_day_of_year(one: &str, two: &str, three: &str) -> bool {
    let named = [one, two, three]
        .into_iter()
        .filter(|part| month(part).is_some())
        .count();
    let numbered = [one, two, three]
        .into_iter()
        .filter(|part| is_digits(part, 1..=4))
        .count();
    if named == 1 && numbered == 2 {
        return true;
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| is_digits(text, 1..=4));
    let (Some(first), Some(second), Some(third)) = (number(one), number(two), number(three)) else {
        return false;
    };
    let is_year = |text: &str, year: u16| text.len() == 4 && (1900..=2200).contains(&year);
    let is_day = |month: u16, day: u16| (1..=12).contains(&month) && (1..=31).contains(&day);
    let ends_with_year = three.len() == 2 || is_year(three, third);
    is_year(one, first) && is_day(second, third)
        || ends_with_year && (is_day(first, second) || is_day(second, first))
}

fn month(text: &str) -> Option<usize> {
    let lower = text.to_lowercase();
    let is_short = lower.len() == 3 || lower == "sept";
    MONTHS
        .iter()
        .position(|month| *month == lower || is_short && month.starts_with(&lower))
}

/// "06:00", "6:00:00", "06:00:00.000".
fn is_time(text: &str) -> bool {
    let mut parts = text.split(':');
    let hour = parts.next().is_some_and(|hour| is_digits(hour, 1..=2));
    let rest: Vec<&str> = parts.collect();
    let whole = |part: &&str| {
        let whole = part.split('.').next().unwrap_or_default();
        is_digits(whole, 2..=2)
    };
    hour && (1..=2).contains(&rest.len()) && rest.iter().all(whole)
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
