//! Open transactions of a partition, and what readers of committed data may see.

use std::collections::BTreeMap;

use thalweg_model::{Offset, ProducerId};

use super::Outcome;
use crate::index::AbortedTxn;

/// A transaction whose marker was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTxn {
    /// Whose it was.
    pub producer: ProducerId,
    /// Its first record.
    pub first: Offset,
    /// Its marker.
    pub last: Offset,
    /// How it ended.
    pub outcome: Outcome,
    /// The first offset of another open transaction, or the one after the marker.
    pub last_stable: Offset,
}

impl CompletedTxn {
    /// The index entry that an aborted transaction leaves.
    pub(crate) fn aborted(&self) -> Option<AbortedTxn> {
        (self.outcome == Outcome::Aborted).then_some(AbortedTxn {
            producer: self.producer,
            first: self.first,
            last: self.last,
            last_stable: self.last_stable,
        })
    }
}

/// Transactions that readers of committed data have to wait for.
#[derive(Clone, Debug, Default)]
pub(super) struct Transactions {
    /// Without a marker, by first offset.
    open: BTreeMap<Offset, ProducerId>,
    /// With a marker that may not be committed yet: first offset to marker.
    undecided: BTreeMap<Offset, Offset>,
}

impl Transactions {
    pub(super) fn begin(&mut self, first: Offset, producer: ProducerId) {
        self.open.insert(first, producer);
    }

    /// Ends the transaction that began at `first`.
    pub(super) fn complete(
        &mut self,
        first: Offset,
        last: Offset,
        outcome: Outcome,
    ) -> Option<CompletedTxn> {
        let producer = self.open.remove(&first)?;
        self.undecided.insert(first, last);
        let last_stable = self.open.keys().next().copied();
        Some(CompletedTxn {
            producer,
            first,
            last,
            outcome,
            last_stable: last_stable.unwrap_or_else(|| last.next()),
        })
    }

    /// Forgets transactions whose marker lies below the high watermark.
    pub(super) fn on_high_watermark(&mut self, high_watermark: Offset) {
        if !self.undecided.is_empty() {
            self.undecided.retain(|_, last| *last >= high_watermark);
        }
    }

    /// First offset of a transaction that is open or whose marker is not committed.
    pub(super) fn first_unstable(&self) -> Option<Offset> {
        let open = self.open.keys().next();
        let undecided = self.undecided.keys().next();
        open.into_iter().chain(undecided).min().copied()
    }

    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }
}
