//! Bookkeeping of batches that were written to a segment.

use thalweg_model::Timestamp;
use thalweg_model::batch::BatchHeader;

use super::Segment;
use crate::config::LogConfig;
use crate::index::{OffsetEntry, TimeEntry};
use crate::limits::{SEGMENT_BYTES_MAX, SEGMENT_OFFSETS_MAX};

impl Segment {
    /// Notes a batch that was written at the end.
    pub(crate) fn note_batch(&mut self, header: &BatchHeader, config: &LogConfig) {
        let last = header.last_offset();
        self.youngest.see(header.max_timestamp, last);
        if self.first_timestamp.is_none() && header.max_timestamp > Timestamp::NONE {
            self.first_timestamp = Some(header.max_timestamp);
        }
        if self.since_index > u64::from(config.index_interval_bytes) {
            let position = u32::try_from(self.bytes).expect("a segment is below 2 GiB");
            let relative = self.relative(last);
            self.offsets.push(OffsetEntry { relative, position });
            self.note_time();
            self.since_index = 0;
        }
        let length = u64::try_from(header.batch_bytes).expect("a length fits 64 bits");
        self.bytes += length;
        self.since_index += length;
        self.next_offset = header.next_offset();
        self.unsynced = true;
    }

    /// Adds the highest timestamp so far to the time index, if it grew.
    pub(crate) fn note_time(&mut self) {
        if self.youngest_unknown {
            return;
        }
        let timestamp = self.youngest.timestamp;
        let newest = self.times.recent().last().map(|entry| entry.timestamp);
        let known = newest.unwrap_or(self.saved_time);
        if timestamp > known {
            let relative = self.relative(self.youngest.offset);
            self.times.push(TimeEntry {
                timestamp,
                relative,
            });
        }
    }

    /// Whether batches of `length` bytes that end `offsets` after the base belong in a new segment.
    pub(crate) fn is_full_for(&self, length: u64, span: i64, config: &LogConfig) -> bool {
        let limit = u64::from(config.segment_bytes.min(SEGMENT_BYTES_MAX));
        let index_entries = config.segment_index_bytes / 8;
        let time_entries = config.segment_index_bytes / 12;
        self.bytes > 0
            && (self.bytes + length > limit
                || span > SEGMENT_OFFSETS_MAX
                || self.offsets.count() >= index_entries
                || self.times.count() >= time_entries.saturating_sub(1))
    }

    /// Whether the segment is too old for another batch of `timestamp`.
    pub(crate) fn is_old_for(
        &self,
        timestamp: Timestamp,
        now: Timestamp,
        config: &LogConfig,
    ) -> bool {
        let Some(most) = config.segment_ms else {
            return false;
        };
        // Spread by the base offset: no randomness, and every replica rolls at its own place anyway.
        let spread = self
            .base
            .value()
            .unsigned_abs()
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            >> 32;
        let jitter = spread % config.segment_jitter_ms.min(most).max(1);
        let age = match self.first_timestamp {
            Some(first) => timestamp.0.saturating_sub(first.0),
            None => now.0.saturating_sub(self.created.0),
        };
        self.bytes > 0 && u64::try_from(age).is_ok_and(|age| age > most - jitter)
    }
}
