//! The log itself and what can be asked without touching the disk.

use std::collections::BTreeMap;

use bytes::Bytes;
use thalweg_model::{LeaderEpoch, LogIndex, Offset, Timestamp};

use super::behind::WriteBehind;
use super::{Doomed, EntryId, ProducerBase};
use crate::config::LogConfig;
use crate::disk::Disk;
use crate::epochs::{EpochEnd, LeaderEpochs};
use crate::home::LogHome;
use crate::index::{EntryFile, EntryRecord};
use crate::producers::ProducerStates;
use crate::segment::Segment;

/// The log of one partition.
///
/// Invariants: segments follow each other without a gap in indexes or offsets; the last one takes
/// appends; the entry after `last` gets the index after its, and the next record `next_offset`.
#[derive(Debug)]
pub struct PartitionLog<D: Disk> {
    pub(super) home: LogHome<D>,
    pub(super) config: LogConfig,
    pub(super) log_start: Offset,
    pub(super) next_offset: Offset,
    pub(super) before: EntryId,
    pub(super) last: EntryId,
    pub(super) segments: Vec<Segment>,
    /// The end of the active segment, as far as it is not in its file. What touches the file's end
    /// or hands the file out writes it first.
    pub(super) behind: WriteBehind,
    /// Records of entries while there is no segment; the first one takes them over.
    pub(super) unplaced: EntryFile<EntryRecord>,
    pub(super) internal: BTreeMap<LogIndex, Bytes>,
    pub(super) epochs: LeaderEpochs,
    pub(super) producers: ProducerStates,
    pub(super) producer_base: ProducerBase,
    pub(super) doomed: Vec<Doomed>,
    /// Snapshots that were written since the last checkpoint.
    pub(super) unsynced_snapshots: Vec<Offset>,
    pub(super) names: Names,
    /// Names that a checkpoint took, which is not in the manifest yet: who needs them sooner syncs them as well.
    pub(super) names_of_checkpoint: Names,
    /// Names that the journal's blocks took: nothing says whether one was written when a checkpoint is.
    pub(super) names_of_blocks: Names,
    /// Something changed that no checkpoint has.
    pub(super) changed: bool,
    /// The journal is being brought back.
    pub(super) recovering: bool,
    /// The producers are those of the log's end. Else [`Self::finish_recovery`] derives them.
    pub(super) producers_follow: bool,
}

/// Which names are on stable storage; later ones more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Names {
    /// The directory was not made.
    NoDirectory,
    /// The directory was made and its own name is not synced.
    NewDirectory,
    /// Files in it were made or removed and their names are not synced.
    NewFiles,
    /// All.
    Synced,
}

/// One segment, for those who describe logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its first offset.
    pub base: Offset,
    /// Offset after its last record.
    pub next_offset: Offset,
    /// Bytes of batches.
    pub bytes: u64,
    /// Its highest timestamp; -1 if it has none.
    pub max_timestamp: Timestamp,
}

impl<D: Disk> PartitionLog<D> {
    /// The first offset that may be read.
    #[must_use]
    pub fn log_start(&self) -> Offset {
        self.log_start
    }

    /// Offset after the last record.
    #[must_use]
    pub fn log_end(&self) -> Offset {
        self.next_offset
    }

    /// The last entry.
    #[must_use]
    pub fn last_entry(&self) -> EntryId {
        self.last
    }

    /// The entry before the first one whose bytes are left.
    #[must_use]
    pub fn before_first_entry(&self) -> EntryId {
        self.before
    }

    /// Index of the first entry whose bytes are left.
    #[must_use]
    pub fn first_index(&self) -> LogIndex {
        self.before.index.next()
    }

    /// Bytes of all batches.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The segments in order.
    pub fn segments(&self) -> impl Iterator<Item = SegmentInfo> {
        self.segments.iter().map(|segment| SegmentInfo {
            base: segment.base,
            next_offset: segment.next_offset,
            bytes: segment.bytes,
            max_timestamp: segment.youngest.timestamp,
        })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Changes the settings; they hold from the next append on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Where the files are.
    #[must_use]
    pub fn home(&self) -> &LogHome<D> {
        &self.home
    }

    /// Producers and transactions.
    #[must_use]
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// Producers and transactions, to note what was assigned or committed.
    pub fn producers_mut(&mut self) -> &mut ProducerStates {
        &mut self.producers
    }

    /// The leader epochs.
    #[must_use]
    pub fn epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    /// Notes that a leader took over at the log's end, before it appended anything.
    pub fn begin_epoch(&mut self, epoch: LeaderEpoch) {
        self.changed |= self.epochs.assign(epoch, self.next_offset);
    }

    /// Where `epoch` ends; `None` if it is above all that are known.
    #[must_use]
    pub fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.epochs.end_of(epoch, self.next_offset)
    }

    /// Whether something changed that no checkpoint has.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// The segment that holds the first record at `offset` or after it.
    pub(super) fn segment_of(&self, offset: Offset) -> Option<usize> {
        let at = self
            .segments
            .partition_point(|segment| segment.next_offset <= offset);
        (at < self.segments.len()).then_some(at)
    }

    /// Where the records of the newest entries are kept.
    pub(super) fn newest_entries(&self) -> &EntryFile<EntryRecord> {
        match self.segments.last() {
            Some(active) => &active.entries,
            None => &self.unplaced,
        }
    }

    pub(super) fn newest_entries_mut(&mut self) -> &mut EntryFile<EntryRecord> {
        match self.segments.last_mut() {
            Some(active) => &mut active.entries,
            None => &mut self.unplaced,
        }
    }

    pub(super) fn names_changed(&mut self) {
        if self.names == Names::Synced {
            self.names = Names::NewFiles;
        }
    }
}
