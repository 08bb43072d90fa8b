//! What the manifest remembers of one partition's log.

use bytes::Bytes;
use thalweg_model::{LogIndex, Offset, Term};

use crate::epochs::EpochStart;
use crate::index::EntryRecord;
use crate::segment::SegmentState;

/// An entry by its index and term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
}

/// Where the states of producers come from: these, and the batches from there on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerBase {
    /// The offset that they are as of.
    pub at: Offset,
    /// The snapshot itself, empty if there was no producer; `None` if it is in a file named for
    /// the offset.
    pub inline: Option<Bytes>,
}

impl Default for ProducerBase {
    /// No producer, from the first offset on.
    fn default() -> Self {
        Self {
            at: Offset::ZERO,
            inline: Some(Bytes::new()),
        }
    }
}

/// Files that are no longer part of the log and may be removed once the manifest says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doomed {
    /// All files of the segment at this base offset.
    Segment(Offset),
    /// The producer snapshot at this offset.
    Snapshot(Offset),
}

/// Everything needed to use the log again without reading it, as of one checkpoint. The default is
/// that of a log to which nothing was ever appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// The first offset that may be read.
    pub log_start: Offset,
    /// Offset after the last record.
    pub next_offset: Offset,
    /// The entry before the first one that is left.
    pub before: EntryId,
    /// The last entry.
    pub last: EntryId,
    /// The segments in order.
    pub segments: Vec<SegmentState>,
    /// Entry records of the last segment (or, without segments, of the log) that are not in its
    /// sidecar.
    pub tail: Vec<EntryRecord>,
    /// Payloads of entries that take no offset and carry something.
    pub internal: Vec<(LogIndex, Bytes)>,
    /// Where the leader epochs begin.
    pub epochs: Vec<EpochStart>,
    /// Where the producers' states come from.
    pub producers: ProducerBase,
    /// Files to remove.
    pub doomed: Vec<Doomed>,
}
