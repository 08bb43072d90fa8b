//! JoinGroup, in Kafka's order of checks.

use thalweg_model::{ErrorCode, Now};

use super::GroupShard;
use super::pending::FollowUp;
use super::timers::Timer;
use super::turn::Turn;
use crate::classic::{ClassicGroup, Member, Phase};
use crate::effects::{AppendId, Effects, ReplyToken};
use crate::limits::{
    MEMBER_PREFIX_BYTES_MAX, NAME_BYTES_MAX, NEW_MEMBER_JOIN_TIMEOUT, PENDING_MEMBERS_MAX,
};
use crate::messages::{JoinReply, JoinRequest, Reply};
use crate::{InstanceId, MemberId};

/// First version whose new members learn their id before they join.
const KNOWN_MEMBER_ID_FROM: i16 = 4;

impl GroupShard {
    /// A client joins. Its answer may come much later, from any call.
    pub fn join(&mut self, now: Now, token: ReplyToken, request: &JoinRequest) -> Effects {
        let (groups, _, mut turn) = self.turn(now);
        let refusal = if request.group.as_str().is_empty() || request.group.is_too_long() {
            Some(ErrorCode::InvalidGroupId)
        } else if request.has_long_names() {
            Some(ErrorCode::InvalidRequest)
        } else if request.session_timeout_ms < turn.config.session_timeout_ms_min
            || request.session_timeout_ms > turn.config.session_timeout_ms_max
        {
            Some(ErrorCode::InvalidSessionTimeout)
        } else if !groups.contains_key(&request.group) && !request.member.is_unknown() {
            Some(ErrorCode::UnknownMemberId)
        } else {
            None
        };
        if let Some(error) = refusal {
            turn.refuse_join(token, &request.member, error);
            return turn.effects;
        }
        let is_new = !groups.contains_key(&request.group);
        let group = groups
            .entry(request.group.clone())
            .or_insert_with(|| ClassicGroup::new(request.group.clone(), now.wall));
        let appended = turn.join(group, token, request);
        if is_new && appended.is_none() {
            // Readers see a group once the log knows it, and whoever made it is answered then.
            let answered = std::mem::take(&mut turn.effects.replies);
            let first = turn.append(vec![group.first_record()], FollowUp::None);
            for (token, reply) in answered {
                turn.reply_after(Some(first), token, reply);
            }
        }
        turn.effects
    }
}

impl JoinRequest {
    /// Whether something is named that could not be stored.
    fn has_long_names(&self) -> bool {
        let instance = self.instance.as_ref().map_or(0, |i| i.as_str().len());
        let protocols = self.protocols.iter().map(|protocol| protocol.name.len());
        self.client_id.len() > MEMBER_PREFIX_BYTES_MAX
            || instance > MEMBER_PREFIX_BYTES_MAX
            || self.client_host.len() > NAME_BYTES_MAX
            || self.protocol_type.len() > NAME_BYTES_MAX
            || protocols.max().unwrap_or(0) > NAME_BYTES_MAX
    }
}

impl Turn<'_> {
    fn join(
        &mut self,
        group: &mut ClassicGroup,
        token: ReplyToken,
        request: &JoinRequest,
    ) -> Option<AppendId> {
        if !self.has_room(group, &request.member) {
            self.end_session(group, &request.member);
            group.remove(&request.member);
            let error = ErrorCode::GroupMaxSizeReached;
            self.refuse_join(token, &MemberId::default(), error);
            return None;
        }
        if !group.supports(&request.protocol_type, &request.protocols) {
            let error = ErrorCode::InconsistentGroupProtocol;
            self.refuse_join(token, &request.member, error);
            return None;
        }
        if request.member.is_unknown() {
            self.join_new(group, token, request)
        } else if group.pending_members.contains(&request.member) {
            self.join_pending(group, token, request)
        } else {
            self.join_existing(group, token, request)
        }
    }

    pub(super) fn refuse_join(&mut self, token: ReplyToken, member: &MemberId, error: ErrorCode) {
        let reply = JoinReply::refused(member.clone(), error);
        self.reply(token, Reply::Join(reply));
    }

    /// Whether the group takes this member. While it gathers, those who wait count, so that the last
    /// to come are turned away even if the limit was lowered.
    fn has_room(&self, group: &ClassicGroup, member: &MemberId) -> bool {
        let known = group.member(member);
        match group.phase() {
            Phase::Empty => true,
            Phase::PreparingRebalance(_) => {
                known.is_some_and(|member| member.awaiting_join.is_some())
                    || group.awaiting_join() < self.config.members_max
            }
            Phase::CompletingRebalance | Phase::Stable => {
                known.is_some() || group.members().len() < self.config.members_max
            }
        }
    }

    fn join_new(
        &mut self,
        group: &mut ClassicGroup,
        token: ReplyToken,
        request: &JoinRequest,
    ) -> Option<AppendId> {
        let prefix = match &request.instance {
            Some(instance) => instance.as_str(),
            None => &request.client_id,
        };
        let id = MemberId::generate(prefix, request.entropy);
        let present = request
            .instance
            .as_ref()
            .and_then(|i| group.static_member(i));
        if let Some(present) = present.cloned() {
            return self.replace_static(group, token, request, (&present, id));
        }
        if request.instance.is_some() || request.api_version < KNOWN_MEMBER_ID_FROM {
            return self.add_member(group, token, request, id);
        }
        if group.pending_members.len() >= PENDING_MEMBERS_MAX {
            let error = ErrorCode::GroupMaxSizeReached;
            self.refuse_join(token, &MemberId::default(), error);
            return None;
        }
        // An id that is never used again is forgotten after a session.
        let timer = Timer::Session(group.id.clone(), id.clone());
        let session = u64::try_from(request.session_timeout_ms).unwrap_or(0);
        self.timers.set(timer, self.after(session));
        self.refuse_join(token, &id, ErrorCode::MemberIdRequired);
        group.pending_members.insert(id);
        None
    }

    fn join_pending(
        &mut self,
        group: &mut ClassicGroup,
        token: ReplyToken,
        request: &JoinRequest,
    ) -> Option<AppendId> {
        // Static members never get a pending id, so one that claims to is somebody else.
        let taken = |instance: &InstanceId| group.static_member(instance).is_some();
        if let Some(instance) = &request.instance {
            let error = if taken(instance) {
                ErrorCode::FencedInstanceId
            } else {
                ErrorCode::UnknownMemberId
            };
            self.refuse_join(token, &request.member, error);
            return None;
        }
        self.add_member(group, token, request, request.member.clone())
    }

    fn add_member(
        &mut self,
        group: &mut ClassicGroup,
        token: ReplyToken,
        request: &JoinRequest,
        id: MemberId,
    ) -> Option<AppendId> {
        if let Some(delay) = group.initial_delay_mut() {
            delay.member_came = true;
        }
        group.add(Member::joining(id.clone(), request), &request.protocol_type);
        group.wait_for_join(&id, token, &mut self.effects);
        let deadline = self.now.tick.after(NEW_MEMBER_JOIN_TIMEOUT);
        self.timers
            .set(Timer::Session(group.id.clone(), id), deadline);
        self.rebalance_or_complete(group)
    }

    fn join_existing(
        &mut self,
        group: &mut ClassicGroup,
        token: ReplyToken,
        request: &JoinRequest,
    ) -> Option<AppendId> {
        let id = &request.member;
        if let Err(error) = group.check_member(id, request.instance.as_ref()) {
            self.refuse_join(token, id, error);
            return None;
        }
        let is_unchanged = group
            .member(id)
            .is_some_and(|member| member.protocols == request.protocols);
        let answers_as_is = match group.phase() {
            // It may have missed the answer; the generation stands.
            Phase::CompletingRebalance => is_unchanged,
            // A leader that rejoins wants a new assignment, for reasons only it knows.
            Phase::Stable => is_unchanged && !group.is_leader(id),
            Phase::PreparingRebalance(_) | Phase::Empty => false,
        };
        if answers_as_is {
            self.reply(token, Reply::Join(group.join_reply(id)));
            return None;
        }
        group.update(id, request);
        group.wait_for_join(id, token, &mut self.effects);
        self.rebalance_or_complete(group)
    }
}
