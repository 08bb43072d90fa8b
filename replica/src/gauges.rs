//! How full things are: what an operator watches.

use thalweg_log::disk::Disk;

use crate::Shard;

/// How full a shard's queues and files are at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Bytes accepted and not yet on their way to the disk.
    pub pending_bytes: usize,
    /// Journal blocks on their way to the disk.
    pub blocks_in_flight: usize,
    /// Size of the journal's files.
    pub journal_bytes: u64,
    /// Room in them for further blocks.
    pub journal_free_bytes: u64,
    /// Fetches that wait.
    pub fetches_waiting: usize,
    /// Newest batches kept in memory.
    pub tail_bytes: usize,
    /// Partition replicas.
    pub partitions: usize,
    /// Those that lead and serve.
    pub partitions_led: usize,
    /// Segment files kept open.
    pub open_files: usize,
}

impl<D: Disk> Shard<D> {
    /// How full things are now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let replicas = self.replicas.values();
        Gauges {
            pending_bytes: self.pending_bytes,
            blocks_in_flight: self.in_flight.len(),
            journal_bytes: self.journal.capacity_bytes(),
            journal_free_bytes: self.journal.free_bytes(),
            fetches_waiting: self.waiters.len(),
            tail_bytes: self.tail_bytes,
            partitions: self.replicas.len(),
            partitions_led: replicas
                .filter(|replica| replica.serving().is_some())
                .count(),
            open_files: self.files.open_files(),
        }
    }
}
