//! SyncGroup and Heartbeat.

use std::collections::BTreeMap;

use thalweg_model::defect::{self, Defect};
use thalweg_model::{ErrorCode, Now};

use super::GroupShard;
use super::pending::{Assignment, FollowUp};
use super::timers::Timer;
use super::turn::Turn;
use crate::classic::{ClassicGroup, Phase};
use crate::effects::{AppendFailure, Effects, ReplyToken};
use crate::messages::{HeartbeatRequest, Reply, SyncReply, SyncRequest};

impl GroupShard {
    /// A member fetches its assignment, or brings everyone's. The answer may come later.
    pub fn sync(&mut self, now: Now, token: ReplyToken, request: &SyncRequest) -> Effects {
        let (groups, _, mut turn) = self.turn(now);
        let group = groups.get_mut(&request.group);
        match group {
            _ if request.group.as_str().is_empty() => {
                turn.refuse_sync(token, ErrorCode::InvalidGroupId);
            }
            None => turn.refuse_sync(token, ErrorCode::UnknownMemberId),
            Some(group) => match group.check_sync(request) {
                Err(error) => turn.refuse_sync(token, error),
                Ok(()) => turn.sync(group, token, request),
            },
        }
        turn.effects
    }

    /// A member says that it is alive.
    ///
    /// # Errors
    /// What the member is told instead, which may only mean that it shall rejoin.
    pub fn heartbeat(&mut self, now: Now, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        if request.group.as_str().is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let (groups, _, mut turn) = self.turn(now);
        let group = groups.get_mut(&request.group);
        let group = group.ok_or(ErrorCode::UnknownMemberId)?;
        group.check_generation(
            &request.member,
            request.instance.as_ref(),
            request.generation,
        )?;
        if let Some(member) = group.member(&request.member) {
            turn.restart_session(group, member);
        }
        match group.phase() {
            Phase::Empty => Err(ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance(_) => Err(ErrorCode::RebalanceInProgress),
            Phase::CompletingRebalance | Phase::Stable => Ok(()),
        }
    }
}

impl Turn<'_> {
    fn refuse_sync(&mut self, token: ReplyToken, error: ErrorCode) {
        self.reply(token, Reply::Sync(SyncReply::refused(error)));
    }

    fn sync(&mut self, group: &mut ClassicGroup, token: ReplyToken, request: &SyncRequest) {
        match group.phase() {
            Phase::Empty => self.refuse_sync(token, ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance(_) => {
                self.refuse_sync(token, ErrorCode::RebalanceInProgress);
            }
            Phase::CompletingRebalance => {
                group.wait_for_sync(&request.member, token, &mut self.effects);
                self.synced(group, request);
                if group.is_leader(&request.member) {
                    self.store_assignment(group, request);
                }
            }
            Phase::Stable => {
                self.synced(group, request);
                let reply = group.sync_reply(&request.member);
                self.reply(token, Reply::Sync(reply));
            }
        }
    }

    fn synced(&mut self, group: &mut ClassicGroup, request: &SyncRequest) {
        group.pending_sync.remove(&request.member);
        if group.pending_sync.is_empty() {
            self.timers.cancel(&Timer::Sync(group.id.clone()));
        }
    }

    fn store_assignment(&mut self, group: &ClassicGroup, request: &SyncRequest) {
        let parts: BTreeMap<_, _> = request.assignments.iter().cloned().collect();
        let record = group.record(&parts);
        let assignment = Assignment {
            group: group.id.clone(),
            generation: group.generation,
            parts,
        };
        self.append(vec![record], FollowUp::Assignment(assignment));
    }

    /// The assignment is stored: everyone gets theirs.
    pub(super) fn finish_assignment(&mut self, group: &mut ClassicGroup, assignment: &Assignment) {
        if !assignment.is_current(group) && !defect::is_on(Defect::StaleAssignmentHandedOut) {
            return;
        }
        for id in group.member_ids() {
            let part = assignment.parts.get(&id).cloned().unwrap_or_default();
            if let Some(member) = group.member_mut(&id) {
                member.assignment = part;
            }
            let reply = group.sync_reply(&id);
            self.answer_waiting_sync(group, &id, reply);
        }
        group.enter(Phase::Stable, self.now.wall);
    }

    /// The assignment was not stored: everyone joins again.
    pub(super) fn revert_assignment(
        &mut self,
        group: &mut ClassicGroup,
        assignment: &Assignment,
        failure: AppendFailure,
    ) {
        if !assignment.is_current(group) {
            return;
        }
        self.refuse_assignment(group, failure.code());
        self.rebalance_or_complete(group);
    }
}

impl Assignment {
    /// Whether the generation still waits for this assignment.
    fn is_current(&self, group: &ClassicGroup) -> bool {
        *group.phase() == Phase::CompletingRebalance && group.generation == self.generation
    }
}
