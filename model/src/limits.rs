//! The limits of this crate.

/// Longest topic name: a directory name of 255 bytes less `-` and a partition number of 5 digits.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Most bytes that one compressed batch may grow to. Kafka's largest request is 100 MiB by default,
/// and batches of text rarely shrink more than tenfold at Kafka's default 1 MiB batch limit: 64 MiB
/// leaves a factor of 64.
pub const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// Spare zstd decoders of a thread: batches are decoded one after the other, but a batch may be read
/// while another is. Each holds 160 KiB, and the largest window that it met.
pub const ZSTD_SPARE_DECODERS: usize = 2;

/// Largest zstd window accepted: 2^23 = 8 MiB, what every level up to 19 stays within.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
