//! Chance without a random number generator: the same seed and the same words draw the same lot, in any order.

use chrono::{Datelike, NaiveDate, TimeDelta};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// What a lot is drawn for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw(u64);

impl Draw {
    /// A draw about `topic`.
    pub(super) fn new(seed: u64, topic: &str) -> Self {
        Self(FNV_OFFSET).number(seed).text(topic)
    }

    /// Narrowed by a word.
    pub(super) fn text(self, text: &str) -> Self {
        // 0xff never occurs in UTF-8, so "ab" + "c" and "a" + "bc" differ.
        Self(text.bytes().chain([0xff]).fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        }))
    }

    /// Narrowed by a number.
    pub(super) fn number(self, number: u64) -> Self {
        Self(number.to_le_bytes().into_iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        }))
    }

    /// Narrowed by a day.
    pub(super) fn day(self, day: NaiveDate) -> Self {
        self.number(u64::from(day.num_days_from_ce().unsigned_abs()))
    }

    /// The lot: any number.
    pub(super) fn lot(self) -> u64 {
        // The finaliser of splitmix64: neighbouring hashes give unrelated lots.
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A lot from nothing to `limit`, itself excluded.
    pub(super) fn below(self, limit: u32) -> u32 {
        let lot = self.lot().checked_rem(u64::from(limit)).unwrap_or(0);
        u32::try_from(lot).unwrap_or(0)
    }

    /// A lot between two numbers, both included.
    pub(super) fn between(self, least: u32, most: u32) -> u32 {
        least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)))
    }

    /// Whether one of `share` in a thousand lots was drawn.
    pub(super) fn per_mille(self, share: u16) -> bool {
        self.below(1000) < u32::from(share)
    }

    /// A number of minutes, both ends included.
    pub(super) fn minutes(self, from: u32, to: u32) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.between(from, to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_per_thousand_is_about_that_share_and_repeats() {
        let hits = |seed| {
            (0..10_000u64)
                .filter(|n| Draw::new(seed, "share").number(*n).per_mille(250))
                .count()
        };
        assert!((2_300..2_700).contains(&hits(1)), "{}", hits(1));
        assert_eq!(hits(7), hits(7));
        assert_ne!(
            Draw::new(1, "a").text("bc").lot(),
            Draw::new(1, "ab").text("c").lot()
        );
    }
}
