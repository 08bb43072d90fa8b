//! Which blocks are in flight, and up to where all of them are durable.

use std::collections::BTreeSet;

use super::BlockSequence;

/// Blocks end in any order; acknowledgements follow the unbroken prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    planned: BlockSequence,
    unfinished: BTreeSet<BlockSequence>,
}

impl Progress {
    /// All up to `durable` are done.
    pub(super) fn new(durable: BlockSequence) -> Self {
        Self {
            planned: durable,
            unfinished: BTreeSet::new(),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.unfinished.len()
    }

    /// The last block before the first unfinished one.
    pub(super) fn durable(&self) -> BlockSequence {
        self.unfinished
            .first()
            .map_or(self.planned, |first| BlockSequence(first.0 - 1))
    }

    pub(super) fn plan(&mut self) -> BlockSequence {
        self.planned = self.planned.next();
        self.unfinished.insert(self.planned);
        self.planned
    }

    /// Takes note of a finished block; returns the new end of the durable prefix if it moved.
    ///
    /// # Panics
    /// If the block is not in flight.
    pub(super) fn complete(&mut self, sequence: BlockSequence) -> Option<BlockSequence> {
        let before = self.durable();
        assert!(
            self.unfinished.remove(&sequence),
            "block {sequence} is in flight"
        );
        let durable = self.durable();
        (durable > before).then_some(durable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_moves_when_its_gap_closes() {
        let mut progress = Progress::new(BlockSequence(7));
        let [a, b, c] = [progress.plan(), progress.plan(), progress.plan()];
        assert_eq!((a, c), (BlockSequence(8), BlockSequence(10)));
        assert_eq!(progress.complete(b), None);
        assert_eq!(progress.durable(), BlockSequence(7));
        assert_eq!(progress.complete(a), Some(b));
        assert_eq!(progress.in_flight(), 1);
        assert_eq!(progress.complete(c), Some(c));
    }
}
