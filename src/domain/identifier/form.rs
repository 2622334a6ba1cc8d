//! How each provider writes the id of a mandate. It is a part of addresses, so what means something there is in none.

use super::super::mandate::ProviderKind;
use super::super::percent;
use super::{IdError, LONGEST};

/// The form of a provider's ids, and where a merchant finds them.
struct Form {
    provider: &'static str,
    words: &'static str,
    find: &'static str,
    begins: fn(char) -> bool,
    goes_on: fn(char) -> bool,
    longest: usize,
}

/// The same as `mandates_provider_mandate_id_check`.
const fn of(provider: ProviderKind) -> Form {
    match provider {
        // "mandate_id": "6R7GmdPfhecWj24DarETJJ" and "4rKxSj3bNXs7RQcdtajAkb" ("Juspay Mandate Execution API").
        ProviderKind::Juspay => Form {
            provider: "Juspay",
            words: "letters, digits, - and _",
            find: "copy the mandate_id from its dashboard",
            begins: |c| c.is_ascii_alphanumeric(),
            goes_on: |c| c.is_ascii_alphanumeric() || c == '-' || c == '_',
            longest: LONGEST,
        },
        // "subReferenceId": 12345 ("Signzy Get eMandate Details"): a number that every program keeps.
        ProviderKind::Signzy => Form {
            provider: "Signzy",
            words: "a number without a nought before it",
            find: "copy the subReferenceId from its dashboard",
            begins: |c| matches!(c, '1'..='9'),
            goes_on: |c| c.is_ascii_digit(),
            longest: 18,
        },
    }
}

impl Form {
    fn fits(&self, text: &str) -> bool {
        text.len() <= self.longest
            && text.starts_with(self.begins)
            && text.chars().all(self.goes_on)
    }

    /// The id that is meant, if there is no other one in the text.
    fn meant(&self, text: &str) -> Option<String> {
        let decoded = percent::decode(text);
        let is_between = |c: char| !c.is_ascii_alphanumeric() && !(self.goes_on)(c);
        let mut words = decoded.split(is_between).filter(|word| !word.is_empty());
        let (word, other) = (words.next()?, words.next());
        let mut candidates = [word, word.trim_start_matches('0')].into_iter();
        let fitting = candidates.find(|candidate| self.fits(candidate));
        fitting.filter(|_| other.is_none()).map(ToOwned::to_owned)
    }
}

/// Whether a provider writes an id like this.
pub(super) fn check(provider: ProviderKind, text: &str) -> Result<(), IdError> {
    let form = of(provider);
    if form.fits(text) {
        return Ok(());
    }
    let meant = form.meant(text);
    Err(IdError::Form {
        text: text.to_owned(),
        provider: form.provider,
        form: form.words,
        instead: meant.map_or_else(|| form.find.to_owned(), |meant| format!("write {meant}")),
    })
}
