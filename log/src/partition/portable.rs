//! What a replica gets that lacks entries which no other one has any more: where the log begins, and
//! the segments of it to which nothing is appended any more. Those are copied as they are.

use std::io;

use bytes::Bytes;
use thalweg_model::{LogIndex, Offset};

use super::{EntryId, LogState, PartitionLog, ProducerBase};
use crate::disk::{Disk, DiskFile};
use crate::producers::ProducerStates;
use crate::segment::{FileKind, Segment, SegmentState, Snapshot};

impl LogState {
    /// Whether a log can begin with it elsewhere: all that it has is in whole segments, and nothing in
    /// it contradicts the rest.
    #[must_use]
    pub fn is_portable(&self) -> bool {
        let producers = &self.producers;
        let known = producers.inline.as_ref().is_some_and(|bytes| {
            producers.at == self.next_offset
                && (bytes.is_empty() || ProducerStates::from_snapshot(bytes).is_ok())
        });
        let first = self.segments.first();
        let base = first.map_or(self.next_offset, |segment| segment.base);
        let (mut index, mut offset) = (self.before.index, base);
        for segment in &self.segments {
            let follows =
                segment.first_index.0 == index.0.saturating_add(1) && segment.base == offset;
            if !follows || segment.next_offset < segment.base {
                return false;
            }
            index = LogIndex(index.0.saturating_add(segment.entries.into()));
            offset = segment.next_offset;
        }
        let ends = index == self.last.index && offset == self.next_offset;
        let begins = base <= self.log_start && self.log_start <= self.next_offset;
        let inside = |index| self.before.index < index && index <= self.last.index;
        let internal = self.internal.iter().all(|&(index, _)| inside(index));
        known
            && ends
            && begins
            && internal
            && (!self.segments.is_empty() || self.before == self.last)
            && self.tail.is_empty()
            && self.doomed.is_empty()
    }
}

impl<D: Disk> PartitionLog<D> {
    /// The state of a log that has the oldest segments of this one, `segments_max` at most: those to
    /// which nothing is appended any more and whose entries are all `committed`.
    ///
    /// # Errors
    /// The producers' snapshot or a sidecar cannot be read.
    pub fn portable(&self, committed: LogIndex, segments_max: usize) -> io::Result<LogState> {
        let count = self.portable_count(committed).min(segments_max);
        let count = (0..=count)
            .rev()
            .find(|&at| at == 0 || self.knows_producers(at));
        let count = count.unwrap_or(0);
        let at = self
            .segments
            .get(count)
            .map_or(self.next_offset, |s| s.base);
        let last = if count == 0 {
            self.before
        } else {
            let index = LogIndex(self.first_index_of(count).0 - 1);
            let missing = || io::Error::other("the last entry of a segment is missing");
            let term = self.term_at(index)?.ok_or_else(missing)?;
            EntryId { index, term }
        };
        let internal = self.internal.range(..=last.index);
        let starts = self.epochs.starts().iter().copied();
        Ok(LogState {
            log_start: self.log_start.min(at),
            next_offset: at,
            before: self.before,
            last,
            segments: self.segments[..count].iter().map(Segment::state).collect(),
            internal: internal
                .map(|(&index, payload)| (index, payload.clone()))
                .collect(),
            epochs: starts.filter(|epoch| epoch.start <= at).collect(),
            producers: ProducerBase {
                at,
                inline: Some(self.producers_at(count)?),
            },
            ..LogState::default()
        })
    }

    /// How many segments are sealed and committed.
    fn portable_count(&self, committed: LogIndex) -> usize {
        let sealed = 0..self.segments.len().saturating_sub(1);
        sealed
            .take_while(|&at| {
                let is_committed = self.first_index_of(at + 1).0 - 1 <= committed.0;
                self.segments[at].is_saved() && is_committed
            })
            .count()
    }

    fn knows_producers(&self, at: usize) -> bool {
        let segment = self.segments.get(at);
        segment.is_none_or(|segment| segment.snapshot != Snapshot::Unknown)
    }

    /// The producers before the segment at `at`.
    fn producers_at(&self, at: usize) -> io::Result<Bytes> {
        let Some(segment) = self.segments.get(at) else {
            return Ok(snapshot_of(&self.producers));
        };
        match segment.snapshot {
            Snapshot::File => self.read_snapshot(segment.base),
            // What is not known is taken for nothing, as when the log is opened.
            Snapshot::Empty | Snapshot::Unknown => Ok(Bytes::new()),
        }
    }

    pub(super) fn read_snapshot(&self, at: Offset) -> io::Result<Bytes> {
        let file = self.home.file(at, FileKind::Snapshot)?;
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, 0)?;
        self.home.forget(at, FileKind::Snapshot);
        Ok(bytes.into())
    }

    /// A file of a segment to which nothing is appended any more, and its bytes; none if there is no
    /// such segment any more.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn sealed_file(
        &self,
        wanted: &SegmentState,
        kind: FileKind,
    ) -> io::Result<Option<(D::File, u64)>> {
        let sealed = self.segments.split_last().map_or(&[][..], |(_, rest)| rest);
        let found = sealed.iter().find(|segment| segment.base == wanted.base);
        if !found.is_some_and(|found| found.is_saved() && found.state() == *wanted) {
            return Ok(None);
        }
        let file = self.home.file(wanted.base, kind)?;
        let bytes = match wanted.file_bytes(kind) {
            Some(bytes) => bytes,
            None => file.len()?,
        };
        Ok(Some((file, bytes)))
    }
}

fn snapshot_of(producers: &ProducerStates) -> Bytes {
    if producers.is_empty() {
        return Bytes::new();
    }
    producers.to_snapshot().into()
}
