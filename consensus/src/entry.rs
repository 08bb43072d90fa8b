//! Entries of a group's log and the state that must survive a restart.

use bytes::Bytes;
use protobuf::Message as _;
use raft::eraftpb;
use thalweg_model::{LogIndex, ReplicaId, Term};

/// What an entry carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Whole record batches of the partition.
    Data,
    /// Nothing: a new leader's first entry, by which it commits what came before.
    Leader,
    /// A change of the group's members.
    Membership,
}

/// Stands before the bytes of a membership entry: the one that ends a joint change has none, and
/// would be taken for a leader's first entry.
const MEMBERSHIP_TAG: [u8; 1] = [1];

/// One entry of a group's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub index: LogIndex,
    /// The term of the leader that proposed it.
    pub term: Term,
    /// What it carries.
    pub kind: EntryKind,
    /// The bytes it carries.
    pub data: Bytes,
}

/// Raft's durable promise: no vote may leave before it is on stable storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// Current term.
    pub term: Term,
    /// Who got this replica's vote in that term.
    pub vote: Option<ReplicaId>,
    /// What is known to be committed; may lag.
    pub commit: LogIndex,
}

/// The members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Replicas that vote.
    pub voters: Vec<ReplicaId>,
    /// Replicas that only follow.
    pub learners: Vec<ReplicaId>,
    /// Voters of the outgoing half while a joint change is under way.
    pub voters_outgoing: Vec<ReplicaId>,
    /// Voters of that half that will be learners.
    pub learners_next: Vec<ReplicaId>,
    /// The joint change ends by itself.
    pub auto_leave: bool,
}

impl Entry {
    pub(crate) fn from_raft(entry: &eraftpb::Entry) -> Self {
        let kind = match entry.entry_type {
            eraftpb::EntryType::EntryNormal if entry.data.is_empty() => EntryKind::Leader,
            eraftpb::EntryType::EntryNormal => EntryKind::Data,
            eraftpb::EntryType::EntryConfChange | eraftpb::EntryType::EntryConfChangeV2 => {
                EntryKind::Membership
            }
        };
        let (index, term) = (LogIndex(entry.index), Term(entry.term));
        let data = match kind {
            EntryKind::Data | EntryKind::Leader => entry.data.clone(),
            EntryKind::Membership => [&MEMBERSHIP_TAG[..], &entry.data].concat().into(),
        };
        Self {
            index,
            term,
            kind,
            data,
        }
    }

    pub(crate) fn to_raft(&self) -> eraftpb::Entry {
        let entry_type = match self.kind {
            EntryKind::Data | EntryKind::Leader => eraftpb::EntryType::EntryNormal,
            EntryKind::Membership => eraftpb::EntryType::EntryConfChangeV2,
        };
        let data = match self.kind {
            EntryKind::Data | EntryKind::Leader => self.data.clone(),
            EntryKind::Membership => self.data.slice(MEMBERSHIP_TAG.len().min(self.data.len())..),
        };
        eraftpb::Entry {
            entry_type,
            term: self.term.0,
            index: self.index.0,
            data,
            ..eraftpb::Entry::default()
        }
    }
}

impl HardState {
    pub(crate) fn from_raft(state: &eraftpb::HardState) -> Self {
        let vote = (state.vote != 0).then_some(ReplicaId(state.vote));
        Self {
            term: Term(state.term),
            vote,
            commit: LogIndex(state.commit),
        }
    }

    pub(crate) fn to_raft(self) -> eraftpb::HardState {
        eraftpb::HardState {
            term: self.term.0,
            vote: self.vote.map_or(0, |vote| vote.0),
            commit: self.commit.0,
            ..eraftpb::HardState::default()
        }
    }
}

impl Membership {
    pub(crate) fn from_raft(state: &eraftpb::ConfState) -> Self {
        let ids = |ids: &[u64]| ids.iter().copied().map(ReplicaId).collect();
        Self {
            voters: ids(&state.voters),
            learners: ids(&state.learners),
            voters_outgoing: ids(&state.voters_outgoing),
            learners_next: ids(&state.learners_next),
            auto_leave: state.auto_leave,
        }
    }

    pub(crate) fn to_raft(&self) -> eraftpb::ConfState {
        let ids = |ids: &[ReplicaId]| ids.iter().map(|id| id.0).collect();
        eraftpb::ConfState {
            voters: ids(&self.voters),
            learners: ids(&self.learners),
            voters_outgoing: ids(&self.voters_outgoing),
            learners_next: ids(&self.learners_next),
            auto_leave: self.auto_leave,
            ..eraftpb::ConfState::default()
        }
    }
}

/// Decodes a membership entry that this group proposed.
pub(crate) fn membership_change(entry: &eraftpb::Entry) -> eraftpb::ConfChangeV2 {
    let mut change = eraftpb::ConfChangeV2::default();
    change
        .merge_from_bytes(&entry.data)
        .expect("a committed membership entry was encoded by a replica of this group");
    change
}
