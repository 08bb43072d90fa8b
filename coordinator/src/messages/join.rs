//! JoinGroup.

use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::ErrorCode;

use crate::{Generation, GroupId, InstanceId, MemberId};

/// A client wants to be a member of the next generation.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The group.
    pub group: GroupId,
    /// The member's id; unknown the first time.
    pub member: MemberId,
    /// The static member's name, if it is one.
    pub instance: Option<InstanceId>,
    /// What kind of protocols follow, such as `consumer`.
    pub protocol_type: Arc<str>,
    /// The protocols the member can do, best first.
    pub protocols: Vec<Protocol>,
    /// Silence after which the member is gone.
    pub session_timeout_ms: i32,
    /// Time the member needs to rejoin; the session timeout where the wire has none (version 0).
    pub rebalance_timeout_ms: i32,
    /// The client's id of the request header.
    pub client_id: Arc<str>,
    /// The client's address as Kafka prints it, such as `/127.0.0.1`.
    pub client_host: Arc<str>,
    /// Version of the request: from 4 a new member must know its id first, from 9 a leader may skip
    /// the assignment.
    pub api_version: i16,
    /// 16 random bytes for the id of a new member.
    pub entropy: [u8; 16],
}

/// One way of assigning partitions, with the member's input to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, such as `range`.
    pub name: Arc<str>,
    /// The member's subscription; opaque but for its topics.
    pub metadata: Bytes,
}

/// The answer to a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinReply {
    /// The outcome.
    pub error: ErrorCode,
    /// The generation joined.
    pub generation: Generation,
    /// The group's protocol type.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol chosen for the generation.
    pub protocol_name: Option<Arc<str>>,
    /// The member that assigns the partitions; unknown in a refusal.
    pub leader: MemberId,
    /// Whether the leader shall leave the assignment as it is (version 9).
    pub skip_assignment: bool,
    /// The member's id.
    pub member: MemberId,
    /// All members, for the leader only.
    pub members: Vec<JoinedMember>,
}

/// A member as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member: MemberId,
    /// Its static name.
    pub instance: Option<InstanceId>,
    /// Its input to the chosen protocol.
    pub metadata: Bytes,
}

impl JoinReply {
    /// A refusal.
    #[must_use]
    pub fn refused(member: MemberId, error: ErrorCode) -> Self {
        Self {
            error,
            generation: Generation::NONE,
            protocol_type: None,
            protocol_name: None,
            leader: MemberId::default(),
            skip_assignment: false,
            member,
            members: Vec::new(),
        }
    }
}
