//! Removing old records.

use std::io;

use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Now, Offset, Timestamp};

use super::{Doomed, EntryId, PartitionLog, ReadError};
use crate::disk::Disk;
use crate::segment::{FileKind, Segment};

/// What retention took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Segments that are no longer part of the log. Their files go after the next checkpoint.
    pub segments: usize,
    /// Bytes of batches in them.
    pub bytes: u64,
}

impl<D: Disk> PartitionLog<D> {
    /// Moves the log's start up to `offset`. Files are removed by [`Self::retention`].
    ///
    /// # Errors
    /// The offset is above the log's end.
    pub fn delete_records_before(&mut self, offset: Offset) -> Result<(), ReadError> {
        if offset > self.next_offset {
            return Err(ReadError::OffsetOutOfRange {
                offset,
                start: self.log_start,
                end: self.next_offset,
            });
        }
        if offset > self.log_start {
            self.log_start = offset;
            self.epochs.cut_start(offset);
            self.changed = true;
        }
        Ok(())
    }

    /// Takes the oldest segments out of the log: those below its start, those whose youngest
    /// record is older than `retention.ms`, and those above `retention.bytes`. None that reaches
    /// above `up_to`, the high watermark, or that has an entry after `committed`: a leader's first
    /// entry takes no offset and may yet be replaced.
    ///
    /// # Errors
    /// The sidecar of a segment cannot be read; nothing was removed.
    pub fn retention(
        &mut self,
        now: Now,
        (up_to, committed): (Offset, LogIndex),
    ) -> io::Result<Removed> {
        let mut removed = Removed::default();
        let mut size = self.size_bytes();
        for (at, segment) in self.segments.iter().enumerate() {
            let last = LogIndex(self.first_index_of(at + 1).0 - 1);
            let is_committed = segment.next_offset <= up_to && last <= committed;
            if !is_committed || !self.is_expired(segment, now.wall, size) {
                break;
            }
            size -= segment.bytes;
            removed.segments += 1;
            removed.bytes += segment.bytes;
        }
        if removed.segments > 0 {
            self.drop_front(removed.segments)?;
        }
        Ok(removed)
    }

    fn is_expired(&self, segment: &Segment, now: Timestamp, size: u64) -> bool {
        let below_start = segment.next_offset <= self.log_start && segment.bytes > 0;
        let delete = self.config.delete_enabled;
        let too_old = self.config.retention_ms.is_some_and(|most| {
            let youngest = if segment.youngest.timestamp > Timestamp::NONE {
                segment.youngest.timestamp
            } else {
                segment.created
            };
            let age = now.0.saturating_sub(youngest.0);
            segment.bytes > 0 && u64::try_from(age).is_ok_and(|age| age > most)
        });
        let too_many = self
            .config
            .retention_bytes
            .is_some_and(|most| segment.bytes > 0 && size.saturating_sub(segment.bytes) >= most);
        below_start || (delete && (too_old || too_many))
    }

    /// Takes the first `count` segments out of the log.
    fn drop_front(&mut self, count: usize) -> io::Result<()> {
        let first_kept = self.first_index_of(count);
        let before = EntryId {
            index: LogIndex(first_kept.0 - 1),
            term: match self.segments.get(count) {
                Some(_) => self
                    .term_at(LogIndex(first_kept.0 - 1))?
                    .unwrap_or_default(),
                None => self.last.term,
            },
        };
        let end = self.segments[count - 1].next_offset;
        if self.producer_base.at < end {
            // What the producers' states begin with is about to go.
            self.save_all_producers()?;
        }
        for segment in self.segments.drain(..count) {
            self.doomed.push(Doomed::Segment(segment.base));
        }
        if defect::is_on(Defect::FilesRemovedEarly) {
            for doomed in std::mem::take(&mut self.doomed) {
                self.remove_now(doomed)?;
            }
        }
        if self.segments.is_empty() {
            self.behind.clear();
        }
        self.before = before;
        self.internal.retain(|&index, _| index > before.index);
        self.log_start = self.log_start.max(end);
        self.epochs.cut_start(self.log_start);
        self.changed = true;
        Ok(())
    }

    /// Removes files at once: the manifest does not know them any more.
    pub(super) fn remove_now(&mut self, doomed: Doomed) -> io::Result<()> {
        match doomed {
            Doomed::Segment(base) => Segment::remove(&self.home, base)?,
            Doomed::Snapshot(at) => self.home.remove(at, FileKind::Snapshot)?,
        }
        self.names_changed();
        Ok(())
    }
}
