//! The limits of this crate.

/// Ticks without word from a leader before an election; a tick is 100 ms, so 1 s, then drawn up to
/// twice that for each replica and term.
pub const ELECTION_TICKS: usize = 10;

/// Ticks between heartbeats of a leader.
pub const HEARTBEAT_TICKS: usize = 2;

/// Append messages under way to one follower: 16 of at most 1 MiB fill a 10 Gbit/s link for 13 ms,
/// an order of magnitude above a synced write.
pub const INFLIGHT_MESSAGES_MAX: usize = 16;

/// Bytes of entries in one append message: the largest group commit of one partition.
pub const MESSAGE_BYTES_MAX: u64 = 1 << 20;

/// Ticks until a leader takes the beginning of its log for lost that it sent to a follower, and sends
/// it again: 2 s are an age for a message and the block that makes it durable.
pub const SNAPSHOT_TICKS_MAX: u32 = 20;

/// Entries that a learner may lack when it becomes a voter: a few messages, which come before the
/// change is committed.
pub const CATCH_UP_ENTRIES_MAX: u64 = 64;
