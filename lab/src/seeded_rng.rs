//! Chance from a seed (splitmix64): the same seed draws the same numbers on every machine.

use chrono::{Datelike, NaiveDate, TimeDelta};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

/// A generator of numbers. `new` is for numbers in a row. `about` and the methods that narrow it give a generator for one thing, such
/// as a payer's day: what it draws depends on the seed and the words alone, whatever else was drawn before.
#[derive(Debug, Clone)]
pub struct SeededRng {
    key: u64,
    drawn: u64,
}

impl SeededRng {
    pub const fn new(seed: u64) -> Self {
        Self::with_key(seed.wrapping_add(GOLDEN_RATIO))
    }

    pub fn about(seed: u64, topic: &str) -> Self {
        Self::with_key(FNV_OFFSET).number(seed).text(topic)
    }

    const fn with_key(key: u64) -> Self {
        Self { key, drawn: 0 }
    }

    /// Narrowed by a word.
    #[must_use]
    pub fn text(&self, text: &str) -> Self {
        // 0xff never occurs in UTF-8, so "ab" + "c" and "a" + "bc" differ.
        self.narrowed(text.bytes().chain([0xff]))
    }

    /// Narrowed by a number.
    #[must_use]
    pub fn number(&self, number: u64) -> Self {
        self.narrowed(number.to_le_bytes())
    }

    /// Narrowed by a day.
    #[must_use]
    pub fn day(&self, day: NaiveDate) -> Self {
        self.number(u64::from(day.num_days_from_ce().unsigned_abs()))
    }

    fn narrowed(&self, bytes: impl IntoIterator<Item = u8>) -> Self {
        Self::with_key(bytes.into_iter().fold(self.key, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        }))
    }

    /// Any number.
    pub const fn draw(&mut self) -> u64 {
        // The finaliser of splitmix64: neighbouring states give unrelated numbers.
        let z = self.key.wrapping_add(self.drawn.wrapping_mul(GOLDEN_RATIO));
        self.drawn = self.drawn.wrapping_add(1);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a limit; 0 if the limit is.
    pub fn below(&mut self, limit: u32) -> u32 {
        let number = self.draw().checked_rem(u64::from(limit)).unwrap_or(0);
        u32::try_from(number).unwrap_or(0)
    }

    /// A number between two, both included.
    pub fn between(&mut self, least: u32, most: u32) -> u32 {
        let span = most.saturating_sub(least).saturating_add(1);
        least.saturating_add(self.below(span))
    }

    /// A number of minutes, both ends included.
    pub fn minutes(&mut self, least: u32, most: u32) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.between(least, most)))
    }

    /// Yes, in `share` of a thousand cases.
    pub fn per_mille(&mut self, share: u16) -> bool {
        self.below(1000) < u32::from(share)
    }

    pub fn pick<T: Copy>(&mut self, from: &[T], fallback: T) -> T {
        let length = u32::try_from(from.len()).unwrap_or(1);
        let index = usize::try_from(self.below(length)).unwrap_or(0);
        from.get(index).copied().unwrap_or(fallback)
    }

    /// One of some things, each with a weight.
    pub fn weighted<'a, T>(&mut self, from: &'a [T], weight: impl Fn(&T) -> u32) -> Option<&'a T> {
        let mut number = self.below(from.iter().map(&weight).sum());
        from.iter().find(|thing| {
            let weight = weight(thing);
            let hit = number < weight;
            number = number.saturating_sub(weight);
            hit
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_per_thousand_is_about_that_share_and_repeats() {
        let hits = |seed| {
            (0..10_000u64)
                .filter(|n| SeededRng::about(seed, "share").number(*n).per_mille(250))
                .count()
        };
        assert!((2_300..2_700).contains(&hits(1)), "{}", hits(1));
        assert_eq!(hits(7), hits(7));
        assert_ne!(
            SeededRng::about(1, "a").text("bc").draw(),
            SeededRng::about(1, "ab").text("c").draw()
        );
    }

    #[test]
    fn what_a_narrowed_generator_draws_depends_on_nothing_drawn_before() {
        let mut payer = SeededRng::about(1, "payer");
        let fresh = payer.text("day").draw();
        payer.draw();
        assert_eq!(payer.text("day").draw(), fresh);
    }

    /// The figures in the documents come from these sequences.
    #[test]
    fn a_seed_draws_the_same_numbers_for_ever() {
        let mut rng = SeededRng::new(1);
        assert_eq!(
            [rng.draw(), rng.draw()],
            [0x910A_2DEC_8902_5CC1, 0xBEEB_8DA1_658E_EC67]
        );
        assert_eq!(SeededRng::about(1, "payer").draw(), 0xC2D4_2F05_BC0B_0D5F);
    }
}
