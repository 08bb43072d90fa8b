//! Closing the active segment and beginning another.

use std::io;
use std::path::Path;

use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Now, Offset, Timestamp, Uuid};

use super::append::{first_timestamp, span};
use super::log::Names;
use super::{AppendError, Doomed, LogEntry, PartitionLog, ProducerBase};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::segment::{FileKind, Segment, Snapshot};

const METADATA_FILE: &str = "partition.metadata";
const EPOCHS_FILE: &str = "leader-epoch-checkpoint";

/// What a new segment does with a file that already has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// Its bytes mean nothing.
    Cut,
    /// Its bytes may be those of entries that the journal is about to bring back.
    Keep,
}

impl<D: Disk> PartitionLog<D> {
    /// Closes the active segment, if the entry no longer belongs in it.
    pub(super) fn roll_for(
        &mut self,
        entry: &LogEntry<'_>,
        length: u64,
        now: Now,
    ) -> Result<(), AppendError> {
        let Some(active) = self.segments.last() else {
            return Ok(());
        };
        let (first, last) = span(entry.batches);
        let timestamp = first_timestamp(entry.batches);
        if active.is_full_for(length, last - active.base, &self.config)
            || active.is_old_for(timestamp, now.wall, &self.config)
        {
            debug_assert_eq!(first, self.next_offset, "an entry begins at the log's end");
            self.begin_segment(Existing::Cut, now.wall)?;
        }
        Ok(())
    }

    /// Closes the active segment, if it holds anything; the next append begins another.
    ///
    /// # Errors
    /// The disk is full or failed; the log is as it was.
    pub fn force_roll(&mut self, now: Now) -> Result<(), AppendError> {
        match self.segments.last() {
            Some(active) if active.bytes > 0 => self.begin_segment(Existing::Cut, now.wall)?,
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The segment to append to, made if there is none; what lies behind its end is cut off once.
    pub(super) fn active(&mut self, now: Timestamp) -> io::Result<&Segment> {
        match self.segments.last_mut() {
            Some(active) => active.trim(&self.home)?,
            None => self.begin_segment(Existing::Cut, now)?,
        }
        Ok(self.segments.last().expect("a segment was begun"))
    }

    /// Begins a segment at the log's end and seals the one before.
    pub(super) fn begin_segment(&mut self, existing: Existing, now: Timestamp) -> io::Result<()> {
        let base = self.next_offset;
        if defect::is_on(Defect::RollLosesWriteBehind) {
            self.behind.clear();
        }
        self.write_out()?;
        self.make_directory()?;
        let first_index = match self.segments.last_mut() {
            Some(active) => {
                active.seal(&self.home)?;
                self.last.index.next()
            }
            None => self.before.index.next(),
        };
        let file = self.home.file_to_write(base, FileKind::Log)?;
        if existing == Existing::Cut {
            file.set_len(0)?;
        }
        let mut segment = Segment::begin(base, first_index, now);
        segment.overlong = true; // Its other files may be there from an earlier life.
        segment.unsynced = true;
        if existing == Existing::Cut {
            segment.trim(&self.home)?;
        }
        if self.producers_follow {
            segment.snapshot = self.snapshot_at(base)?;
        }
        self.write_epochs()?;
        if self.segments.is_empty() {
            segment.entries = std::mem::take(&mut self.unplaced);
        }
        self.doomed
            .retain(|&doomed| doomed != Doomed::Segment(base) && doomed != Doomed::Snapshot(base));
        self.segments.push(segment);
        self.names_changed();
        self.changed = true;
        Ok(())
    }

    /// Kafka's snapshot beside every segment: of what the states are now.
    pub(super) fn snapshot_at(&mut self, base: Offset) -> io::Result<Snapshot> {
        if self.producers.is_empty() {
            return Ok(Snapshot::Empty);
        }
        self.write_snapshot(base)?;
        self.rebase_producers(ProducerBase {
            at: base,
            inline: None,
        });
        Ok(Snapshot::File)
    }

    /// Writes the producers to the file named for `at`.
    pub(super) fn write_snapshot(&mut self, at: Offset) -> io::Result<()> {
        let bytes = self.producers.to_snapshot();
        let file = self.home.file_to_write(at, FileKind::Snapshot)?;
        file.set_len(0)?;
        file.write_all_at(&bytes, 0)?;
        self.unsynced_snapshots.push(at);
        self.names_changed();
        Ok(())
    }

    /// Takes another base for the producers; a snapshot that no segment needs is doomed.
    pub(super) fn rebase_producers(&mut self, base: ProducerBase) {
        let old = std::mem::replace(&mut self.producer_base, base);
        let is_needed =
            |segment: &Segment| segment.base == old.at && segment.snapshot == Snapshot::File;
        if old.inline.is_none()
            && old.at != self.producer_base.at
            && !self.segments.iter().any(is_needed)
        {
            self.doomed.push(Doomed::Snapshot(old.at));
        }
    }

    fn make_directory(&mut self) -> io::Result<()> {
        if self.names != Names::NoDirectory {
            return Ok(());
        }
        let disk = self.home.disk();
        disk.create_dir_all(self.home.dir())?;
        write_metadata(disk, self.home.dir(), self.home.topic())?;
        self.names = Names::NewDirectory;
        Ok(())
    }

    /// Kafka's file of leader epochs: for its tools; the manifest is what counts here.
    pub(super) fn write_epochs(&self) -> io::Result<()> {
        let path = self.home.dir().join(EPOCHS_FILE);
        write_small(self.home.disk(), &path, self.epochs.to_text().as_bytes())
    }

    /// Index of the first entry in the segment at `at`.
    pub(super) fn first_index_of(&self, at: usize) -> LogIndex {
        match self.segments.get(at) {
            Some(segment) => segment.first_index,
            None => self.last.index.next(),
        }
    }
}

/// Kafka's file that says which topic the directory is of.
pub(crate) fn write_metadata<D: Disk>(disk: &D, dir: &Path, topic: Uuid) -> io::Result<()> {
    let text = format!("version: 0\ntopic_id: {topic}\n");
    write_small(disk, &dir.join(METADATA_FILE), text.as_bytes())
}

fn write_small<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(path, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)
}
