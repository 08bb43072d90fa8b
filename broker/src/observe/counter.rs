//! A number that only grows.

use std::cell::Cell;

/// A number that only grows. One thread counts, so that counting is a plain addition.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    /// Counts one.
    pub(crate) fn count(&self) {
        self.add(1);
    }

    /// Counts several.
    pub(crate) fn add(&self, more: u64) {
        self.0.set(self.0.get().wrapping_add(more));
    }

    /// Counts bytes or things that are in memory.
    pub(crate) fn add_len(&self, more: usize) {
        self.add(u64::try_from(more).unwrap_or(u64::MAX));
    }

    /// How much was counted.
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}
