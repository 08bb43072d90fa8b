//! From one generation to the next.

use thalweg_model::ErrorCode;

use super::pending::FollowUp;
use super::timers::Timer;
use super::turn::Turn;
use crate::MemberId;
use crate::classic::{ClassicGroup, InitialDelay, Member, Phase};
use crate::effects::AppendId;
use crate::messages::{JoinReply, SyncReply};

impl Turn<'_> {
    /// Calls the members to join if they can be called, else ends the round if all are there.
    pub(super) fn rebalance_or_complete(&mut self, group: &mut ClassicGroup) -> Option<AppendId> {
        if group.is_preparing() {
            self.complete_if_all_joined(group)
        } else {
            self.prepare_rebalance(group)
        }
    }

    /// Calls the members to join the next generation.
    pub(super) fn prepare_rebalance(&mut self, group: &mut ClassicGroup) -> Option<AppendId> {
        if *group.phase() == Phase::CompletingRebalance {
            self.refuse_assignment(group, ErrorCode::RebalanceInProgress);
        }
        group.pending_sync.clear();
        self.timers.cancel(&Timer::Sync(group.id.clone()));
        if *group.phase() == Phase::Empty {
            self.await_first_members(group);
            return None;
        }
        group.enter(Phase::PreparingRebalance(None), self.now.wall);
        if group.all_joined() {
            return self.complete_join(group);
        }
        let deadline = self.after(group.rebalance_timeout());
        self.timers.set(Timer::Join(group.id.clone()), deadline);
        None
    }

    /// An empty group waits a little, so that members that start together share a generation.
    fn await_first_members(&mut self, group: &mut ClassicGroup) {
        let delay_ms = self.config.initial_rebalance_delay_ms;
        let delay = InitialDelay {
            delay_ms,
            remaining_ms: group.rebalance_timeout().saturating_sub(delay_ms),
            member_came: false,
        };
        group.enter(Phase::PreparingRebalance(Some(delay)), self.now.wall);
        let deadline = self.after(delay_ms);
        self.timers.set(Timer::Join(group.id.clone()), deadline);
    }

    /// Ends the round if it need not wait for anyone. The first round of a group waits regardless.
    pub(super) fn complete_if_all_joined(&mut self, group: &mut ClassicGroup) -> Option<AppendId> {
        match group.phase() {
            Phase::PreparingRebalance(None) if group.all_joined() => self.complete_join(group),
            Phase::PreparingRebalance(_)
            | Phase::Empty
            | Phase::CompletingRebalance
            | Phase::Stable => None,
        }
    }

    /// The wait for joins is over.
    pub(super) fn on_join_timer(&mut self, group: &mut ClassicGroup) {
        if !group.is_preparing() {
            return;
        }
        let delay_max = self.config.initial_rebalance_delay_ms;
        if let Some(delay) = group.initial_delay_mut()
            && delay.member_came
            && delay.remaining_ms != 0
        {
            // A member came while we waited: wait once more, but never longer than a rebalance may.
            let next = delay_max.min(delay.remaining_ms);
            delay.remaining_ms = delay.remaining_ms.saturating_sub(delay.delay_ms);
            delay.delay_ms = next;
            delay.member_came = false;
            let deadline = self.after(next);
            self.timers.set(Timer::Join(group.id.clone()), deadline);
            return;
        }
        self.complete_join(group);
    }

    /// Begins the next generation with those who joined. Dynamic members that did not are gone;
    /// static ones are expected back.
    pub(super) fn complete_join(&mut self, group: &mut ClassicGroup) -> Option<AppendId> {
        self.timers.cancel(&Timer::Join(group.id.clone()));
        let late = |member: &&Member| member.awaiting_join.is_none() && !member.is_static();
        let late: Vec<MemberId> = group.members().filter(late).map(|m| m.id.clone()).collect();
        for member in &late {
            self.drop_member(group, member);
        }
        if group.members().len() > 0 && !group.elect_leader() {
            // Only static members are left and none came: wait for one of them. At least a
            // millisecond, so that a timeout of zero does not spin.
            let deadline = self.after(group.rebalance_timeout().max(1));
            self.timers.set(Timer::Join(group.id.clone()), deadline);
            return None;
        }
        group.begin_generation(self.now.wall);
        if *group.phase() == Phase::Empty {
            let record = group.record(&group.assignments());
            return Some(self.append(vec![record], FollowUp::None));
        }
        self.announce_generation(group);
        None
    }

    fn announce_generation(&mut self, group: &mut ClassicGroup) {
        for id in group.member_ids() {
            let reply = group.join_reply(&id);
            group.answer_join(reply, &id, &mut self.effects);
            if let Some(member) = group.member_mut(&id) {
                member.is_new = false;
            }
            if let Some(member) = group.member(&id) {
                self.restart_session(group, member);
            }
            group.pending_sync.insert(id);
        }
        let deadline = self.after(group.rebalance_timeout());
        self.timers.set(Timer::Sync(group.id.clone()), deadline);
    }

    /// Members that did not fetch their assignment in time hold up the others: they are gone.
    pub(super) fn on_sync_timer(&mut self, group: &mut ClassicGroup) {
        let is_waiting = matches!(group.phase(), Phase::CompletingRebalance | Phase::Stable);
        if !is_waiting || group.pending_sync.is_empty() {
            return;
        }
        for member in std::mem::take(&mut group.pending_sync) {
            self.drop_member(group, &member);
        }
        self.prepare_rebalance(group);
    }

    /// A member's session ended.
    pub(super) fn on_session_timer(&mut self, group: &mut ClassicGroup, id: &MemberId) {
        if group.pending_members.contains(id) {
            group.remove(id);
        } else {
            match group.member(id) {
                None => return,
                Some(member) if member.is_excused() => return,
                Some(_) => self.drop_member(group, id),
            }
            if matches!(group.phase(), Phase::Stable | Phase::CompletingRebalance) {
                self.prepare_rebalance(group);
                return;
            }
        }
        if group.is_preparing() && group.all_joined() {
            self.complete_join(group);
        }
    }

    /// Removes a member and refuses what it waits for.
    pub(super) fn drop_member(&mut self, group: &mut ClassicGroup, id: &MemberId) {
        let join = JoinReply::refused(MemberId::default(), ErrorCode::UnknownMemberId);
        group.answer_join(join, id, &mut self.effects);
        let sync = SyncReply::refused(ErrorCode::UnknownMemberId);
        group.answer_sync(sync, id, &mut self.effects);
        group.remove(id);
        self.end_session(group, id);
    }

    /// Takes back what members were assigned and refuses the syncs that wait.
    pub(super) fn refuse_assignment(&mut self, group: &mut ClassicGroup, error: ErrorCode) {
        for id in group.member_ids() {
            if let Some(member) = group.member_mut(&id) {
                member.assignment.clear();
            }
            self.answer_waiting_sync(group, &id, SyncReply::refused(error));
        }
    }

    /// Answers a sync that waits; the member was silent while it did, so its session starts anew.
    pub(super) fn answer_waiting_sync(
        &mut self,
        group: &mut ClassicGroup,
        id: &MemberId,
        reply: SyncReply,
    ) {
        let answered = group.answer_sync(reply, id, &mut self.effects);
        if answered && let Some(member) = group.member(id) {
            self.restart_session(group, member);
        }
    }
}
