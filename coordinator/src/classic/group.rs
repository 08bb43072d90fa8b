//! The group itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thalweg_model::Timestamp;
use thalweg_model::defect::{self, Defect};

use super::Member;
use crate::messages::{GroupState, JoinRequest, Protocol};
use crate::{Generation, GroupId, InstanceId, MemberId, TopicName};

/// Where a group stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No members.
    Empty,
    /// Members are called to join; at first, more of them are waited for.
    PreparingRebalance(Option<InitialDelay>),
    /// The generation stands, the assignment does not.
    CompletingRebalance,
    /// Members work.
    Stable,
}

/// How an empty group waits for its first members, up to a rebalance timeout altogether.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitialDelay {
    /// The current wait.
    pub(crate) delay_ms: u64,
    /// What may still be added to it.
    pub(crate) remaining_ms: u64,
    /// Whether a member came during the current wait.
    pub(crate) member_came: bool,
}

/// A classic group.
#[derive(Clone, Debug)]
pub(crate) struct ClassicGroup {
    pub(crate) id: GroupId,
    pub(crate) generation: Generation,
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol_name: Option<Arc<str>>,
    pub(crate) leader: Option<MemberId>,
    pub(crate) state_since: Option<Timestamp>,
    /// Ids handed out to clients that have not joined with them yet.
    pub(crate) pending_members: BTreeSet<MemberId>,
    /// Members of the generation that have not synced yet.
    pub(crate) pending_sync: BTreeSet<MemberId>,
    /// Topics of all members; none where they cannot be told.
    pub(crate) subscribed: Option<BTreeSet<TopicName>>,
    /// Whether the log knows the group, so that readers may.
    pub(crate) visible: bool,
    phase: Phase,
    members: BTreeMap<MemberId, Member>,
    static_members: BTreeMap<InstanceId, MemberId>,
    /// How many members can do each protocol.
    protocol_support: BTreeMap<Arc<str>, usize>,
}

impl ClassicGroup {
    /// A group without anything.
    pub(crate) fn new(id: GroupId, now: Timestamp) -> Self {
        Self {
            id,
            generation: Generation(0),
            protocol_type: None,
            protocol_name: None,
            leader: None,
            state_since: Some(now),
            pending_members: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            subscribed: None,
            visible: false,
            phase: Phase::Empty,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            protocol_support: BTreeMap::new(),
        }
    }

    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(crate) fn initial_delay_mut(&mut self) -> Option<&mut InitialDelay> {
        match &mut self.phase {
            Phase::PreparingRebalance(delay) => delay.as_mut(),
            Phase::Empty | Phase::CompletingRebalance | Phase::Stable => None,
        }
    }

    pub(crate) fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::PreparingRebalance(_) => GroupState::PreparingRebalance,
            Phase::CompletingRebalance => GroupState::CompletingRebalance,
            Phase::Stable => GroupState::Stable,
        }
    }

    pub(crate) fn is_preparing(&self) -> bool {
        matches!(self.phase, Phase::PreparingRebalance(_))
    }

    pub(crate) fn enter(&mut self, phase: Phase, now: Timestamp) {
        self.phase = phase;
        self.state_since = Some(now);
    }

    /// Sets the phase of a group that was loaded: the time it entered is stored.
    pub(super) fn restore_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    pub(crate) fn member_ids(&self) -> Vec<MemberId> {
        self.members.keys().cloned().collect()
    }

    pub(crate) fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.get(id)
    }

    pub(crate) fn member_mut(&mut self, id: &MemberId) -> Option<&mut Member> {
        self.members.get_mut(id)
    }

    /// Whether nobody is a member or about to be one.
    pub(crate) fn is_deserted(&self) -> bool {
        self.members.is_empty() && self.pending_members.is_empty()
    }

    pub(crate) fn is_leader(&self, id: &MemberId) -> bool {
        self.leader.as_ref() == Some(id)
    }

    pub(crate) fn static_member(&self, instance: &InstanceId) -> Option<&MemberId> {
        self.static_members.get(instance)
    }

    /// How many members can do a protocol.
    pub(super) fn support_of(&self, protocol: &str) -> usize {
        self.protocol_support.get(protocol).copied().unwrap_or(0)
    }

    pub(super) fn supported(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.protocol_support
            .iter()
            .map(|(name, count)| (name, *count))
    }

    /// Adds a member; the first one leads and decides the protocol type.
    pub(crate) fn add(&mut self, member: Member, protocol_type: &Arc<str>) {
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(protocol_type));
        }
        if self.leader.is_none() {
            self.leader = Some(member.id.clone());
        }
        self.pending_members.remove(&member.id);
        self.insert(member);
    }

    /// Puts a member in its place without touching the leader.
    pub(super) fn insert(&mut self, member: Member) {
        if let Some(instance) = &member.instance {
            self.static_members
                .insert(instance.clone(), member.id.clone());
        }
        self.count_protocols(&member.protocols, true);
        let before = self.members.insert(member.id.clone(), member);
        assert!(before.is_none(), "a member id is given once");
    }

    /// Takes a member out of the maps, leaving the leader to the caller.
    fn take(&mut self, id: &MemberId) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.count_protocols(&member.protocols, false);
        if let Some(instance) = &member.instance {
            self.static_members.remove(instance);
        }
        Some(member)
    }

    /// Removes a member or a pending id; another member leads if it led.
    pub(crate) fn remove(&mut self, id: &MemberId) -> Option<Member> {
        let removed = self.take(id);
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_members.remove(id);
        self.pending_sync.remove(id);
        removed
    }

    /// Gives a static member its new id; everything but what it waits on stays.
    ///
    /// # Panics
    /// If the old id is no member.
    pub(crate) fn rename_static(&mut self, old: &MemberId, new: MemberId) {
        let mut member = self.take(old).expect("a static member has a member");
        let was_pending_sync = self.pending_sync.remove(old);
        member.awaiting_join = None;
        member.awaiting_sync = None;
        member.is_new = false;
        member.id = new.clone();
        self.insert(member);
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        if was_pending_sync {
            self.pending_sync.insert(new);
        }
    }

    /// Takes over what a member says in a new join.
    pub(crate) fn update(&mut self, id: &MemberId, request: &JoinRequest) {
        self.revise(
            id,
            &request.protocols,
            request.rebalance_timeout_ms,
            request.session_timeout_ms,
        );
    }

    /// Replaces what a member can do and its timeouts.
    pub(crate) fn revise(
        &mut self,
        id: &MemberId,
        protocols: &[Protocol],
        rebalance_timeout_ms: i32,
        session_timeout_ms: i32,
    ) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut member.protocols, protocols.to_vec());
        member.rebalance_timeout_ms = rebalance_timeout_ms;
        member.session_timeout_ms = session_timeout_ms;
        self.count_protocols(&before, false);
        self.count_protocols(protocols, true);
    }

    fn count_protocols(&mut self, protocols: &[Protocol], more: bool) {
        // A name that a client lists twice counts once, or it would outvote the others.
        let names: BTreeSet<&Arc<str>> = protocols.iter().map(|p| &p.name).collect();
        for name in names {
            if more {
                *self.protocol_support.entry(Arc::clone(name)).or_default() += 1;
            } else if let Some(count) = self.protocol_support.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.protocol_support.remove(name);
                }
            }
        }
    }

    /// The longest time that any member needs to rejoin.
    pub(crate) fn rebalance_timeout(&self) -> u64 {
        let timeouts = self.members.values().map(Member::rebalance_timeout);
        timeouts.max().unwrap_or(0)
    }

    /// Members whose join waits for the next generation.
    pub(crate) fn awaiting_join(&self) -> usize {
        let waiting = self.members.values().filter(|m| m.awaiting_join.is_some());
        waiting.count()
    }

    /// Whether the next generation need not wait for anyone.
    pub(crate) fn all_joined(&self) -> bool {
        self.pending_members.is_empty() && self.members.values().all(|m| m.awaiting_join.is_some())
    }

    /// Makes sure that the leader is a member that joined; false if none can be.
    pub(crate) fn elect_leader(&mut self) -> bool {
        let Some(leader) = &self.leader else {
            return false;
        };
        let joined = |member: &Member| member.awaiting_join.is_some();
        if self.members.get(leader).is_some_and(joined) {
            return true;
        }
        let Some(successor) = self.members.values().find(|member| joined(member)) else {
            return false;
        };
        self.leader = Some(successor.id.clone());
        true
    }

    /// Begins the next generation: of the members that are left, or of none.
    pub(crate) fn begin_generation(&mut self, now: Timestamp) {
        if !defect::is_on(Defect::GenerationReused) || self.generation < Generation(1) {
            self.generation = self.generation.next();
        }
        self.pending_sync.clear();
        if self.members.is_empty() {
            self.protocol_name = None;
            self.enter(Phase::Empty, now);
        } else {
            self.protocol_name = Some(self.select_protocol());
            self.enter(Phase::CompletingRebalance, now);
        }
        self.subscribed = self.read_subscriptions();
    }
}
