//! A stretch of one partition's log: a file of record batches and its indexes.

mod append;
mod cut;
mod file_name;
mod find;
mod scan;
mod state;
mod verified;

use thalweg_model::{LogIndex, Offset, Timestamp};

pub(crate) use cut::Cut;
pub use file_name::FileKind;
pub(crate) use find::Found;
pub(crate) use scan::{HeaderScan, Scanned};
pub use state::SegmentState;
pub(crate) use verified::Verified;

use crate::index::{AbortedTxn, EntryFile, EntryRecord, OffsetEntry, TimeEntry};

/// The highest timestamp of a stretch of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Youngest {
    /// The timestamp; -1 if no batch has one.
    pub(crate) timestamp: Timestamp,
    /// Last offset of the first batch that has it.
    pub(crate) offset: Offset,
}

/// What is known of the producers at a segment's base offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshot {
    /// There was none.
    Empty,
    /// They are in a snapshot named for the base offset.
    File,
    /// Nothing: the segment was found again after a crash.
    Unknown,
}

/// One segment. Its bytes and counts say what is part of the log: files may be longer, where a
/// write failed or a crash came between.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Offset that names the files: that of the first record when the segment was begun.
    pub(crate) base: Offset,
    /// Bytes of the log file that belong to the log.
    pub(crate) bytes: u64,
    /// Offset after the last record.
    pub(crate) next_offset: Offset,
    /// Index of the first record of `entries`.
    pub(crate) first_index: LogIndex,
    pub(crate) offsets: EntryFile<OffsetEntry>,
    pub(crate) times: EntryFile<TimeEntry>,
    pub(crate) entries: EntryFile<EntryRecord>,
    pub(crate) aborted: EntryFile<AbortedTxn>,
    /// Highest timestamp of the segment.
    pub(crate) youngest: Youngest,
    /// The segment was cut while other bytes than those kept may still be in its file, so that the
    /// youngest has yet to be looked for.
    pub(crate) youngest_unknown: bool,
    /// Timestamp of the first batch: `segment.ms` counts from it.
    pub(crate) first_timestamp: Option<Timestamp>,
    /// Wall clock when the segment was begun: stands in where batches have no timestamps.
    pub(crate) created: Timestamp,
    /// What is known of the producers at the base offset.
    pub(crate) snapshot: Snapshot,
    /// Timestamp of the last entry in the time index's file.
    saved_time: Timestamp,
    /// Bytes since the last index entry.
    since_index: u64,
    /// The log file was written since it was last handed out for a sync.
    pub(crate) unsynced: bool,
    /// Files were made since the directory was last handed out for a sync.
    pub(crate) new_names: bool,
    /// The files may be longer than the log: set after a crash.
    pub(crate) overlong: bool,
    /// Where the batches end that are wholly in the file, and the offset behind them, if not all are.
    pub(crate) file_end: Option<(u64, Offset)>,
    /// Bytes of the log file that were there when the log was opened, and nobody has looked at.
    pub(crate) opened_bytes: u64,
    /// Which of them somebody did look at since.
    pub(crate) verified: Verified,
}

impl Segment {
    /// A segment without batches.
    pub(crate) fn begin(base: Offset, first_index: LogIndex, created: Timestamp) -> Self {
        Self {
            base,
            bytes: 0,
            next_offset: base,
            first_index,
            offsets: EntryFile::default(),
            times: EntryFile::default(),
            entries: EntryFile::default(),
            aborted: EntryFile::default(),
            youngest: Youngest {
                timestamp: Timestamp::NONE,
                offset: base,
            },
            youngest_unknown: false,
            first_timestamp: None,
            created,
            snapshot: Snapshot::Unknown,
            saved_time: Timestamp::NONE,
            since_index: 0,
            unsynced: false,
            new_names: true,
            overlong: false,
            file_end: None,
            opened_bytes: 0,
            verified: Verified::default(),
        }
    }

    /// `offset` as the indexes write it.
    ///
    /// # Panics
    /// If the offset is not of this segment: a roll keeps offsets within 31 bits of the base.
    pub(crate) fn relative(&self, offset: Offset) -> u32 {
        u32::try_from(offset - self.base).expect("a segment spans at most 2^31 offsets")
    }

    /// The offset that an index entry means.
    pub(crate) fn absolute(&self, relative: u32) -> Offset {
        self.base + relative
    }
}
