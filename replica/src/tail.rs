//! The newest batches in memory: the very bytes that came in, shared by all who read the end of the log.

use std::collections::VecDeque;

use bytes::Bytes;
use thalweg_model::Offset;
use thalweg_model::batch::StoredBatch;

use crate::limits::TAIL_BATCH_BYTES;

#[derive(Debug)]
struct Cached {
    base: Offset,
    next: Offset,
    bytes: Bytes,
}

/// The newest batches of one partition, without gaps up to the log's end.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    batches: VecDeque<Cached>,
}

impl Tail {
    /// Takes a batch; returns the memory that it costs.
    pub(crate) fn push(&mut self, batch: &StoredBatch) -> usize {
        let (base, next) = (batch.header().first_offset(), batch.header().next_offset());
        if self.batches.back().is_some_and(|last| last.next != base) {
            self.batches.clear();
        }
        self.batches.push_back(Cached {
            base,
            next,
            bytes: batch.bytes().clone(),
        });
        batch.bytes().len() + TAIL_BATCH_BYTES
    }

    pub(crate) fn pop_oldest(&mut self) {
        self.batches.pop_front();
    }

    pub(crate) fn clear(&mut self) {
        self.batches.clear();
    }

    /// The batches from the one that holds `from` up to (not including) `up_to`, as many as fit
    /// `bytes_max`, the first one in any case if `at_least_one`. `None` if the first one is not here.
    pub(crate) fn read(
        &self,
        from: Offset,
        up_to: Offset,
        bytes_max: usize,
        at_least_one: bool,
    ) -> Option<Vec<Bytes>> {
        if self.batches.front().is_none_or(|first| from < first.base) {
            return None;
        }
        let start = self.batches.partition_point(|batch| batch.next <= from);
        let mut taken = 0;
        let mut pieces = Vec::new();
        for batch in self.batches.range(start..) {
            let first = at_least_one && pieces.is_empty();
            if batch.next > up_to || (taken + batch.bytes.len() > bytes_max && !first) {
                break;
            }
            taken += batch.bytes.len();
            pieces.push(batch.bytes.clone());
        }
        Some(pieces)
    }
}
