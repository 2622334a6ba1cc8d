//! What an answer says, sentence by sentence, in plain lower-case words: rules that ask for a meaning are asked of these.
//!
//! Case, punctuation, line breaks and short forms are gone: `Couldn't  confirm, yet` is `could not confirm yet`. A code that is made of
//! words is a sentence too: `mandate_already_executed` says what it means.

use std::cell::OnceCell;

use super::Signals;

/// An answer, and what it says. The sentences are made when the first rule asks for them.
#[derive(Debug)]
pub(super) struct Heard<'a, 's> {
    pub(super) signals: &'a Signals<'s>,
    sentences: OnceCell<Vec<String>>,
}

impl<'a, 's> Heard<'a, 's> {
    pub(super) const fn new(signals: &'a Signals<'s>) -> Self {
        Self {
            signals,
            sentences: OnceCell::new(),
        }
    }

    pub(super) fn sentences(&self) -> &[String] {
        self.sentences.get_or_init(|| {
            let messages = self.signals.messages.iter();
            let said = messages.flat_map(|message| sentences(message));
            let codes = self.signals.codes.iter();
            said.chain(codes.filter_map(|(_, code)| in_words(code)))
                .collect()
        })
    }
}

/// A text ends a sentence where one of these is followed by a blank, or by nothing.
const ENDS: [char; 6] = ['.', '!', '?', ';', '…', '\n'];

/// The sentences of a text, in plain words.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends = ENDS.contains(&letter)
            && (letter == '\n' || letters.peek().is_none_or(|next| next.is_whitespace()));
        if ends {
            sentences.push(plain(&sentence));
            sentence.clear();
        } else {
            sentence.push(letter);
        }
    }
    sentences.push(plain(&sentence));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Lower-case words with one blank between them.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase().replace(['’', '‘', '`'], "'");
    let spelled = lower
        .replace("cannot", "can not")
        .replace("can't", "can not")
        .replace("won't", "will not")
        .replace("n't", " not")
        .replace('\'', "");
    let words = spelled.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A code that is words: two at least, of letters only, joined as `already_paid`, `ALREADY-PAID` or `alreadyPaid`.
fn in_words(code: &str) -> Option<String> {
    let mut spaced = String::with_capacity(code.len());
    let mut before_is_lower = false;
    for letter in code.trim().chars() {
        if letter.is_uppercase() && before_is_lower {
            spaced.push(' ');
        }
        before_is_lower = letter.is_lowercase();
        spaced.push(letter);
    }
    let words = plain(&spaced);
    let is_text = words.contains(' ')
        && words
            .chars()
            .all(|letter| letter == ' ' || letter.is_alphabetic());
    is_text.then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_sentences_of_plain_words() {
        assert_eq!(
            sentences("Rs.499.00 hasn’t been\tDEBITED (yet).  Bank can't confirm; try  again!"),
            [
                "rs 499 00 has not been debited yet",
                "bank can not confirm",
                "try again"
            ]
        );
        assert!(sentences(" … \n").is_empty());
    }

    #[test]
    fn only_a_code_that_is_words_is_a_sentence() {
        for (code, words) in [
            ("mandate_already_executed", "mandate already executed"),
            ("ALREADY-PAID", "already paid"),
            ("paymentAlreadyProcessed", "payment already processed"),
        ] {
            assert_eq!(in_words(code).as_deref(), Some(words));
        }
        for code in ["Z9", "JP_852", "failed", "", "U30", "0399", "R-1"] {
            assert_eq!(in_words(code), None, "{code}");
        }
    }
}
