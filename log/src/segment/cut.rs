//! Writing, sealing and cutting the files of a segment.

use std::io;

use thalweg_model::{LogIndex, Offset, Timestamp};

use super::{FileKind, Scanned, Segment, Youngest};
use crate::disk::{Disk, DiskFile};
use crate::home::LogHome;
use crate::index::{EntryFile, FixedEntry};

/// Where a segment is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// The last entry that stays.
    pub(crate) index: LogIndex,
    /// Byte after it.
    pub(crate) position: u64,
    /// Offset after it.
    pub(crate) next_offset: Offset,
}

impl Segment {
    /// Writes the entry records that are only in memory.
    pub(crate) fn save_entries<D: Disk>(&mut self, home: &LogHome<D>) -> io::Result<()> {
        self.new_names |= save(&mut self.entries, home, self.base, FileKind::Entries)?;
        Ok(())
    }

    /// Writes the index entries that are only in memory.
    pub(crate) fn save_indexes<D: Disk>(&mut self, home: &LogHome<D>) -> io::Result<()> {
        self.new_names |= save(&mut self.offsets, home, self.base, FileKind::Offsets)?;
        let newest = self.times.recent().last().map(|entry| entry.timestamp);
        self.new_names |= save(&mut self.times, home, self.base, FileKind::Times)?;
        self.saved_time = newest.unwrap_or(self.saved_time);
        Ok(())
    }

    /// Writes the aborted transactions that are only in memory.
    pub(crate) fn save_aborted<D: Disk>(&mut self, home: &LogHome<D>) -> io::Result<()> {
        self.new_names |= save(&mut self.aborted, home, self.base, FileKind::Aborted)?;
        Ok(())
    }

    /// Completes the files: nothing will be appended for now.
    pub(crate) fn seal<D: Disk>(&mut self, home: &LogHome<D>) -> io::Result<()> {
        self.note_time();
        self.save_entries(home)?;
        self.save_indexes(home)?;
        self.save_aborted(home)?;
        self.trim(home)
    }

    /// Cuts what a failed write, a crash or an earlier life left behind the segment's end.
    pub(crate) fn trim<D: Disk>(&mut self, home: &LogHome<D>) -> io::Result<()> {
        if !self.overlong {
            return Ok(());
        }
        trim_file(home, self.base, FileKind::Log, self.bytes)?;
        let entries = EntryFile::<crate::index::EntryRecord>::bytes_of(self.entries.saved_count());
        trim_file(home, self.base, FileKind::Entries, entries)?;
        let offsets = EntryFile::<crate::index::OffsetEntry>::bytes_of(self.offsets.saved_count());
        trim_file(home, self.base, FileKind::Offsets, offsets)?;
        let times = EntryFile::<crate::index::TimeEntry>::bytes_of(self.times.saved_count());
        trim_file(home, self.base, FileKind::Times, times)?;
        let aborted = EntryFile::<crate::index::AbortedTxn>::bytes_of(self.aborted.saved_count());
        trim_file(home, self.base, FileKind::Aborted, aborted)?;
        self.overlong = false;
        Ok(())
    }

    /// Removes what lies behind `cut` from the segment; the files are trimmed later.
    pub(crate) fn cut<D: Disk>(&mut self, home: &LogHome<D>, cut: &Cut) -> io::Result<()> {
        let wanted = self.relative(cut.next_offset);
        let base = self.base;
        let kept = self
            .offsets
            .partition_point(&|| home.file(base, FileKind::Offsets), |entry| {
                entry.relative < wanted
            })?;
        self.offsets.truncate(kept);
        let times = || home.file(base, FileKind::Times);
        let kept = self
            .times
            .partition_point(&times, |entry| entry.relative < wanted)?;
        self.times.truncate(kept);
        let saved = self.times.saved_count();
        self.saved_time = match saved.checked_sub(1) {
            Some(last) => self.times.get(last, &times)?.timestamp,
            None => Timestamp::NONE,
        };
        let kept = self
            .aborted
            .partition_point(&|| home.file(base, FileKind::Aborted), |aborted| {
                aborted.last < cut.next_offset
            })?;
        self.aborted.truncate(kept);
        let entries = cut.index.0 + 1 - self.first_index.0;
        self.entries
            .truncate(u32::try_from(entries).expect("a segment has fewer than 2^32 entries"));
        self.bytes = cut.position;
        self.opened_bytes = self.opened_bytes.min(cut.position);
        self.next_offset = cut.next_offset;
        self.since_index = 0;
        self.unsynced = true;
        self.overlong = true;
        self.youngest_unknown = true;
        if self.bytes == 0 {
            self.first_timestamp = None;
        }
        Ok(())
    }

    /// Looks for the highest timestamp, if it is not known since the segment was cut.
    pub(crate) fn find_youngest<D: Disk>(&mut self, home: &LogHome<D>) -> io::Result<()> {
        if !self.youngest_unknown {
            return Ok(());
        }
        let mut youngest = Youngest {
            timestamp: Timestamp::NONE,
            offset: self.base,
        };
        let mut from = 0;
        if let Some(last) = self.times.count().checked_sub(1) {
            let times = || home.file(self.base, FileKind::Times);
            let entry = self.times.get(last, &times)?;
            youngest.timestamp = entry.timestamp;
            youngest.offset = self.absolute(entry.relative);
            from = self.find(home, youngest.offset)?.position;
        }
        if self.bytes > from {
            let mut scan = self.scan(home, from)?;
            while let Some(Scanned { header, .. }) = scan.next()? {
                youngest.see(header.max_timestamp, header.last_offset());
            }
        }
        self.youngest = youngest;
        self.youngest_unknown = false;
        Ok(())
    }

    /// Puts all files up for a sync, as far as they are there.
    pub(crate) fn mark_unsynced(&mut self) {
        self.unsynced = true;
        self.new_names = true;
        self.entries.mark_unsynced();
        self.offsets.mark_unsynced();
        self.times.mark_unsynced();
        self.aborted.mark_unsynced();
    }

    /// Removes all files of the segment.
    pub(crate) fn remove<D: Disk>(home: &LogHome<D>, base: Offset) -> io::Result<()> {
        for kind in FileKind::OF_SEGMENT {
            home.remove(base, kind)?;
        }
        Ok(())
    }
}

/// Writes what is only in memory; whether the file may have been made by that.
fn save<D: Disk, E: FixedEntry>(
    entries: &mut EntryFile<E>,
    home: &LogHome<D>,
    base: Offset,
    kind: FileKind,
) -> io::Result<bool> {
    if entries.recent().is_empty() {
        return Ok(false);
    }
    let is_new = entries.saved_count() == 0;
    entries.flush(&home.file_to_write(base, kind)?)?;
    Ok(is_new)
}

fn trim_file<D: Disk>(
    home: &LogHome<D>,
    base: Offset,
    kind: FileKind,
    bytes: u64,
) -> io::Result<()> {
    match home.file(base, kind) {
        Ok(file) if file.len()? > bytes => file.set_len(bytes),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
