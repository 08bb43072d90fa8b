//! A group as tools see it.

use bytes::Bytes;

use super::{ClassicGroup, Phase};
use crate::messages::{GroupDescription, GroupListing, GroupState, MemberDescription};

/// Kafka's name of this type of group.
const GROUP_TYPE: &str = "classic";

impl ClassicGroup {
    /// The group with its members; protocol and subscriptions only while they are in force.
    pub(crate) fn describe(&self) -> GroupDescription {
        let is_stable = *self.phase() == Phase::Stable;
        let protocol = self.protocol_name.clone().filter(|_| is_stable);
        let members = self.members().map(|member| MemberDescription {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: protocol
                .as_deref()
                .map_or_else(Bytes::new, |protocol| member.metadata(protocol)),
            assignment: member.assignment.clone(),
        });
        GroupDescription {
            group: self.id.clone(),
            state: self.state(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            members: members.collect(),
            protocol_name: protocol.unwrap_or_default(),
        }
    }

    /// The group in a list.
    pub(crate) fn list(&self) -> GroupListing {
        GroupListing {
            group: self.id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            state: self.state(),
            group_type: GROUP_TYPE,
        }
    }
}

impl GroupDescription {
    /// What is said about a group that does not exist.
    pub(crate) fn dead(group: crate::GroupId) -> Self {
        Self {
            group,
            state: GroupState::Dead,
            protocol_type: Default::default(),
            protocol_name: Default::default(),
            members: Vec::new(),
        }
    }
}
