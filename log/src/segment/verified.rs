//! What is known of a segment's bytes that were there when the log was opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was found in one segment's file since the log was opened; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verified(Arc<Mutex<Findings>>);

#[derive(Debug, Default)]
struct Findings {
    /// Stretches that are good: where each begins and ends.
    good: BTreeMap<u64, u64>,
    /// Where damage was found.
    damaged: BTreeSet<u64>,
}

impl Verified {
    fn findings(&self) -> MutexGuard<'_, Findings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all of a stretch is good.
    pub(crate) fn covers(&self, from: u64, to: u64) -> bool {
        let findings = self.findings();
        let before = findings.good.range(..=from).next_back();
        before.is_some_and(|(_, &end)| end >= to)
    }

    pub(crate) fn add(&self, from: u64, to: u64) {
        let good = &mut self.findings().good;
        let (mut from, mut to) = (from, to);
        while let Some((&start, &end)) = good
            .range(..=to)
            .next_back()
            .filter(|(_, end)| **end >= from)
        {
            good.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        good.insert(from, to);
    }

    /// Takes note of damage; false if it was known.
    pub(crate) fn add_damage(&self, position: u64) -> bool {
        self.findings().damaged.insert(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_join_and_gaps_stay() {
        let verified = Verified::default();
        verified.add(0, 10);
        verified.add(20, 30);
        assert!(verified.covers(2, 10) && verified.covers(20, 30));
        assert!(!verified.covers(0, 30) && !verified.covers(10, 20));
        verified.add(10, 20);
        assert!(verified.covers(0, 30));
        assert_eq!(verified.findings().good.len(), 1);
        verified.add(5, 40);
        assert!(verified.covers(0, 40) && !verified.covers(0, 41));
    }
}
