//! Joins and syncs that wait, and how they are answered.

use thalweg_model::ErrorCode;

use super::ClassicGroup;
use crate::MemberId;
use crate::effects::{Effects, ReplyToken};
use crate::messages::{JoinReply, JoinedMember, Reply, SyncReply};

impl ClassicGroup {
    /// Lets a member's join wait. An older one of the same member is told to try again: its client
    /// asked twice and takes the later answer.
    pub(crate) fn wait_for_join(
        &mut self,
        id: &MemberId,
        token: ReplyToken,
        effects: &mut Effects,
    ) {
        let Some(member) = self.member_mut(id) else {
            return;
        };
        if let Some(older) = member.awaiting_join.replace(token) {
            let reply = JoinReply::refused(id.clone(), ErrorCode::RebalanceInProgress);
            effects.replies.push((older, Reply::Join(reply)));
        }
    }

    /// Lets a member's sync wait, as [`Self::wait_for_join`] does.
    pub(crate) fn wait_for_sync(
        &mut self,
        id: &MemberId,
        token: ReplyToken,
        effects: &mut Effects,
    ) {
        let Some(member) = self.member_mut(id) else {
            return;
        };
        if let Some(older) = member.awaiting_sync.replace(token) {
            let reply = SyncReply::refused(ErrorCode::RebalanceInProgress);
            effects.replies.push((older, Reply::Sync(reply)));
        }
    }

    /// Answers a member's waiting join, if there is one.
    pub(crate) fn answer_join(&mut self, reply: JoinReply, id: &MemberId, effects: &mut Effects) {
        let waiting = self.member_mut(id).and_then(|m| m.awaiting_join.take());
        if let Some(token) = waiting {
            effects.replies.push((token, Reply::Join(reply)));
        }
    }

    /// Answers a member's waiting sync; false if there is none.
    pub(crate) fn answer_sync(
        &mut self,
        reply: SyncReply,
        id: &MemberId,
        effects: &mut Effects,
    ) -> bool {
        let waiting = self.member_mut(id).and_then(|m| m.awaiting_sync.take());
        let Some(token) = waiting else {
            return false;
        };
        effects.replies.push((token, Reply::Sync(reply)));
        true
    }

    /// Refuses whatever a member waits for.
    pub(crate) fn refuse_waiting(
        &mut self,
        id: &MemberId,
        error: ErrorCode,
        effects: &mut Effects,
    ) {
        self.answer_join(JoinReply::refused(id.clone(), error), id, effects);
        self.answer_sync(SyncReply::refused(error), id, effects);
    }

    /// The answer to a member of the current generation; only the leader sees the members.
    pub(crate) fn join_reply(&self, id: &MemberId) -> JoinReply {
        JoinReply {
            error: ErrorCode::None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member: id.clone(),
            members: if self.is_leader(id) {
                self.joined_members()
            } else {
                Vec::new()
            },
        }
    }

    fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let members = self.members().map(|member| JoinedMember {
            member: member.id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol),
        });
        members.collect()
    }

    /// The answer to a member that fetches its assignment.
    pub(crate) fn sync_reply(&self, id: &MemberId) -> SyncReply {
        let assignment = self.member(id).map(|member| member.assignment.clone());
        SyncReply {
            error: ErrorCode::None,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment: assignment.unwrap_or_default(),
        }
    }
}
