//! What a follower gets that lacks entries which the leader's log does not have any more.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft::eraftpb;
use thalweg_model::{LogIndex, Term};

use crate::Membership;

/// The older part of a log: a replica that takes it goes on with the entry after it, and gets that
/// and all later ones as entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry of that part, or the one before the log's first, if it has none.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// The group's members.
    pub membership: Membership,
    /// The entry by which they became so; it may be after `index`.
    pub membership_index: LogIndex,
    /// What the owner of the log has to say of it.
    pub data: Bytes,
}

impl Snapshot {
    /// The snapshot in a message; `None` if it was not made by [`Self::to_raft`].
    pub(crate) fn from_raft(snapshot: &eraftpb::Snapshot) -> Option<Self> {
        let meta = snapshot.get_metadata();
        let mut data = snapshot.data.clone();
        let membership_index = LogIndex(data.try_get_u64().ok()?);
        Some(Self {
            index: LogIndex(meta.index),
            term: Term(meta.term),
            membership: Membership::from_raft(meta.get_conf_state()),
            membership_index,
            data,
        })
    }

    pub(crate) fn to_raft(&self) -> eraftpb::Snapshot {
        let mut metadata = eraftpb::SnapshotMetadata {
            index: self.index.0,
            term: self.term.0,
            ..eraftpb::SnapshotMetadata::default()
        };
        metadata.set_conf_state(self.membership.to_raft());
        let mut data = BytesMut::with_capacity(8 + self.data.len());
        data.put_u64(self.membership_index.0);
        data.put_slice(&self.data);
        let mut snapshot = eraftpb::Snapshot {
            data: data.freeze(),
            ..eraftpb::Snapshot::default()
        };
        snapshot.set_metadata(metadata);
        snapshot
    }
}
