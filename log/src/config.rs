//! Settings of one partition's log, as its topic has them.

use crate::limits::WRITE_BEHIND_BYTES;

/// Settings of one partition's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment that would grow beyond this is closed and a new one begun.
    pub segment_bytes: u32,
    /// `segment.ms`: most time from a segment's first record to one appended; `None` for no bound.
    pub segment_ms: Option<u64>,
    /// `segment.jitter.ms`: up to this much is taken off `segment_ms`, so that partitions do not
    /// all roll at once.
    pub segment_jitter_ms: u64,
    /// `index.interval.bytes`: batches that many bytes apart get an index entry.
    pub index_interval_bytes: u32,
    /// `segment.index.bytes`: a segment whose index would grow beyond this is closed.
    pub segment_index_bytes: u32,
    /// `retention.ms`: `None` keeps records for ever.
    pub retention_ms: Option<u64>,
    /// `retention.bytes`: `None` keeps any number.
    pub retention_bytes: Option<u64>,
    /// Whether `cleanup.policy` has `delete`: without it retention removes nothing.
    pub delete_enabled: bool,
    /// Newest bytes that stay in memory before they go to the segment's file: it gets them in long
    /// stretches, at a checkpoint or when a reader comes for them. 0 writes each entry at once. The
    /// journal has them all the time.
    pub write_behind_bytes: u32,
    /// `producer.id.expiration.ms`: a producer that was silent this long is forgotten.
    pub producer_expiration_ms: u64,
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        Self {
            segment_bytes: 1 << 30,
            segment_ms: Some(7 * DAY_MS),
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: None,
            delete_enabled: true,
            write_behind_bytes: WRITE_BEHIND_BYTES,
            producer_expiration_ms: DAY_MS,
        }
    }
}
