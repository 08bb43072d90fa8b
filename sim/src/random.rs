//! The dice of a simulation: everything that is random comes from one seed.

/// A small seeded generator (SplitMix64). Streams split off it do not disturb each other, so that
/// one more roll in one place does not change every other.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        // Neighbouring seeds begin far apart.
        Self(random.roll())
    }

    /// Dice of their own for one purpose.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new(self.roll())
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is a number below the bound");
        self.roll() % bound
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Panics
    /// If there is none.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several; `None` of none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(of.len()).unwrap_or(u64::MAX);
        if count == 0 {
            return None;
        }
        usize::try_from(self.below(count))
            .ok()
            .and_then(|at| of.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_a_split_does_not_disturb() {
        let numbers = |splits: u32| {
            let mut random = Random::new(7);
            let mut other = random.split();
            for _ in 0..splits {
                other.roll();
            }
            (0..10).map(|_| random.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), numbers(5));
        assert_ne!(Random::new(1).roll(), Random::new(2).roll());
    }
}
