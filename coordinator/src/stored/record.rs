//! The records of a shard's partition.

use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::{LeaderEpoch, PartitionIndex, Timestamp, Uuid};

use crate::{Generation, GroupId, InstanceId, MemberId, TopicName};

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A group's position in a partition; no value forgets it.
    Offset {
        /// The group.
        group: GroupId,
        /// The topic.
        topic: TopicName,
        /// The partition.
        partition: PartitionIndex,
        /// The position.
        value: Option<CommittedOffset>,
    },
    /// A group's membership; no value forgets the group.
    Group {
        /// The group.
        group: GroupId,
        /// The membership.
        value: Option<StoredGroup>,
    },
}

/// A committed position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read, as the client sent it.
    pub offset: i64,
    /// Epoch of the leader that the last record came from.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The client's note.
    pub metadata: Arc<str>,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// When to forget it, where the client said so.
    pub expires_at: Option<Timestamp>,
    /// Incarnation of the topic; nil if not known.
    pub topic_id: Uuid,
}

/// A generation as it outlives its coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredGroup {
    /// What kind of group it is.
    pub protocol_type: Option<Arc<str>>,
    /// The generation.
    pub generation: Generation,
    /// The chosen protocol.
    pub protocol_name: Option<Arc<str>>,
    /// The leader.
    pub leader: Option<MemberId>,
    /// When the group entered its state.
    pub state_since: Option<Timestamp>,
    /// The members, by id.
    pub members: Vec<StoredMember>,
}

/// A member with its assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredMember {
    /// Its id.
    pub member: MemberId,
    /// Its static name.
    pub instance: Option<InstanceId>,
    /// Its client's id.
    pub client_id: Arc<str>,
    /// Its client's address.
    pub client_host: Arc<str>,
    /// Time it needs to rejoin.
    pub rebalance_timeout_ms: i32,
    /// Silence after which it is gone.
    pub session_timeout_ms: i32,
    /// Its input to the chosen protocol.
    pub subscription: Bytes,
    /// Its assignment.
    pub assignment: Bytes,
}
