//! What a cycle's orders are called, everywhere and always the same.

use std::iter::successors;

use ring::digest::{Digest, SHA256, digest};

use super::mandate::{Mandate, ProviderKind};
use super::period::Period;

/// What everybody can know of a cycle: how its provider names the mandate, and the period on the calendar's fixed grid.
///
/// Order ids and notification references are hashes of it and of nothing that this database or its configuration chose. So a
/// database that was restored or copied sends the same id for the same cycle, and the provider refuses the second one.
///
/// An id has 26^20, about 2 x 10^28 values. Among 10^10 orders two are the same with a probability of 2.5 in 10^9; a reference has
/// 26^25 values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleIdentity<'a> {
    /// Whose API.
    pub provider: ProviderKind,
    /// The provider's id of the mandate: Juspay `mandate_id`, Signzy `subReferenceId`.
    pub provider_mandate_id: &'a str,
    /// The cycle's period.
    pub period: Period,
}

impl<'a> CycleIdentity<'a> {
    /// A cycle of a mandate.
    pub fn of(mandate: &'a Mandate, period: Period) -> Self {
        Self {
            provider: mandate.provider,
            provider_mandate_id: &mandate.provider_mandate_id,
            period,
        }
    }

    /// The order id of the cycle's `order_no`th order. Lower-case letters only, which nothing redacts, and fewer than 21
    /// ("Juspay Order Create API").
    pub fn order_id(self, order_no: u16) -> String {
        letters::<20>(&self.hash("order", order_no))
    }

    /// The reference of the cycle's `notification_no`th notification: at most 25 letters ("Juspay Notification API",
    /// `object_reference_id`).
    pub fn notification_ref(self, notification_no: u16) -> String {
        letters::<25>(&self.hash("notification", notification_no))
    }

    fn hash(self, of: &str, no: u16) -> Digest {
        let (provider, period) = (self.provider, self.period);
        // The mandate's id comes last: it may contain anything, and the rest cannot contain a line break.
        // No provider documents whether case matters in its ids. The schema takes two ids that differ in case for one registration, and so
        // does the hash.
        let mandate = self.provider_mandate_id.to_ascii_lowercase();
        let text = format!("{of}\n{provider}\n{period}\n{no}\n{mandate}");
        digest(&SHA256, text.as_bytes())
    }
}

const ALPHABET: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// The first 16 bytes of a hash in base 26, the last digit first.
fn letters<const LENGTH: usize>(hash: &Digest) -> String {
    let bytes = hash.as_ref().first_chunk().copied().unwrap_or_default();
    let base = 26;
    let quotients = successors(Some(u128::from_be_bytes(bytes)), |number| {
        number.checked_div(base)
    });
    quotients
        .take(LENGTH)
        .filter_map(|number| {
            let digit = usize::try_from(number.checked_rem(base)?).ok()?;
            ALPHABET.get(digit).copied().map(char::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schedule::{Frequency, Schedule};

    fn cycle(provider: ProviderKind, mandate: &'static str, day: &str) -> CycleIdentity<'static> {
        let monthly = Schedule::Every(Frequency::Monthly);
        CycleIdentity {
            provider,
            provider_mandate_id: mandate,
            period: Period::of(&monthly, day.parse().unwrap()).unwrap(),
        }
    }

    /// Computed with Python's hashlib: SHA-256 of "order\njuspay\n2026-11\n1\nm1", in lower case, its first 16 bytes as a big-endian number, and
    /// 20 times the remainder of 26.
    #[test]
    fn ids_are_the_letters_of_a_sha_256() {
        let juspay = cycle(ProviderKind::Juspay, "M1", "2026-11-22");
        assert_eq!(juspay.order_id(1), "mhplsfnpsxhrmctyznyt");
        assert_eq!(juspay.order_id(2), "ihvsjccqpuyzqxeqwqey");
        assert_eq!(juspay.notification_ref(1), "vqsgjzogygynfwclqcwpuahoj");
        let signzy = cycle(ProviderKind::Signzy, "77", "2026-11-01");
        assert_eq!(signzy.order_id(1), "rldkrokcdhttcglytbkz");
    }

    #[test]
    fn ids_depend_on_the_period_and_not_on_the_day() {
        let id = |day| cycle(ProviderKind::Juspay, "M1", day).order_id(1);
        assert_eq!(id("2026-11-01"), id("2026-11-30"));
        assert_ne!(id("2026-11-30"), id("2026-12-01"));
    }
}
