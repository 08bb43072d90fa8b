//! DescribeGroups, ListGroups and DeleteGroups.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::ErrorCode;

use crate::{GroupId, InstanceId, MemberId};

/// Where a classic group stands, by Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupState {
    /// No members; perhaps offsets.
    Empty,
    /// Members are called to join the next generation.
    PreparingRebalance,
    /// The generation stands; the leader's assignment is awaited.
    CompletingRebalance,
    /// Members work.
    Stable,
    /// There is no such group.
    Dead,
}

impl GroupState {
    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A group with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// The group.
    pub group: GroupId,
    /// Its state; [`GroupState::Dead`] if there is no such group.
    pub state: GroupState,
    /// Its protocol type; empty if it has none.
    pub protocol_type: Arc<str>,
    /// The chosen protocol; empty unless stable.
    pub protocol_name: Arc<str>,
    /// Its members, by id.
    pub members: Vec<MemberDescription>,
}

/// A member as tools show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member: MemberId,
    /// Its static name.
    pub instance: Option<InstanceId>,
    /// Its client's id.
    pub client_id: Arc<str>,
    /// Its client's address.
    pub client_host: Arc<str>,
    /// Its subscription; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its assignment.
    pub assignment: Bytes,
}

/// Which groups to list.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Names of states, in any case; empty means all.
    pub states: Vec<String>,
    /// Names of group types, in any case; empty means all.
    pub types: Vec<String>,
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// The group.
    pub group: GroupId,
    /// Its protocol type; empty if it has none.
    pub protocol_type: Arc<str>,
    /// Its state.
    pub state: GroupState,
    /// Its type, by Kafka's name.
    pub group_type: &'static str,
}

/// What became of a group that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedGroup {
    /// The group.
    pub group: GroupId,
    /// The outcome.
    pub error: ErrorCode,
}
