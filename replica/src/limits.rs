//! The limits of this crate.

/// Journal blocks under way to the disk at once. Two keep the device busy while the next block is
/// gathered; more only makes blocks smaller. See also [`SECOND_BLOCK_BYTES_MIN`].
pub const BLOCKS_IN_FLIGHT_MAX: usize = 2;

/// Appends that have to wait before a block is started beside one that is under way, as many as one takes: two
/// small blocks cost a third more processor time than one of their size, and the wait is that of one write.
pub const SECOND_BLOCK_BYTES_MIN: usize = 1 << 20;

/// Batches below this size share an entry with their neighbours: copying one costs less than an entry
/// of its own. From about here on it is the other way round.
pub const COALESCE_BELOW_BYTES: usize = 4 << 10;

/// Largest entry made of several small batches.
pub const COALESCED_ENTRY_BYTES_MAX: usize = 64 << 10;

/// Memory of the tail cache of a shard: what consumers at the end of the log read without a file.
/// 32 MiB hold 30 ms of a 1 GB/s stream, more than a consumer that keeps up lags behind.
pub const TAIL_BYTES_MAX: usize = 32 << 20;

/// What a batch in the tail cache takes beside its bytes: 48 and 24 bytes in two queues that have up to twice
/// the room, and 48 for an allocation of its own. Small batches are mostly that.
pub const TAIL_BATCH_BYTES: usize = 192;

/// Bytes of all partitions that are in the journal and not yet in their segments' files: with 32 busy
/// partitions each has its 512 KiB. Mostly the same bytes as the tail cache's. Above it the oldest
/// are written.
pub const WRITE_BEHIND_BYTES_MAX: usize = 16 << 20;

/// Bytes beyond those that an I/O thread has not written yet. Above it the shard writes them itself,
/// and whoever produces waits for that.
pub const WRITE_BEHIND_LATE_BYTES_MAX: usize = 8 << 20;

/// Least part of a segment that is worth an I/O thread's turn: less costs more to hand over than to
/// write into the page cache.
pub const STRETCH_BYTES_MIN: u64 = 64 << 10;

/// What stretches are copied to on their way past the page cache: a whole one, so that it is one write, and
/// the buffer stays in the processor's cache.
pub const STRETCH_BUFFER_BYTES: usize = 512 << 10;

/// How often what a checkpoint would have to write is handed to an I/O thread first. Each time what arrived
/// during the last one is left: after three some 60 KiB of a busy partition.
pub const SWEEPS_MAX: usize = 3;

/// Appends accepted and not yet handed to the journal, per shard. The journal takes 1 GB/s, so this
/// is 64 ms of work; above it appends are refused with a retriable error.
pub const PENDING_BYTES_MAX: usize = 64 << 20;

/// Waiting fetches of a shard: one for each of 100,000 connections.
pub const WAITERS_MAX: usize = 100_000;

/// Partitions in one part of a checkpoint: each has a handful of files open until it is synced.
pub const CHECKPOINT_GROUPS_MAX: usize = 256;

/// Segment files kept open: a container often allows 20,000 descriptors, and connections need most.
pub const OPEN_FILES_MAX: usize = 4096;

/// Largest entry that travels in the journal. A larger one is synced in its segment, and the journal
/// only names it: from about here on the second copy costs more than the second sync.
pub const INLINE_ENTRY_BYTES_MAX: u64 = 1 << 20;

/// Time between two ticks of Raft: an election begins 10 to 20 of them after the last word from a leader.
pub const RAFT_TICK_MS: u64 = 100;

/// Bytes read back at a time for a follower that lags: one message.
pub const READ_BACK_BYTES_MAX: u64 = thalweg_consensus::limits::MESSAGE_BYTES_MAX;

/// Largest description of where a log begins: it travels in one journal entry of 1.25 MiB at most. A
/// segment takes 89 bytes, a producer at most 170, so it has room for 6,000 producers; a follower that is
/// behind a log that begins with more of them does not catch up, which its leader notes.
pub const BEGINNING_BYTES_MAX: usize = 1 << 20;

/// Replicas of a shard that are copied to it at once: each copy writes one part while others are on
/// their way.
pub const COPIES_MAX: usize = 4;

/// Bytes of a part of a copy: a device writes it in 1 ms, and as long as it is asked for it waits in memory.
pub const COPY_PART_BYTES: u64 = 1 << 20;

/// Ticks of Raft until a part that did not come is asked for again.
pub const COPY_TICKS_MAX: u32 = 5;

/// Ticks of Raft until a copy is given up of which nothing came: 30 s, in which a leader has told of its log 15 times.
pub const COPY_IDLE_TICKS_MAX: u32 = 300;
