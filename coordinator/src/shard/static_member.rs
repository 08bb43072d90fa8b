//! A static member that comes back under a new member id (KIP-345).

use thalweg_model::ErrorCode;

use super::pending::FollowUp;
use super::turn::Turn;
use crate::classic::{ClassicGroup, Phase};
use crate::effects::{AppendFailure, AppendId, ReplyToken};
use crate::messages::{JoinReply, JoinRequest, Protocol};
use crate::{Generation, GroupId, InstanceId, MemberId};

/// First version whose leader can be told to leave the assignment as it is (KIP-814).
const SKIP_ASSIGNMENT_FROM: i16 = 9;

/// A change of id that is being stored, and what to go back to.
#[derive(Debug)]
pub(super) struct StaticChange {
    pub(super) group: GroupId,
    generation: Generation,
    instance: InstanceId,
    old: MemberId,
    new: MemberId,
    old_leader: Option<MemberId>,
    old_protocols: Vec<Protocol>,
    old_rebalance_timeout_ms: i32,
    old_session_timeout_ms: i32,
    api_version: i16,
}

impl Turn<'_> {
    /// Puts the new incarnation of a static member in the old one's place; `ids` are old and new.
    pub(super) fn replace_static(
        &mut self,
        group: &mut ClassicGroup,
        token: ReplyToken,
        request: &JoinRequest,
        ids: (&MemberId, MemberId),
    ) -> Option<AppendId> {
        let (old, new) = ids;
        let change = StaticChange::plan(group, request, old, &new);
        group.refuse_waiting(old, ErrorCode::FencedInstanceId, &mut self.effects);
        self.end_session(group, old);
        group.rename_static(old, new.clone());
        if let Some(member) = group.member(&new) {
            self.restart_session(group, member);
        }
        group.update(&new, request);
        group.wait_for_join(&new, token, &mut self.effects);
        match group.phase() {
            Phase::Stable => {
                let selected = group.select_protocol();
                if group.protocol_name.as_deref() != Some(&*selected) {
                    return self.prepare_rebalance(group);
                }
                // Nothing changed for the others: the assignment goes on under the new id.
                let record = group.record(&group.assignments());
                Some(self.append(vec![record], FollowUp::Static(change)))
            }
            // The leader may be assigning to the old id already.
            Phase::CompletingRebalance => self.prepare_rebalance(group),
            Phase::PreparingRebalance(_) | Phase::Empty => self.complete_if_all_joined(group),
        }
    }

    /// The new id is stored: its join is answered, unless a rebalance does it.
    pub(super) fn finish_static(&mut self, group: &mut ClassicGroup, change: &StaticChange) {
        if !change.is_current(group) {
            return;
        }
        let mut reply = group.join_reply(&change.new);
        if change.api_version >= SKIP_ASSIGNMENT_FROM {
            reply.skip_assignment = group.is_leader(&change.new);
        } else {
            // A leader that cannot be told to skip the assignment must not learn that it leads.
            reply.leader = change.old_leader.clone().unwrap_or_default();
            reply.members = Vec::new();
        }
        group.answer_join(reply, &change.new, &mut self.effects);
    }

    /// The new id was not stored: the old one goes on.
    pub(super) fn revert_static(
        &mut self,
        group: &mut ClassicGroup,
        change: StaticChange,
        failure: AppendFailure,
    ) {
        if !change.is_current(group) {
            return;
        }
        let reply = JoinReply {
            generation: group.generation,
            protocol_type: group.protocol_type.clone(),
            protocol_name: group.protocol_name.clone(),
            leader: change.old_leader.unwrap_or_default(),
            ..JoinReply::refused(MemberId::default(), failure.code())
        };
        group.answer_join(reply, &change.new, &mut self.effects);
        group.revise(
            &change.new,
            &change.old_protocols,
            change.old_rebalance_timeout_ms,
            change.old_session_timeout_ms,
        );
        self.end_session(group, &change.new);
        group.rename_static(&change.new, change.old.clone());
        if let Some(member) = group.member(&change.old) {
            self.restart_session(group, member);
        }
    }
}

impl StaticChange {
    fn plan(group: &ClassicGroup, request: &JoinRequest, old: &MemberId, new: &MemberId) -> Self {
        let member = group.member(old).expect("a static name has a member");
        let instance = member.instance.clone();
        Self {
            group: group.id.clone(),
            generation: group.generation,
            instance: instance.expect("a static member has a name"),
            old: old.clone(),
            new: new.clone(),
            old_leader: group.leader.clone(),
            old_protocols: member.protocols.clone(),
            old_rebalance_timeout_ms: member.rebalance_timeout_ms,
            old_session_timeout_ms: member.session_timeout_ms,
            api_version: request.api_version,
        }
    }

    /// Whether the group is still where it was when the change was begun.
    fn is_current(&self, group: &ClassicGroup) -> bool {
        *group.phase() == Phase::Stable
            && group.generation == self.generation
            && group.static_member(&self.instance) == Some(&self.new)
    }
}
