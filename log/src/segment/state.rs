//! A segment as the manifest remembers it.

use thalweg_model::{LogIndex, Offset, Timestamp};

use super::{FileKind, Segment, Snapshot, Verified, Youngest};
use crate::index::{AbortedTxn, EntryFile, EntryRecord, OffsetEntry, TimeEntry};

/// What has to be known of a segment to use it without reading it. All of it is on stable storage
/// once the checkpoint that it came with is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentState {
    /// Offset that names the files.
    pub base: Offset,
    /// Bytes of the log file.
    pub bytes: u64,
    /// Offset after the last record.
    pub next_offset: Offset,
    /// Index of the first entry.
    pub first_index: LogIndex,
    /// Entries in the sidecar.
    pub entries: u32,
    /// Entries in the offset index.
    pub offsets: u32,
    /// Entries in the time index.
    pub times: u32,
    /// Entries in the index of aborted transactions.
    pub aborted: u32,
    /// Highest timestamp.
    pub max_timestamp: Timestamp,
    /// Last offset of the batch that has it.
    pub max_timestamp_at: Offset,
    /// Timestamp of the first batch; -1 if it has none.
    pub first_timestamp: Timestamp,
    /// Timestamp of the last entry in the time index.
    pub indexed_timestamp: Timestamp,
    /// Wall clock when the segment was begun.
    pub created: Timestamp,
    /// Whether there is a producer snapshot at the base offset.
    pub has_snapshot: bool,
}

impl SegmentState {
    /// Bytes of one of its files; none if only the file itself tells.
    pub(crate) fn file_bytes(&self, kind: FileKind) -> Option<u64> {
        match kind {
            FileKind::Log => Some(self.bytes),
            FileKind::Entries => Some(EntryFile::<EntryRecord>::bytes_of(self.entries)),
            FileKind::Offsets => Some(EntryFile::<OffsetEntry>::bytes_of(self.offsets)),
            FileKind::Times => Some(EntryFile::<TimeEntry>::bytes_of(self.times)),
            FileKind::Aborted => Some(EntryFile::<AbortedTxn>::bytes_of(self.aborted)),
            FileKind::Snapshot => (!self.has_snapshot).then_some(0),
        }
    }
}

impl Segment {
    /// Whether all that its files are to hold is in them.
    pub(crate) fn is_saved(&self) -> bool {
        self.entries.recent().is_empty()
            && self.offsets.recent().is_empty()
            && self.times.recent().is_empty()
            && self.aborted.recent().is_empty()
    }

    /// The segment as it will be on stable storage after the next sync.
    pub(crate) fn state(&self) -> SegmentState {
        SegmentState {
            base: self.base,
            bytes: self.bytes,
            next_offset: self.next_offset,
            first_index: self.first_index,
            entries: self.entries.saved_count(),
            offsets: self.offsets.saved_count(),
            times: self.times.saved_count(),
            aborted: self.aborted.saved_count(),
            max_timestamp: self.youngest.timestamp,
            max_timestamp_at: self.youngest.offset,
            first_timestamp: self.first_timestamp.unwrap_or(Timestamp::NONE),
            indexed_timestamp: self.saved_time,
            created: self.created,
            has_snapshot: self.snapshot == Snapshot::File,
        }
    }

    /// The segment that `state` describes.
    pub(crate) fn restore(state: &SegmentState) -> Self {
        Self {
            base: state.base,
            bytes: state.bytes,
            next_offset: state.next_offset,
            first_index: state.first_index,
            offsets: EntryFile::saved(state.offsets),
            times: EntryFile::saved(state.times),
            entries: EntryFile::saved(state.entries),
            aborted: EntryFile::saved(state.aborted),
            youngest: Youngest {
                timestamp: state.max_timestamp,
                offset: state.max_timestamp_at,
            },
            youngest_unknown: false,
            first_timestamp: Some(state.first_timestamp).filter(|&t| t > Timestamp::NONE),
            created: state.created,
            snapshot: if state.has_snapshot {
                Snapshot::File
            } else {
                Snapshot::Empty
            },
            saved_time: state.indexed_timestamp,
            since_index: 0,
            unsynced: false,
            new_names: false,
            overlong: true,
            file_end: None,
            opened_bytes: state.bytes,
            verified: Verified::default(),
        }
    }
}
