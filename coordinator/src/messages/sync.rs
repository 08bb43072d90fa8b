//! SyncGroup and Heartbeat.

use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::ErrorCode;

use crate::{Generation, GroupId, InstanceId, MemberId};

/// A member fetches its assignment; the leader brings everyone's.
#[derive(Clone, Debug)]
pub struct SyncRequest {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// The static member's name, if it is one.
    pub instance: Option<InstanceId>,
    /// The generation that the member joined.
    pub generation: Generation,
    /// The protocol type the member believes in; absent below version 5.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol the member believes in; absent below version 5.
    pub protocol_name: Option<Arc<str>>,
    /// The leader's assignments.
    pub assignments: Vec<(MemberId, Bytes)>,
}

/// The answer to a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReply {
    /// The outcome.
    pub error: ErrorCode,
    /// The group's protocol type.
    pub protocol_type: Option<Arc<str>>,
    /// The generation's protocol.
    pub protocol_name: Option<Arc<str>>,
    /// The member's assignment.
    pub assignment: Bytes,
}

impl SyncReply {
    /// A refusal.
    #[must_use]
    pub fn refused(error: ErrorCode) -> Self {
        Self {
            error,
            protocol_type: None,
            protocol_name: None,
            assignment: Bytes::new(),
        }
    }
}

/// A member says that it is alive.
#[derive(Clone, Debug)]
pub struct HeartbeatRequest {
    /// The group.
    pub group: GroupId,
    /// The member.
    pub member: MemberId,
    /// The static member's name, if it is one.
    pub instance: Option<InstanceId>,
    /// The generation that the member believes in.
    pub generation: Generation,
}
