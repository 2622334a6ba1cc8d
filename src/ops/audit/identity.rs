//! The auditor's own derivation of order ids and notification references (DESIGN §5): the first 16 bytes of a SHA-256 as a number to
//! the base of 26, its last digit first, written as lower-case letters. Only the hash is a library's.

use ring::digest::{SHA256, digest};

/// So many orders or notifications of a cycle are tried, whatever its row says: a recovery looks for ones that this database forgot.
const AT_LEAST: u32 = 16;
const BASE: u128 = 26;

/// What an id is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum IdOf {
    Order,
    Notification,
}

/// A cycle, as everybody can name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CycleName<'a> {
    pub(super) provider: &'a str,
    pub(super) mandate: &'a str,
    pub(super) period: &'a str,
}

impl CycleName<'_> {
    /// The id of the cycle's `number`th order or notification.
    pub(super) fn id(self, of: IdOf, number: u32) -> String {
        let (word, length) = match of {
            IdOf::Order => ("order", 20),
            IdOf::Notification => ("notification", 25),
        };
        let Self {
            provider,
            mandate,
            period,
        } = self;
        let mandate: String = mandate
            .chars()
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let hash = digest(
            &SHA256,
            format!("{word}\n{provider}\n{period}\n{number}\n{mandate}").as_bytes(),
        );
        let bytes = hash.as_ref().iter().take(16);
        let mut number = bytes.fold(0u128, |number, byte| {
            number.saturating_mul(256).saturating_add(u128::from(*byte))
        });
        let mut id = String::with_capacity(length);
        for _ in 0..length {
            let letter = number
                .checked_rem(BASE)
                .and_then(|rest| u8::try_from(rest).ok());
            id.push(char::from(b'a'.saturating_add(letter.unwrap_or(0))));
            number = number.checked_div(BASE).unwrap_or(0);
        }
        id
    }

    /// Which of the cycle's orders or notifications an id is, of at least the first `count` of them.
    pub(super) fn number_of(self, of: IdOf, id: &str, count: i16) -> Option<u32> {
        let count = u32::try_from(count).unwrap_or(0);
        // The last one is the likeliest.
        std::iter::once(count)
            .chain(1..=count.max(AT_LEAST))
            .find(|number| self.id(of, *number) == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's hashlib: SHA-256 of "order\njuspay\n2026-11\n1\nM1" and so on.
    #[test]
    fn ids_are_the_letters_of_a_sha_256() {
        let cycle = CycleName {
            provider: "juspay",
            mandate: "M1",
            period: "2026-11",
        };
        assert_eq!(cycle.id(IdOf::Order, 1), "mhplsfnpsxhrmctyznyt");
        assert_eq!(cycle.id(IdOf::Order, 2), "ihvsjccqpuyzqxeqwqey");
        assert_eq!(cycle.id(IdOf::Notification, 1), "vqsgjzogygynfwclqcwpuahoj");
        let number = |id| cycle.number_of(IdOf::Order, id, 1);
        assert_eq!(number("ihvsjccqpuyzqxeqwqey"), Some(2));
        assert_eq!(number("rldkrokcdhttcglytbkz"), None);
    }
}
