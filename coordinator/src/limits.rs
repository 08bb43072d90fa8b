//! The limits of this crate.

use std::time::Duration;

/// Longest name that the stored formats can hold: their lengths have 15 bits.
pub const NAME_BYTES_MAX: usize = 32_767;

/// Longest client id or static name that a member id can be made of: `-` and a UUID follow.
pub const MEMBER_PREFIX_BYTES_MAX: usize = NAME_BYTES_MAX - 37;

/// Most tombstones in one append. A tombstone is a key of at most 32 KiB group + 249 bytes topic, in
/// practice under 350 bytes: 1000 of them stay far below the 1 MiB limit of a batch.
pub const TOMBSTONES_PER_APPEND_MAX: usize = 1_000;

/// Most member ids of one group that were handed out and not yet used. Each costs about 300 bytes
/// with its timer: 10,000 are 3 MB. A client that asks for more is told that the group is full.
pub const PENDING_MEMBERS_MAX: usize = 10_000;

/// How long a new member that waits for its first generation is kept if it vanished: a client that
/// gave up cannot hold a group for longer than this, as in Kafka.
pub const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);
