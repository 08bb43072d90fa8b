//! Bringing back what the journal has after the checkpoint.

use std::io;

use bytes::Bytes;
use thalweg_model::batch::StoredBatch;
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Now, Offset, Term};

use super::append::{bytes_of, markers, span};
use super::roll::Existing;
use super::{AppendError, LogEntry, OpenError, PartitionLog, RecoverError};
use crate::checksum::crc32c;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::index::is_absent;
use crate::segment::FileKind;

/// What the journal's table says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveredEntry {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// First offset of its batches; `None` if it takes no offset.
    pub base_offset: Option<Offset>,
    /// Bytes of its payload.
    pub length: u32,
    /// CRC-32C of its payload.
    pub checksum: u32,
}

/// What was found of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// The checkpoint has it already.
    Known,
    /// The segment had its bytes.
    Intact,
    /// The segment did not, and got them from the journal.
    Repaired,
    /// It has no bytes in a segment.
    Noted,
    /// A later truncation, which the journal has too, makes an end of it; nothing was done.
    Stale,
}

impl<D: Disk> PartitionLog<D> {
    /// Brings back one entry: the segment's bytes are used where they are the journal's, else
    /// written anew. An entry of a higher term than one of the same index replaces it and all after
    /// it. Entries that [`LaterLines`](super::LaterLines) tells to be replaced must not be brought back.
    ///
    /// One that does not follow the log is passed over: the log is from a checkpoint after a
    /// truncation that the journal still has to tell of. So whether all that is committed came
    /// back has to be asked of the log at the end.
    ///
    /// # Errors
    /// The journal's payload is damaged, or the disk failed.
    ///
    /// # Panics
    /// After [`Self::finish_recovery`].
    pub fn recover_append(
        &mut self,
        entry: &RecoveredEntry,
        now: Now,
        fetch_payload: impl FnOnce() -> io::Result<Bytes>,
    ) -> Result<Recovered, RecoverError> {
        assert!(
            self.recovering,
            "entries come back between open and finish_recovery"
        );
        let (index, term) = (entry.index, entry.term);
        self.follow_producers();
        if index <= self.last.index {
            match self.known_term(index)? {
                Some(known) if known < term => self.truncate_to(LogIndex(index.0 - 1))?,
                Some(known) if known > term => return Ok(Recovered::Stale),
                Some(_) | None => return Ok(Recovered::Known),
            }
        }
        let follows = index == self.last.index.next() && term >= self.last.term;
        if !follows
            || entry
                .base_offset
                .is_some_and(|base| base != self.next_offset)
        {
            return Ok(Recovered::Stale);
        }
        let fetch = || -> Result<Bytes, RecoverError> {
            let payload = fetch_payload()?;
            if payload.len() == length_of(entry) && crc32c(&payload) == entry.checksum {
                Ok(payload)
            } else {
                Err(RecoverError::Payload { index })
            }
        };
        if entry.base_offset.is_none() {
            let payload = if entry.length == 0 {
                Bytes::new()
            } else {
                fetch()?
            };
            self.append_internal(index, term, payload);
            return Ok(Recovered::Noted);
        }
        if let Some(payload) = self.find_bytes(entry, now)? {
            self.note_recovered(entry, &split(index, payload)?)?;
            return Ok(Recovered::Intact);
        }
        let batches = split(index, fetch()?)?;
        self.rewrite(entry, &batches, now)?;
        Ok(Recovered::Repaired)
    }

    /// Cuts the log as it was cut before the crash, unless a later line cuts it further below.
    ///
    /// # Errors
    /// The disk failed.
    ///
    /// # Panics
    /// After [`Self::finish_recovery`].
    pub fn recover_truncate(&mut self, index: LogIndex) -> Result<(), OpenError> {
        assert!(
            self.recovering,
            "the journal is brought back before recovery ends"
        );
        if index < self.before.index {
            return Ok(()); // What was cut off there was replaced, committed and removed since.
        }
        if defect::is_on(Defect::TruncationTooDeep) && index > self.before.index {
            return self.truncate_to(LogIndex(index.0 - 1));
        }
        self.truncate_to(index)
    }

    /// Term of an entry; `None` if its record was removed or is damaged: reading will tell.
    fn known_term(&self, index: LogIndex) -> io::Result<Option<Term>> {
        match self.term_at(index) {
            Err(error) if is_absent(&error) => Ok(None),
            other => other,
        }
    }

    /// The entry's bytes, if they are where the log ends or in a segment that was begun with it.
    fn find_bytes(&mut self, entry: &RecoveredEntry, now: Now) -> io::Result<Option<Bytes>> {
        if let Some(active) = self.segments.last()
            && let Some(bytes) = self.bytes_at(active.base, active.bytes, entry)?
        {
            return Ok(Some(bytes));
        }
        // The log may have gone on in another segment, for reasons that are not known any more.
        let base = self.next_offset;
        let is_active = self.segments.last().is_some_and(|s| s.base == base);
        if is_active || !self.has_log_file(base)? {
            return Ok(None);
        }
        self.begin_segment(Existing::Keep, now.wall)?;
        self.bytes_at(base, 0, entry)
    }

    fn has_log_file(&self, base: Offset) -> io::Result<bool> {
        let path = self.home.path(base, FileKind::Log);
        match self.home.disk().open(&path, OpenMode::Read) {
            Ok(_file) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn bytes_at(
        &self,
        base: Offset,
        position: u64,
        entry: &RecoveredEntry,
    ) -> io::Result<Option<Bytes>> {
        let mut bytes = vec![0; length_of(entry)];
        let read = self
            .home
            .file(base, FileKind::Log)
            .and_then(|file| file.read_exact_at(&mut bytes, position));
        match read {
            Ok(()) if crc32c(&bytes) == entry.checksum => Ok(Some(bytes.into())),
            Ok(()) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note_recovered(
        &mut self,
        entry: &RecoveredEntry,
        batches: &[StoredBatch],
    ) -> Result<(), AppendError> {
        let position = self.segments.last().map_or(0, |active| active.bytes);
        let place = (position, bytes_of(batches), entry.checksum);
        let markers = markers(batches)?;
        let entry = LogEntry {
            index: entry.index,
            term: entry.term,
            batches,
        };
        self.note_entry(&entry, place, &markers);
        Ok(())
    }

    fn rewrite(
        &mut self,
        entry: &RecoveredEntry,
        batches: &[StoredBatch],
        now: Now,
    ) -> Result<(), RecoverError> {
        let (_, last) = span(batches);
        let length = bytes_of(batches);
        let is_full = self
            .segments
            .last()
            .is_none_or(|active| active.is_full_for(length, last - active.base, &self.config));
        if is_full {
            self.begin_segment(Existing::Cut, now.wall)?;
        }
        let active = self.segments.last_mut().expect("a segment was begun");
        active.overlong = true;
        let file = self.home.file_to_write(active.base, FileKind::Log)?;
        let mut position = active.bytes;
        for batch in batches {
            file.write_all_at(batch.bytes(), position)?;
            position += u64::try_from(batch.bytes().len()).expect("a length fits 64 bits");
        }
        self.note_recovered(entry, batches)?;
        Ok(())
    }
}

fn length_of(entry: &RecoveredEntry) -> usize {
    usize::try_from(entry.length).expect("a 32-bit length fits")
}

fn split(index: LogIndex, mut payload: Bytes) -> Result<Vec<StoredBatch>, RecoverError> {
    let mut batches = Vec::new();
    while !payload.is_empty() {
        let batch = StoredBatch::split_first(&mut payload)
            .map_err(|cause| RecoverError::Batch { index, cause })?;
        batches.push(batch);
    }
    if batches.is_empty() {
        return Err(RecoverError::Payload { index });
    }
    Ok(batches)
}
