//! What an opened journal remembers.

use thalweg_model::{LogIndex, Term};

use super::chunk::ChunkId;
use super::format::Row;
use super::{BlockSequence, EntryKind, HardState};
use crate::GroupId;

/// The entries since the last checkpoint, in the order they were made durable.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// The entries. All that were ever acknowledged are there, and maybe some that were not.
    pub entries: Vec<ReplayedEntry>,
}

/// One entry found in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayedEntry {
    /// The block it is in.
    pub sequence: BlockSequence,
    /// Whose.
    pub group: GroupId,
    /// Where in the group's Raft log.
    pub index: LogIndex,
    /// Of which term.
    pub term: Term,
    /// What it says.
    pub kind: EntryKind,
    /// Length of its payload.
    pub payload_bytes: u32,
    /// CRC-32C of its payload.
    pub payload_crc: u32,
    /// Where its payload is; `None` if it never travelled in the journal.
    pub location: Option<PayloadLocation>,
}

/// Where the journal holds a payload, until the block is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadLocation {
    pub(super) chunk: ChunkId,
    pub(super) position: u64,
    pub(super) bytes: u32,
    pub(super) crc: u32,
}

impl PayloadLocation {
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.bytes).expect("at least 32 bits")
    }
}

impl ReplayedEntry {
    pub(super) fn new(sequence: BlockSequence, row: &Row, chunk: ChunkId, position: u64) -> Self {
        let location = PayloadLocation {
            chunk,
            position,
            bytes: row.bytes,
            crc: row.crc,
        };
        Self {
            sequence,
            group: row.group,
            index: row.index,
            term: row.term,
            kind: row.kind,
            payload_bytes: row.bytes,
            payload_crc: row.crc,
            location: row.inline.then_some(location),
        }
    }

    /// The hard state that it records, if it records one.
    #[must_use]
    pub fn hard_state(&self) -> Option<HardState> {
        match self.kind {
            EntryKind::HardState { vote } => Some(HardState {
                term: self.term,
                vote,
                commit: self.index,
            }),
            EntryKind::Append { .. }
            | EntryKind::Truncate
            | EntryKind::Begin
            | EntryKind::Membership
            | EntryKind::Checkpoint { .. } => None,
        }
    }
}
