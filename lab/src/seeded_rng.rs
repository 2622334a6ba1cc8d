//! Fixed, well-mixed numbers from a seed (splitmix64): the same seed gives the same lots on every machine.

/// Lots in a row.
#[derive(Debug, Clone)]
pub(super) struct Lots(u64);

impl Lots {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T], fallback: T) -> T {
        let length = u64::try_from(from.len()).unwrap_or(1);
        let index = usize::try_from(self.below(length)).unwrap_or(0);
        from.get(index).copied().unwrap_or(fallback)
    }

    /// One of some things, each with a weight.
    pub(super) fn weighted<'a, T>(
        &mut self,
        from: &'a [T],
        weight: impl Fn(&T) -> u64,
    ) -> Option<&'a T> {
        let total = from.iter().map(&weight).sum();
        let mut lot = self.below(total);
        from.iter().find(|thing| {
            let weight = weight(thing);
            let hit = lot < weight;
            lot = lot.saturating_sub(weight);
            hit
        })
    }
}
