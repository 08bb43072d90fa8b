//! Every limit of this crate, with its arithmetic.

/// Pieces of one gathering write: `IOV_MAX` of Linux; more than that takes another call.
pub const WRITE_PIECES_MAX: usize = 1024;

/// Buffers of direct writes from here on are put into huge pages: a quarter of one is used then at least.
pub const HUGE_FROM_BYTES: usize = 512 << 10;

/// A huge page, as processors with pages of 4 KiB have them.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Segment files that a shard keeps open. A container often allows 20,000 descriptors; with 4,096
/// a machine of four shards leaves 3,600 to connections.
pub const OPEN_FILES_MAX: usize = 4096;

/// Bytes of a partition that come together before they are written to its segment: a write of 512 KiB
/// past the page cache costs a third less than two of 256 KiB. One of 1 MiB would cost a little less still, but
/// the journal's blocks wait for it at the device.
pub const WRITE_BEHIND_BYTES: u32 = 512 << 10;

/// Largest segment: Kafka's positions are signed 32-bit numbers.
pub const SEGMENT_BYTES_MAX: u32 = i32::MAX.unsigned_abs();

/// Most offsets between a segment's base and its last record: the indexes hold 31 bits.
pub const SEGMENT_OFFSETS_MAX: i64 = 0x7fff_ffff;

/// Bytes read at a time when headers are walked: one page, 67 headers of the smallest batches.
pub const SCAN_BUFFER_BYTES: usize = 4096;

/// Entry records that stay in memory and in the manifest before they are written to a segment's
/// sidecar: 128 x 44 bytes = 5.6 KiB for each busy partition, and one sync less at most checkpoints.
pub const UNSAVED_ENTRIES_MAX: usize = 128;

/// Index entries that stay in memory before they are written: 512 x (8 + 12) bytes = 10 KiB for
/// each active segment. After a crash the stretch they cover (2 MiB of batches at the default
/// interval) has no index and is walked by headers.
pub const UNSAVED_INDEX_ENTRIES_MAX: usize = 512;

/// Batches that a producer may repeat without harm: its client has at most five in flight.
pub const RECENT_BATCHES: usize = 5;

/// Producers whose states travel in the manifest: 8 x 160 bytes; more are written to a snapshot.
pub const INLINE_PRODUCERS_MAX: usize = 8;

/// Bytes appended since the last producer snapshot before a checkpoint writes another: what is
/// walked by headers at the next start.
pub const SNAPSHOT_INTERVAL_BYTES: u64 = 256 << 10;

/// Producers that one partition remembers: 100,000 x 300 bytes = 30 MB. Beyond, the ones that were
/// silent longest and have no open transaction are forgotten.
pub const PRODUCERS_MAX: usize = 100_000;

/// Largest block of the journal: the largest entry that travels in it (about 1 MiB of batches), its
/// header and table, rounded up to pages, and room to spare: 320 x 4 KiB.
pub const BLOCK_BYTES_MAX: usize = 1280 << 10;

/// Buffer of small blocks: a node at rest does not take a large one into use.
pub const SMALL_BLOCK_BYTES: usize = 64 << 10;

/// Blocks of the journal in flight: four of 64 KiB saturate a device of 1 GB/s at 230 us each; more
/// only adds latency, and more to check after a crash.
pub const BLOCKS_IN_FLIGHT_MAX: usize = 4;

/// Largest payload of one entry in the journal; larger ones go to their segment only.
pub const ENTRY_BYTES_MAX: usize = BLOCK_BYTES_MAX - 4096;

/// Manifest size below which it is only appended to: rewriting so much takes a millisecond.
pub const MANIFEST_BYTES_MIN: u64 = 1 << 20;

/// How much larger than its content a manifest grows before it is rewritten: each byte of content is
/// then written 1.33 times on average, and a start reads four times what it needs at most.
pub const MANIFEST_SLACK: u64 = 4;

/// Least room for a block that has to do with what is left of a chunk. The first blocks after a start
/// hold a hard state and an entry for each partition: some 300 of them.
pub const CONFINED_BLOCK_BYTES_MIN: usize = 64 << 10;

/// What is read at once where stored batches are looked at: larger reads gain nothing, and a consumer
/// that reads for the first time waits for one of them.
pub const VERIFY_WINDOW_BYTES: usize = 1 << 20;
