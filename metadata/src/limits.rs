//! The limits of this crate.

/// Bytes of one record. A setting is the largest: the name of a group, a key and a value of 32 KiB each are 96 KiB.
pub const RECORD_BYTES_MAX: usize = 128 * 1024;

/// Bytes of a setting's value, as in Kafka: what an int16 length can say.
pub const CONFIG_VALUE_BYTES_MAX: usize = 0x7fff;

/// Partitions that one request may add, as in Kafka: one record each, about 60 bytes, so 600 KB in one append.
pub const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

/// Producer ids that a broker takes at once, as in Kafka.
pub const PRODUCER_ID_BLOCK: i64 = 1000;
