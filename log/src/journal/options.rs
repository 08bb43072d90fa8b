//! What can be set about a journal.

use crate::limits::{BLOCK_BYTES_MAX, BLOCKS_IN_FLIGHT_MAX};

/// Sizes of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Size of one chunk file.
    pub chunk_bytes: u64,
    /// Chunks of a new journal; all further ones are made when they are needed.
    pub chunks_initial: usize,
    /// Where growth ends.
    pub ring_bytes_max: u64,
    /// Blocks that may be in flight together.
    pub depth: usize,
    /// Largest block that is written: a simulation with small entries makes do with small chunks.
    pub block_bytes_max: usize,
    /// Where a block that gathers small entries ends.
    pub block_bytes_target: usize,
    /// Bytes since the last checkpoint after which another is asked for.
    pub checkpoint_bytes: u64,
}

impl Default for JournalOptions {
    /// A cold start prewrites 8 MiB (some 10 ms); a busy shard grows to 256 MiB, of which a checkpoint every 96 MiB
    /// keeps enough free to never stall. Each one syncs every busy partition's files: half as many bytes between two cost
    /// 4 % of the processor time under full load. A start after a crash reads them back, 50 ms at 2 GB/s.
    fn default() -> Self {
        Self {
            chunk_bytes: 4 << 20,
            chunks_initial: 2,
            ring_bytes_max: 256 << 20,
            block_bytes_max: BLOCK_BYTES_MAX,
            depth: BLOCKS_IN_FLIGHT_MAX,
            block_bytes_target: 1 << 20,
            checkpoint_bytes: 96 << 20,
        }
    }
}

impl JournalOptions {
    /// # Panics
    /// If the sizes contradict each other: they are the program's, not the user's.
    pub(super) fn check(&self) {
        let block_bytes_max = u64::try_from(self.block_bytes_max).expect("it is small");
        assert!(
            self.chunk_bytes >= block_bytes_max && self.chunk_bytes.is_multiple_of(4096),
            "a chunk holds the largest block and ends at a page"
        );
        assert!(
            (1..=BLOCKS_IN_FLIGHT_MAX).contains(&self.depth),
            "1 to {BLOCKS_IN_FLIGHT_MAX} blocks are in flight"
        );
        assert!(
            self.block_bytes_target <= self.block_bytes_max
                && self.block_bytes_max <= BLOCK_BYTES_MAX,
            "the target is within the limit"
        );
        assert!(
            self.chunks_initial >= 2,
            "one chunk is written while the other is released"
        );
    }
}
