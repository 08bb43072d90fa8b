//! What has to be synced before the journal space behind a log's entries is free, and what the
//! manifest remembers then.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use thalweg_model::Now;

use super::log::Names;
use super::{AppendError, Doomed, LogState, PartitionLog, ProducerBase};
use crate::disk::Disk;
use crate::limits::{
    INLINE_PRODUCERS_MAX, SNAPSHOT_INTERVAL_BYTES, UNSAVED_ENTRIES_MAX, UNSAVED_INDEX_ENTRIES_MAX,
};
use crate::segment::{FileKind, Segment};

/// The state of a log and what makes it true. It may be committed to the manifest only after every
/// file and then every directory was synced without an error. It holds descriptors: take few at a
/// time.
#[derive(Debug)]
pub struct Checkpoint<D: Disk> {
    /// Files to sync.
    pub files: Vec<D::File>,
    /// Directories to sync after them.
    pub dirs: Vec<PathBuf>,
    /// What to remember.
    pub state: LogState,
}

/// How much is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// As little as possible: what is in memory travels in the state.
    Usual,
    /// Everything, so that nothing has to be walked at the next start.
    Complete,
}

impl<D: Disk> PartitionLog<D> {
    /// The log as it is now. Writes little and syncs nothing.
    ///
    /// # Errors
    /// The disk is full or failed. The log can still be used; the journal must keep what it has.
    pub fn checkpoint(&mut self) -> Result<Checkpoint<D>, AppendError> {
        Ok(self.checkpoint_to(Depth::Usual)?)
    }

    /// The log for a clean end: all indexes and producers are written down.
    ///
    /// # Errors
    /// As [`Self::checkpoint`].
    pub fn close(mut self, _now: Now) -> Result<Checkpoint<D>, AppendError> {
        let checkpoint = self.checkpoint_to(Depth::Complete)?;
        self.home.forget_all();
        Ok(checkpoint)
    }

    /// What makes the bytes of the last append durable without the journal: its segment's file, then
    /// the directories. For entries too large to travel in the journal.
    ///
    /// # Errors
    /// The file cannot be opened.
    ///
    /// # Panics
    /// If nothing was ever appended.
    pub fn sync_of_last_append(&mut self) -> io::Result<(D::File, Vec<PathBuf>)> {
        self.write_out()?;
        let active = self.segments.last().expect("something was appended");
        let file = self.home.file(active.base, FileKind::Log)?;
        // A checkpoint under way may come to its syncs when the block is long acknowledged.
        let taken = self.take_names().min(self.names_of_checkpoint);
        self.names_of_blocks = self.names_of_blocks.min(taken);
        Ok((file, self.dirs_of(taken)))
    }

    /// Tells that `state` is in the manifest; returns files that can be removed now, on a thread
    /// where that may take its time. That one is not there any more is no failure.
    pub fn checkpointed(&mut self, state: &LogState) -> Vec<PathBuf> {
        self.names_of_checkpoint = Names::Synced;
        let mut paths = Vec::new();
        for &doomed in &state.doomed {
            let Some(at) = self.doomed.iter().position(|&other| other == doomed) else {
                continue; // The name is in use again.
            };
            self.doomed.swap_remove(at);
            self.names_changed();
            match doomed {
                Doomed::Segment(base) => {
                    for kind in FileKind::OF_SEGMENT {
                        self.home.forget(base, kind);
                        paths.push(self.home.path(base, kind));
                    }
                }
                Doomed::Snapshot(at) => paths.push(self.home.path(at, FileKind::Snapshot)),
            }
        }
        paths
    }

    fn checkpoint_to(&mut self, depth: Depth) -> io::Result<Checkpoint<D>> {
        assert!(
            !self.recovering,
            "recovery ends before a checkpoint is taken"
        );
        self.try_checkpoint(depth).inspect_err(|_failed| {
            // What was taken for a sync was not handed out.
            self.names = self.names.min(Names::NewFiles);
            for segment in &mut self.segments {
                segment.mark_unsynced();
            }
        })
    }

    fn try_checkpoint(&mut self, depth: Depth) -> io::Result<Checkpoint<D>> {
        self.write_out()?;
        self.save_producers(depth)?;
        let last = self.segments.len().saturating_sub(1);
        let mut files = Vec::new();
        let mut new_names = false;
        for (at, segment) in self.segments.iter_mut().enumerate() {
            if at == last {
                save(segment, &self.home, depth)?;
            }
            new_names |= std::mem::take(&mut segment.new_names);
            for kind in unsynced(segment) {
                files.push(self.home.file_to_sync(segment.base, kind)?);
            }
        }
        if new_names {
            self.names_changed();
        }
        for &at in &self.unsynced_snapshots {
            match self.home.file_to_sync(at, FileKind::Snapshot) {
                Ok(file) => files.push(file),
                // It was replaced and removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            self.home.forget(at, FileKind::Snapshot);
        }
        if depth == Depth::Complete && self.names != Names::NoDirectory {
            self.write_epochs()?;
        }
        self.unsynced_snapshots.clear();
        self.changed = false;
        let blocks = std::mem::replace(&mut self.names_of_blocks, Names::Synced);
        let taken = self.take_names().min(blocks);
        self.names_of_checkpoint = self.names_of_checkpoint.min(taken);
        Ok(Checkpoint {
            files,
            dirs: self.dirs_of(taken),
            state: self.state(),
        })
    }

    /// The names that nobody took yet; whoever takes them syncs them.
    fn take_names(&mut self) -> Names {
        if self.names == Names::NoDirectory {
            return Names::Synced; // There is none.
        }
        std::mem::replace(&mut self.names, Names::Synced)
    }

    /// What to sync for these names.
    fn dirs_of(&self, names: Names) -> Vec<PathBuf> {
        let dir = self.home.dir().to_path_buf();
        match names {
            Names::NoDirectory | Names::Synced => Vec::new(),
            Names::NewFiles => vec![dir],
            Names::NewDirectory => {
                let parent = dir.parent().map(PathBuf::from);
                [Some(dir), parent].into_iter().flatten().collect()
            }
        }
    }

    fn state(&self) -> LogState {
        LogState {
            log_start: self.log_start,
            next_offset: self.next_offset,
            before: self.before,
            last: self.last,
            segments: self.segments.iter().map(Segment::state).collect(),
            tail: self.newest_entries().recent().to_vec(),
            internal: self
                .internal
                .iter()
                .map(|(&index, payload)| (index, payload.clone()))
                .collect(),
            epochs: self.epochs.starts().to_vec(),
            producers: self.producer_base.clone(),
            doomed: self.doomed.clone(),
        }
    }

    /// Writes the producers down as of the log's end.
    pub(super) fn save_all_producers(&mut self) -> io::Result<()> {
        self.save_producers(Depth::Complete)
    }

    fn save_producers(&mut self, depth: Depth) -> io::Result<()> {
        let at = self.next_offset;
        if !self.producers.take_changed() && self.producer_base.at == at {
            return Ok(());
        }
        if self.producers.is_empty() {
            let inline = Some(Bytes::new());
            self.rebase_producers(ProducerBase { at, inline });
        } else if self.producers.len() <= INLINE_PRODUCERS_MAX {
            let inline = Some(Bytes::from(self.producers.to_snapshot()));
            self.rebase_producers(ProducerBase { at, inline });
        } else if depth == Depth::Complete
            || self.bytes_since_snapshot()? >= SNAPSHOT_INTERVAL_BYTES
        {
            self.write_snapshot(at)?;
            self.rebase_producers(ProducerBase { at, inline: None });
        }
        Ok(())
    }

    /// Bytes that would have to be walked for the producers at the next start.
    fn bytes_since_snapshot(&self) -> io::Result<u64> {
        let Some(at) = self.segment_of(self.producer_base.at) else {
            return Ok(0);
        };
        let from = self.segments[at].find(&self.home, self.producer_base.at)?;
        let later: u64 = self.segments[at + 1..].iter().map(|s| s.bytes).sum();
        Ok(self.segments[at].bytes - from.position + later)
    }
}

fn save<D: Disk>(
    active: &mut Segment,
    home: &crate::home::LogHome<D>,
    depth: Depth,
) -> io::Result<()> {
    if depth == Depth::Complete {
        return active.seal(home);
    }
    if active.entries.recent().len() > UNSAVED_ENTRIES_MAX {
        active.save_entries(home)?;
    }
    if active.offsets.recent().len() > UNSAVED_INDEX_ENTRIES_MAX {
        active.save_indexes(home)?;
    }
    active.save_aborted(home)
}

fn unsynced(segment: &mut Segment) -> Vec<FileKind> {
    let mut kinds = Vec::new();
    if std::mem::take(&mut segment.unsynced) {
        kinds.push(FileKind::Log);
    }
    if segment.entries.take_unsynced() {
        kinds.push(FileKind::Entries);
    }
    if segment.offsets.take_unsynced() {
        kinds.push(FileKind::Offsets);
    }
    if segment.times.take_unsynced() {
        kinds.push(FileKind::Times);
    }
    if segment.aborted.take_unsynced() {
        kinds.push(FileKind::Aborted);
    }
    kinds
}
