//! A group as it is stored and loaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::Timestamp;

use super::{ClassicGroup, Member, Phase};
use crate::messages::Protocol;
use crate::stored::{Record, StoredGroup, StoredMember};
use crate::{GroupId, MemberId};

impl ClassicGroup {
    /// The record of the group with these assignments; members without one get an empty one.
    pub(crate) fn record(&self, assignments: &BTreeMap<MemberId, Bytes>) -> Record {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let members = self.members().map(|member| StoredMember {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client_id: Arc::clone(&member.client_id),
            client_host: Arc::clone(&member.client_host),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: assignments.get(&member.id).cloned().unwrap_or_default(),
        });
        Record::Group {
            group: self.id.clone(),
            value: Some(StoredGroup {
                protocol_type: self.protocol_type.clone(),
                generation: self.generation,
                protocol_name: self.protocol_name.clone(),
                leader: self.leader.clone(),
                state_since: self.state_since,
                members: members.collect(),
            }),
        }
    }

    /// The record that makes a group known before it has a generation.
    pub(crate) fn first_record(&self) -> Record {
        Record::Group {
            group: self.id.clone(),
            value: Some(StoredGroup {
                state_since: self.state_since,
                ..StoredGroup::default()
            }),
        }
    }

    /// What members are assigned now.
    pub(crate) fn assignments(&self) -> BTreeMap<MemberId, Bytes> {
        let assignments = self.members().map(|m| (m.id.clone(), m.assignment.clone()));
        assignments.collect()
    }

    /// The group as its coordinator takes it up again; no record means that it only has offsets.
    pub(crate) fn load(id: GroupId, stored: Option<&StoredGroup>, now: Timestamp) -> Self {
        let mut group = Self::new(id, now);
        group.visible = true;
        let Some(stored) = stored else {
            return group;
        };
        group.generation = stored.generation;
        group.protocol_type.clone_from(&stored.protocol_type);
        group.protocol_name.clone_from(&stored.protocol_name);
        group.state_since = stored.state_since;
        for member in &stored.members {
            // Ids are unique in what this crate writes; a foreign log may hold anything.
            if group.member(&member.member).is_none() {
                group.insert(load_member(member, stored.protocol_name.as_ref()));
            }
        }
        if group.members().len() > 0 {
            group.restore_phase(Phase::Stable);
            let led = |leader: &&MemberId| group.member(leader).is_some();
            let leader = stored.leader.as_ref().filter(led).cloned();
            group.leader = leader.or_else(|| group.members().next().map(|m| m.id.clone()));
        }
        group.subscribed = group.read_subscriptions();
        group
    }
}

fn load_member(stored: &StoredMember, protocol: Option<&Arc<str>>) -> Member {
    Member {
        id: stored.member.clone(),
        instance: stored.instance.clone(),
        client_id: Arc::clone(&stored.client_id),
        client_host: Arc::clone(&stored.client_host),
        rebalance_timeout_ms: stored.rebalance_timeout_ms,
        session_timeout_ms: stored.session_timeout_ms,
        protocols: vec![Protocol {
            name: protocol.cloned().unwrap_or_default(),
            metadata: stored.subscription.clone(),
        }],
        assignment: stored.assignment.clone(),
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    }
}
