//! Aborted transactions, for readers of committed data.

use std::io;

use thalweg_model::Offset;

use super::PartitionLog;
use crate::disk::Disk;
use crate::index::AbortedTxn;
use crate::segment::FileKind;

impl<D: Disk> PartitionLog<D> {
    /// The aborted transactions that have a record from `from` up to but not including `up_to`, in
    /// the order of their markers. A reader that is given these records skips them by this list.
    ///
    /// # Errors
    /// The disk failed.
    pub fn aborted_transactions(&self, from: Offset, up_to: Offset) -> io::Result<Vec<AbortedTxn>> {
        let mut aborted = Vec::new();
        let Some(first) = self.segment_of(from) else {
            return Ok(aborted);
        };
        for segment in &self.segments[first..] {
            let index = || self.home.file(segment.base, FileKind::Aborted);
            // Markers come in the order of their offsets.
            let low = segment
                .aborted
                .partition_point(&index, |txn| txn.last < from)?;
            for txn in segment.aborted.range(low, u32::MAX, &index)? {
                if txn.first < up_to {
                    aborted.push(txn);
                }
                // What was stable when this marker came has no marker after it.
                if txn.last_stable >= up_to {
                    return Ok(aborted);
                }
            }
        }
        Ok(aborted)
    }
}
