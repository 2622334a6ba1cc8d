//! Ids that others gave: the provider's for a mandate, and the merchant's for a mandate or a customer.
//!
//! They come out of spreadsheets and exports. What a spreadsheet has rounded is another customer's id or nobody's, and what nobody can
//! see in an id is in no id that somebody types later.

mod form;
mod spoilt;
#[cfg(test)]
mod tests;

pub use spoilt::Spoilt;

use super::mandate::ProviderKind;
use super::shown::Shown;
use super::unseen::name_of_unseen;

/// The longest id, in characters. No provider documents a length of its ids; their samples have up to 26.
pub const LONGEST: usize = 100;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Longer than any id.
    #[error("is longer than {LONGEST} characters: it has {0}")]
    Long(usize),
    /// A blank between its characters.
    #[error("{} has a space in it: an id is one word", Shown(.0))]
    Space(String),
    /// A character that nobody sees.
    #[error("{} has a character that cannot be seen, {name}: type the id again, or copy it from its source without it", Shown(.text))]
    Unseen {
        /// What was written.
        text: String,
        /// The character's code and name.
        name: String,
    },
    /// Not the provider's alphabet.
    #[error("{} has the character {character:?} (U+{:04X}), and the provider's ids have plain letters and digits: copy the id from its dashboard", Shown(.text), u32::from(*.character))]
    NotAscii {
        /// What was written.
        text: String,
        /// The first character that is not ASCII.
        character: char,
    },
    /// Not how the provider writes an id: in an address it would lead to another mandate, or to the same one by another name.
    #[error("{} is not how {provider} writes an id ({form}): {instead}", Shown(.text))]
    Form {
        /// What was written.
        text: String,
        /// Who has given it.
        provider: &'static str,
        /// How its ids are written.
        form: &'static str,
        /// What to write, or where to look.
        instead: String,
    },
    /// A spreadsheet or a program has put something else in its place.
    #[error("{} is no id: {spoilt}", Shown(.text))]
    Spoilt {
        /// What was written.
        text: String,
        /// What has become of the id.
        spoilt: Spoilt,
    },
}

/// Whether a text can be an id that a merchant chose: one word, all of it seen, and not spoilt on its way.
pub fn check_own(text: &str) -> Result<(), IdError> {
    check_is_seen(text)?;
    match Spoilt::of(text) {
        Some(spoilt) => Err(IdError::Spoilt {
            text: text.to_owned(),
            spoilt,
        }),
        None => Ok(()),
    }
}

/// The same of an id that a provider gave to a mandate, in the one way in which it writes it: else one mandate would have two ids, and
/// could be debited under both. Theirs are ASCII, so that a letter of another alphabet is only alike.
pub fn check_mandate_id(provider: Option<ProviderKind>, text: &str) -> Result<(), IdError> {
    check_own(text)?;
    check_is_ascii(text)?;
    match provider {
        Some(provider) => form::check(provider, text),
        None => Ok(()),
    }
}

/// Whether a text can be what a provider calls a merchant: somebody types it into a configuration, and no spreadsheet spoils it.
pub fn check_merchant(text: &str) -> Result<(), IdError> {
    check_is_seen(text)?;
    check_is_ascii(text)
}

fn check_is_seen(text: &str) -> Result<(), IdError> {
    let length = text.chars().count();
    if length > LONGEST {
        return Err(IdError::Long(length));
    }
    let owned = || text.to_owned();
    for character in text.chars() {
        if character == ' ' {
            return Err(IdError::Space(owned()));
        }
        if let Some(name) = name_of_unseen(character) {
            return Err(IdError::Unseen {
                text: owned(),
                name,
            });
        }
    }
    Ok(())
}

fn check_is_ascii(text: &str) -> Result<(), IdError> {
    match text.chars().find(|character| !character.is_ascii()) {
        Some(character) => Err(IdError::NotAscii {
            text: text.to_owned(),
            character,
        }),
        None => Ok(()),
    }
}
