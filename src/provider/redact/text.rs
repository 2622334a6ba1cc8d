//! Free text without people in it. It is read as a person would read it: percent-encoding taken off, digits of every script, and
//! numbers through whatever is written between their digits.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::HIDDEN;
use crate::domain::percent::decode;
use crate::domain::unseen::is_unseen;

/// From this many digits on, a number in free text may be a phone or an account number.
const MANY_DIGITS: usize = 9;
/// Between two digits of one number stand no more than these: `(98765) - 43210`.
const MOST_BETWEEN: usize = 4;

/// A text without addresses (words with an `@`), tax numbers and numbers of nine digits or more, letters before and after them or not.
/// Nothing if there was nothing to hide. Dates, times and amounts stay; our own ids have no digits.
pub fn hide_in_text(text: &str) -> Option<String> {
    let decoded = decode(text);
    // Numbers first: a tax number may begin where one ends.
    let numbers = hide_numbers(&decoded);
    let words = hide_words(numbers.as_deref().unwrap_or(&decoded));
    words.or(numbers)
}

/// Hides words with an `@`, the neighbours of a bare one, and tax numbers (PAN).
fn hide_words(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(char::is_whitespace).collect();
    let at = |character: char| matches!(character, '@' | '\u{fe6b}' | '\u{ff20}');
    let is_before_at = |nth: usize| {
        let next = nth.checked_add(1).and_then(|next| words.get(next));
        next.is_some_and(|next| next.starts_with(at))
    };
    let is_behind_at = |nth: usize| {
        let last = nth.checked_sub(1).and_then(|last| words.get(last));
        last.is_some_and(|last| last.ends_with(at))
    };
    let mut found = false;
    let clean: Vec<Cow<'_, str>> = words
        .iter()
        .enumerate()
        .map(|(nth, word)| {
            if word.contains(at) || is_before_at(nth) || is_behind_at(nth) {
                found = true;
                return Cow::Borrowed(HIDDEN);
            }
            let clean = hide_tax_numbers(word);
            found = found || clean.is_some();
            clean.map_or(Cow::Borrowed(*word), Cow::Owned)
        })
        .collect();
    found.then(|| clean.join(" "))
}

/// `ABCDE1234F`, with no letter or digit beside it.
fn hide_tax_numbers(word: &str) -> Option<String> {
    let parts: Vec<&str> = word
        .split_inclusive(|c: char| !c.is_alphanumeric())
        .collect();
    let mut found = false;
    let clean: String = parts
        .iter()
        .map(|part| {
            let name = part.trim_end_matches(|c: char| !c.is_alphanumeric());
            if !is_tax_number(name) {
                return (*part).to_owned();
            }
            found = true;
            part.replace(name, HIDDEN)
        })
        .collect();
    found.then_some(clean)
}

fn is_tax_number(name: &str) -> bool {
    name.len() == 10
        && name.bytes().enumerate().all(|(nth, byte)| match nth {
            5..=8 => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphabetic(),
        })
}

fn hide_numbers(text: &str) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(is_digit) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(run_length(from));
        clean.push_str(before);
        let digits = run.chars().filter(|c| is_digit(*c)).count();
        if digits >= MANY_DIGITS
            && !is_bank_reference(&clean, run)
            && !run.split(char::is_whitespace).all(is_plain)
        {
            found = true;
            clean.push_str(HIDDEN);
        } else {
            clean.push_str(run);
        }
        rest = after;
    }
    clean.push_str(rest);
    found.then_some(clean)
}

/// `RRN412345678901`: the bank's number of one debit, named as such, is what a person writes down as evidence.
fn is_bank_reference(before: &str, run: &str) -> bool {
    before.ends_with("RRN") && run.len() == 12 && run.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
        || !character.is_ascii() && character.general_category() == GeneralCategory::DecimalNumber
}

/// How far one number goes, over what people write between its digits.
fn run_length(text: &str) -> usize {
    let mut end = 0;
    let mut between = 0;
    for (at, character) in text.char_indices() {
        if is_digit(character) {
            end = at.saturating_add(character.len_utf8());
            between = 0;
        } else if between < MOST_BETWEEN && separates(character) {
            between = usize::saturating_add(between, 1);
        } else {
            break;
        }
    }
    end
}

fn separates(character: char) -> bool {
    " -./()_,:;+*|#\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}\u{b7}".contains(character)
        || is_unseen(character)
}

/// A date, a time or an amount. Their forms are strict: nothing else is taken for one.
fn is_plain(word: &str) -> bool {
    let shape: String = word
        .trim_matches([',', ';', '(', ')'])
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let (time, offset) = match shape.split_once('+') {
        Some((time, offset)) => (time, Some(offset)),
        None => (shape.as_str(), None),
    };
    let is_time = matches!(
        time,
        "00:00" | "0:00" | "00:00:00" | "00:00:00.000" | "00:00:00.000000"
    ) && matches!(offset, None | Some("00:00" | "0000"));
    is_time
        || matches!(
            shape.as_str(),
            "" | "0000-00-00" | "00-00-0000" | "00/00/0000" | "00.00.0000"
        )
        || is_amount(&shape)
}

/// `100000.00` or `12,34,567.00`.
fn is_amount(shape: &str) -> bool {
    // A whole number may be a part of a longer one.
    let Some((whole, fraction)) = shape.split_once('.') else {
        return false;
    };
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let is_grouped = match rest.split_last() {
        None => first.len() < MANY_DIGITS,
        Some((last, middle)) => {
            first.len() <= 3
                && *last == "000"
                && middle.iter().all(|group| matches!(*group, "00" | "000"))
        }
    };
    fraction == "00" && !first.is_empty() && first.chars().all(|c| c == '0') && is_grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_hidden_however_they_are_written() {
        for text in [
            "call +91 98765 43210 now",
            "phone:9876543210.",
            "account 0123-4567-8901",
            "acct_50100012345678",
            "UPI50100012345678 failed",
            "98.765.432.10",
            "(98765) 43210",
            "(98765) - 43210",
            "98765\u{a0}43210",
            "98765\u{200b}43210",
            "98765+43210",
            "९८७६५४३२१०",
            "９８７６５４３２１０",
            "PAN ABCDE1234F is not linked",
            "pan=abcde1234f;",
            "user%40okhdfc",
            "user%2540okhdfc",
            "%2B919876543210",
            "asha @ okhdfc",
            "asha\n@okhdfc",
            "on 2026-01-31 9876543210",
            "a\tb@c.in",
        ] {
            let clean = hide_in_text(text).unwrap_or_default();
            assert!(clean.contains(HIDDEN), "{text}: {clean}");
            for left in [
                "9876", "43210", "5010", "okhdfc", "ABCDE", "abcde", "asha", "९८",
            ] {
                assert!(!clean.contains(left), "{text}: {clean}");
            }
        }
    }

    #[test]
    fn what_is_nobodys_stays() {
        for kept in [
            "amount 100.00 of 5000.00",
            "amounts 1000.00 5000.00",
            "12,34,567.00 INR",
            "order qwertyuiopasdfghjklz",
            "notification qwertyuiopasdfghjklzxcvbn",
            "error 800 JP_852",
            "U30 at 10:00 on 2026-01-31",
            "at 2026-01-31 10:00:05",
            "at 2026-01-31T10:00:05+05:30",
            "31/01/2026 10:00:05",
            "RRN412345678901 by the bank",
            "100% of 5 %zz",
            "é 12",
        ] {
            assert_eq!(hide_in_text(kept), None, "{kept}");
        }
    }
}
