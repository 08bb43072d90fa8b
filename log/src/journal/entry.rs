//! What the journal records.

use bytes::Bytes;
use thalweg_model::{LogIndex, Offset, ReplicaId, Term};

use super::BlockSequence;
use crate::GroupId;

/// One durable fact about a group.
#[derive(Clone, Copy, Debug)]
pub struct JournalEntry<'a> {
    /// Whose.
    pub group: GroupId,
    /// Where in the group's Raft log; see [`EntryKind`].
    pub index: LogIndex,
    /// Of which term.
    pub term: Term,
    /// What happened.
    pub kind: EntryKind,
    /// The bytes that go with it.
    pub payload: Payload<'a>,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// The group's log has this entry at `index` with `term`, and none after it.
    Append {
        /// Offset of its first record; `None` for Raft's own entries, whose payload is opaque.
        base_offset: Option<Offset>,
    },
    /// The group's log ends with `index`: what was after it is void.
    Truncate,
    /// The group's log goes on after `index`: what it had is void. The payload says what was before;
    /// it is opaque.
    Begin,
    /// The group's hard state: `term` is the current term, `index` the commit index.
    HardState {
        /// Who got the vote of the term.
        vote: Option<ReplicaId>,
    },
    /// The group's members from `index` on; the payload is opaque.
    Membership,
    /// The manifest vouches for everything up to a block.
    Checkpoint {
        /// The last block it vouches for.
        up_to: BlockSequence,
    },
}

/// The bytes of an entry.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// They travel in the journal: pieces, one behind the other.
    Inline(&'a [Bytes]),
    /// They travel in the journal too, and their CRC-32C is known.
    Summed {
        /// The bytes.
        bytes: &'a Bytes,
        /// Their CRC-32C.
        crc: u32,
    },
    /// They are in the partition's segment only; the caller syncs that file before it takes the
    /// entry for durable.
    InSegment {
        /// How many.
        bytes: u32,
        /// Their CRC-32C.
        crc: u32,
    },
}

impl Payload<'_> {
    /// No bytes.
    pub const NONE: Self = Self::Inline(&[]);

    /// Bytes that the journal has to carry.
    #[must_use]
    pub fn inline_bytes(&self) -> usize {
        match self {
            Self::Inline(pieces) => pieces.iter().map(Bytes::len).sum(),
            Self::Summed { bytes, .. } => bytes.len(),
            Self::InSegment { .. } => 0,
        }
    }
}

/// What Raft must not forget about a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The current term.
    pub term: Term,
    /// Who got the vote of the term.
    pub vote: Option<ReplicaId>,
    /// The last entry known to be committed.
    pub commit: LogIndex,
}

impl JournalEntry<'static> {
    /// The entry that records a hard state.
    #[must_use]
    pub fn hard_state(group: GroupId, state: HardState) -> Self {
        Self {
            group,
            index: state.commit,
            term: state.term,
            kind: EntryKind::HardState { vote: state.vote },
            payload: Payload::NONE,
        }
    }

    /// The entry that records that a group's log ends with an index of a term.
    #[must_use]
    pub fn truncate(group: GroupId, last: LogIndex, term: Term) -> Self {
        Self {
            group,
            index: last,
            term,
            kind: EntryKind::Truncate,
            payload: Payload::NONE,
        }
    }
}
