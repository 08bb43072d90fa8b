//! Appending entries.

use bytes::Bytes;
use thalweg_model::batch::{CHECKSUM_FROM, StoredBatch};
use thalweg_model::{LeaderEpoch, LogIndex, Now, Offset, Term, Timestamp};

use super::behind::WriteWhen;
use super::{AppendError, EntryId, PartitionLog};
use crate::checksum::{crc32c, crc32c_of, join};
use crate::disk::Disk;
use crate::index::EntryRecord;
use crate::producers::Marker;

/// An entry of the group's log that carries batches.
#[derive(Clone, Copy, Debug)]
pub struct LogEntry<'a> {
    /// Its index: the one after the last entry's.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// At least one batch; their offsets follow the log's end and each other.
    pub batches: &'a [StoredBatch],
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record.
    pub first: Offset,
    /// Offset of the last record.
    pub last: Offset,
    /// Bytes of the batches.
    pub bytes: u64,
    /// CRC-32C of these bytes, as the journal's table wants it.
    pub checksum: u32,
}

/// Batches from this size on are not read again for an entry's checksum: joining costs as much as reading
/// some KiB.
const JOIN_FROM_BYTES: usize = 4 << 10;

/// CRC-32C over the bytes of an entry's batches. What a batch's own checksum covers was verified when it came
/// in, and is not read again where that pays.
#[must_use]
pub fn entry_checksum(batches: &[StoredBatch]) -> u32 {
    let Some((first, rest)) = batches.split_first() else {
        return crc32c_of([]);
    };
    if batches
        .iter()
        .any(|batch| batch.bytes().len() < JOIN_FROM_BYTES)
    {
        return crc32c_of(batches.iter().map(|batch| batch.bytes().as_ref()));
    }
    rest.iter().fold(batch_checksum(first), |all, batch| {
        join(all, batch_checksum(batch), batch.bytes().len())
    })
}

fn batch_checksum(batch: &StoredBatch) -> u32 {
    let (head, covered) = batch.bytes().split_at(CHECKSUM_FROM);
    join(crc32c(head), batch.header().crc, covered.len())
}

impl<D: Disk> PartitionLog<D> {
    /// Puts an entry behind the last one, without copying a byte of it. It is not on stable storage
    /// then: the journal is. Its bytes may stay in memory for a while (`write_behind_bytes`).
    ///
    /// # Errors
    /// The disk is full or failed; the log is as it was, and the next append overwrites what was
    /// written in part.
    ///
    /// # Panics
    /// If the entry does not follow the log in index and offsets: the caller's order is broken.
    pub fn append(&mut self, entry: &LogEntry<'_>, now: Now) -> Result<Appended, AppendError> {
        self.append_with(entry, WriteWhen::Later, now)
    }

    /// As [`Self::append`], and its bytes are in their file: for an entry too large to travel in the journal.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_to_file(
        &mut self,
        entry: &LogEntry<'_>,
        now: Now,
    ) -> Result<Appended, AppendError> {
        self.append_with(entry, WriteWhen::Now, now)
    }

    fn append_with(
        &mut self,
        entry: &LogEntry<'_>,
        when: WriteWhen,
        now: Now,
    ) -> Result<Appended, AppendError> {
        assert!(
            !self.recovering,
            "recovery ends before anything is appended"
        );
        self.check_order(entry);
        let length = bytes_of(entry.batches);
        let (first, last) = span(entry.batches);
        self.roll_for(entry, length, now)?;
        let position = self.active(now.wall)?.bytes;
        let markers = markers(entry.batches)?;
        self.take_batches(entry.batches, length, when)?;
        let checksum = entry_checksum(entry.batches);
        self.note_entry(entry, (position, length, checksum), &markers);
        Ok(Appended {
            first,
            last,
            bytes: length,
            checksum,
        })
    }

    /// Notes an entry that takes no offset: a leader's first one, or a change of members, whose
    /// payload is kept for followers. Touches no disk.
    ///
    /// # Panics
    /// If the entry does not follow the last one.
    pub fn append_internal(&mut self, index: LogIndex, term: Term, payload: Bytes) {
        assert_eq!(
            index,
            self.last.index.next(),
            "entries follow each other by index"
        );
        let position = self.segments.last().map_or(0, |active| active.bytes);
        let record = EntryRecord {
            index,
            term,
            base_offset: self.next_offset,
            offsets: 0,
            position: u32::try_from(position).expect("a segment is below 2 GiB"),
            length: 0,
            checksum: 0,
        };
        self.newest_entries_mut().push(record);
        if !payload.is_empty() {
            self.internal.insert(index, payload);
        }
        self.last = EntryId { index, term };
        self.changed = true;
    }

    fn check_order(&self, entry: &LogEntry<'_>) {
        assert_eq!(
            entry.index,
            self.last.index.next(),
            "entries follow each other by index"
        );
        assert!(entry.term >= self.last.term, "terms never fall");
        assert!(!entry.batches.is_empty(), "an entry has a batch");
        let mut next = self.next_offset;
        for batch in entry.batches {
            assert_eq!(
                batch.header().first_offset(),
                next,
                "batches follow each other by offset"
            );
            next = batch.header().next_offset();
        }
    }

    /// Bookkeeping of an entry whose bytes are in the active segment.
    pub(super) fn note_entry(
        &mut self,
        entry: &LogEntry<'_>,
        (position, length, checksum): (u64, u64, u32),
        markers: &[Option<Marker>],
    ) {
        let base_offset = self.next_offset;
        let active = self.segments.last_mut().expect("an append has a segment");
        for (at, batch) in entry.batches.iter().enumerate() {
            let header = batch.header();
            active.note_batch(header, &self.config);
            if let Some(epoch) = LeaderEpoch::from_wire(header.leader_epoch) {
                self.epochs.assign(epoch, header.first_offset());
            }
            let marker = markers.get(at).copied().flatten();
            if !self.producers_follow {
                continue;
            }
            if let Some(completed) = self.producers.append(header, marker)
                && let Some(aborted) = completed.aborted()
            {
                active.aborted.push(aborted);
            }
        }
        self.next_offset = active.next_offset;
        let offsets = self.next_offset - base_offset;
        active.entries.push(EntryRecord {
            index: entry.index,
            term: entry.term,
            base_offset,
            offsets: u32::try_from(offsets).expect("an entry has fewer than 2^32 records"),
            position: u32::try_from(position).expect("a segment is below 2 GiB"),
            length: u32::try_from(length).expect("an entry is below 2 GiB"),
            checksum,
        });
        self.last = EntryId {
            index: entry.index,
            term: entry.term,
        };
        self.changed = true;
        self.note_file_end();
    }
}

/// First and last offset of an entry's batches.
pub(super) fn span(batches: &[StoredBatch]) -> (Offset, Offset) {
    let first = batches.first().expect("an entry has a batch");
    let last = batches.last().expect("an entry has a batch");
    (first.header().first_offset(), last.header().last_offset())
}

/// Highest timestamp of the first batch, which `segment.ms` looks at.
pub(super) fn first_timestamp(batches: &[StoredBatch]) -> Timestamp {
    batches
        .first()
        .map_or(Timestamp::NONE, |batch| batch.header().max_timestamp)
}

/// What the control batches of an entry say; empty if it has none.
pub(super) fn markers(batches: &[StoredBatch]) -> Result<Vec<Option<Marker>>, AppendError> {
    let has_control = batches
        .iter()
        .any(|batch| batch.header().attributes.is_control());
    if !has_control {
        return Ok(Vec::new());
    }
    let markers: Result<Vec<_>, _> = batches.iter().map(Marker::of).collect();
    Ok(markers?)
}

/// Bytes of an entry's batches.
pub(super) fn bytes_of(batches: &[StoredBatch]) -> u64 {
    let bytes: usize = batches.iter().map(|batch| batch.bytes().len()).sum();
    u64::try_from(bytes).expect("a length fits 64 bits")
}
