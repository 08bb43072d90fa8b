//! The log seen as entries by index: what replication asks for.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use thalweg_model::{LogIndex, Offset, Term};

use super::error::is_full;
use super::{PartitionLog, ReadError};
use crate::checksum::crc32c;
use crate::disk::{Disk, DiskFile};
use crate::index::{EntryRecord, FixedEntry};
use crate::segment::FileKind;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryMeta {
    /// Base offset of the segment that holds its bytes; `None` while there is no segment.
    pub segment: Option<Offset>,
    /// The rest.
    pub record: EntryRecord,
}

/// An entry read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// First offset of its batches; `None` if it takes no offset.
    pub base_offset: Option<Offset>,
    /// Its batches, or the payload that was noted with it.
    pub payload: Bytes,
}

impl<D: Disk> PartitionLog<D> {
    /// Where entry `index` is; `None` if it was removed or not appended.
    ///
    /// # Errors
    /// The sidecar cannot be read.
    pub fn entry_at(&self, index: LogIndex) -> io::Result<Option<EntryMeta>> {
        if index <= self.before.index || index > self.last.index {
            return Ok(None);
        }
        let record = self.records(index, index.next())?.pop();
        let record = record.filter(|record| record.index == index);
        let record = record.ok_or_else(|| wrong_record(index))?;
        let segment = self
            .segment_of_entry(index)
            .map(|at| self.segments[at].base);
        Ok(Some(EntryMeta { segment, record }))
    }

    /// CRC-32C of the batches of entry `index` of `term`; `None` if it has none or is not one of the newest,
    /// whose records are in memory.
    #[must_use]
    pub fn checksum_of_newest(&self, index: LogIndex, term: Term) -> Option<u32> {
        let newest = self.newest_entries().recent();
        let first = newest.first()?.index;
        let at = usize::try_from(index.0.checked_sub(first.0)?).ok()?;
        let record = newest.get(at)?;
        let is_it = (record.index, record.term) == (index, term) && record.offsets > 0;
        is_it.then_some(record.checksum)
    }

    /// Term of entry `index`, the one before the first included.
    ///
    /// # Errors
    /// The sidecar cannot be read.
    pub fn term_at(&self, index: LogIndex) -> io::Result<Option<Term>> {
        if index == self.before.index {
            return Ok(Some(self.before.term));
        }
        if index == self.last.index {
            return Ok(Some(self.last.term));
        }
        Ok(self.entry_at(index)?.map(|meta| meta.record.term))
    }

    /// The entries from `low` up to but not including `high`, at most `bytes_max` bytes of them, but
    /// at least one. Each one's checksum is verified.
    ///
    /// # Errors
    /// The first entry is gone or not there yet; an entry is damaged, or the disk failed, before
    /// one was read.
    pub fn entries(
        &mut self,
        low: LogIndex,
        high: LogIndex,
        bytes_max: u64,
    ) -> Result<Vec<StoredEntry>, ReadError> {
        self.check_entry_range(low, high)?;
        match self.write_out() {
            // What the disk does not take is still in memory.
            Err(error) if !is_full(&error) => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let mut entries = Vec::new();
        let (mut next, mut bytes) = (low, 0);
        while next < high {
            // Records are read some at a time: how many are needed is not known before.
            let until = LogIndex(high.0.min(next.0 + RECORDS_AT_A_TIME));
            let records = self.records(next, until)?;
            if records.is_empty() {
                return Err(wrong_record(next).into());
            }
            for record in records {
                if record.index != next {
                    return Err(wrong_record(next).into());
                }
                bytes += u64::from(record.length);
                if bytes > bytes_max && !entries.is_empty() {
                    return Ok(entries);
                }
                entries.push(self.read_entry(&record)?);
                next = next.next();
            }
        }
        Ok(entries)
    }

    /// The entries after `index` that take no offset and carry something, with what they carry.
    pub fn internal_after(&self, index: LogIndex) -> impl Iterator<Item = (LogIndex, &Bytes)> {
        let after = self.internal.range(index.next()..);
        after.map(|(&index, payload)| (index, payload))
    }

    fn check_entry_range(&self, low: LogIndex, high: LogIndex) -> Result<(), ReadError> {
        if low <= self.before.index {
            return Err(ReadError::Compacted {
                index: low,
                first: self.first_index(),
            });
        }
        if high.0 > self.last.index.0 + 1 {
            return Err(ReadError::Unavailable {
                index: high,
                last: self.last.index,
            });
        }
        Ok(())
    }

    fn read_entry(&self, record: &EntryRecord) -> Result<StoredEntry, ReadError> {
        let (index, term) = (record.index, record.term);
        if record.offsets == 0 {
            return Ok(StoredEntry {
                index,
                term,
                base_offset: None,
                payload: self.internal.get(&index).cloned().unwrap_or_default(),
            });
        }
        let at = self
            .segment_of_entry(index)
            .ok_or_else(|| wrong_record(index))?;
        let payload = if at + 1 == self.segments.len() && record.end() > self.file_end() {
            self.active_range(record.position.into(), record.end())?
        } else {
            let length = usize::try_from(record.length).expect("a 32-bit length fits");
            let mut payload = vec![0; length];
            let file = self.home.file(self.segments[at].base, FileKind::Log)?;
            file.read_exact_at(&mut payload, record.position.into())?;
            payload.into()
        };
        if crc32c(&payload) != record.checksum {
            return Err(ReadError::Damaged { index });
        }
        Ok(StoredEntry {
            index,
            term,
            base_offset: Some(record.base_offset),
            payload,
        })
    }

    /// The segment whose sidecar has entry `index`.
    pub(super) fn segment_of_entry(&self, index: LogIndex) -> Option<usize> {
        self.segments
            .partition_point(|segment| segment.first_index <= index)
            .checked_sub(1)
    }

    /// Records from `low` up to `high` that are in one place; the first one at least.
    fn records(&self, low: LogIndex, high: LogIndex) -> io::Result<Vec<EntryRecord>> {
        let (entries, first, base) = match self.segment_of_entry(low) {
            Some(at) => {
                let segment = &self.segments[at];
                (&segment.entries, segment.first_index, segment.base)
            }
            None => (&self.unplaced, self.first_index(), Offset::ZERO),
        };
        let relative = |index: LogIndex| u32::try_from(index.0.saturating_sub(first.0));
        let (Ok(from), Ok(to)) = (relative(low), relative(high)) else {
            return Err(wrong_record(low));
        };
        let read = entries.range(from, to, &|| self.home.file(base, FileKind::Entries));
        read.map_err(|error| {
            let is_damage = [ErrorKind::UnexpectedEof, ErrorKind::InvalidData];
            if !is_damage.contains(&error.kind()) {
                return error;
            }
            let path = self.home.path(base, FileKind::Entries);
            let position = u64::from(from) * u64::from(EntryRecord::BYTES);
            let what = format!("{} is damaged at {position}: {error}", path.display());
            io::Error::new(error.kind(), what)
        })
    }
}

/// Records read at a time when entries are: 256 x 44 bytes = 11 KiB.
const RECORDS_AT_A_TIME: u64 = 256;

fn wrong_record(index: LogIndex) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("the sidecar has no record of entry {index} in its place"),
    )
}
