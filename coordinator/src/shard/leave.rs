//! LeaveGroup.

use thalweg_model::{ErrorCode, Now};

use super::GroupShard;
use super::turn::Turn;
use crate::classic::{ClassicGroup, Phase};
use crate::effects::{AppendId, Effects, ReplyToken};
use crate::messages::{LeaveReply, LeaveRequest, LeavingMember, LeftMember, Reply};

impl GroupShard {
    /// Members leave, or are removed by their static names.
    pub fn leave(&mut self, now: Now, token: ReplyToken, request: &LeaveRequest) -> Effects {
        let (groups, _, mut turn) = self.turn(now);
        if request.group.as_str().is_empty() {
            let reply = LeaveReply::refused(ErrorCode::InvalidGroupId);
            turn.reply(token, Reply::Leave(reply));
            return turn.effects;
        }
        let mut group = groups.get_mut(&request.group);
        let mut members = Vec::with_capacity(request.members.len());
        for leaving in &request.members {
            let outcome = match &mut group {
                Some(group) => turn.leave(group, leaving),
                None => Err(ErrorCode::UnknownMemberId),
            };
            members.push(LeftMember {
                member: leaving.member.clone(),
                instance: leaving.instance.clone(),
                error: outcome.err().unwrap_or(ErrorCode::None),
            });
        }
        let anyone_left = members.iter().any(|m| m.error == ErrorCode::None);
        let appended = match group {
            Some(group) if anyone_left => turn.go_on_without(group),
            Some(_) | None => None,
        };
        let error = ErrorCode::None;
        let reply = Reply::Leave(LeaveReply { error, members });
        turn.reply_after(appended, token, reply);
        turn.effects
    }
}

impl Turn<'_> {
    fn leave(
        &mut self,
        group: &mut ClassicGroup,
        leaving: &LeavingMember,
    ) -> Result<(), ErrorCode> {
        let instance = leaving.instance.as_ref();
        let id = if leaving.member.is_unknown() {
            let named = instance.and_then(|instance| group.static_member(instance));
            named.cloned().ok_or(ErrorCode::UnknownMemberId)?
        } else {
            if !group.pending_members.contains(&leaving.member) {
                group.check_member(&leaving.member, instance)?;
            }
            leaving.member.clone()
        };
        self.drop_member(group, &id);
        Ok(())
    }

    fn go_on_without(&mut self, group: &mut ClassicGroup) -> Option<AppendId> {
        match group.phase() {
            // Only ids that were never used left.
            Phase::Empty => None,
            Phase::PreparingRebalance(_) => self.complete_if_all_joined(group),
            Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(group),
        }
    }
}
