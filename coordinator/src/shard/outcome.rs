//! What happens when an append is committed, fails or takes too long.

use std::collections::BTreeSet;

use thalweg_model::Now;

use super::offset_fetch::read_offsets;
use super::pending::{FollowUp, Parked};
use super::turn::Turn;
use super::{GroupShard, Groups};
use crate::GroupId;
use crate::classic::ClassicGroup;
use crate::effects::{AppendFailure, AppendId, Effects};
use crate::messages::{OffsetFetchReply, Reply};
use crate::stored::{DurableState, Record};

impl GroupShard {
    /// The oldest open append is committed: it becomes durable state, and answers are released.
    ///
    /// # Panics
    /// If an older append is open.
    pub fn committed(&mut self, now: Now, id: AppendId) -> Effects {
        let append = self.pending.commit(id);
        for record in &*append.records {
            self.durable.replay(record);
        }
        let (groups, durable, mut turn) = self.turn(now);
        for group in named(&append.records, true) {
            if let Some(group) = groups.get_mut(group) {
                group.visible = true;
            }
        }
        turn.finish(groups, append.follow_up);
        for parked in append.parked {
            turn.release(parked, durable);
        }
        turn.effects
    }

    /// An append did not reach the log and never will.
    ///
    /// # Panics
    /// If it has an outcome already.
    pub fn failed(&mut self, now: Now, id: AppendId, failure: AppendFailure) -> Effects {
        let append = self.pending.fail(id);
        let (groups, durable, mut turn) = self.turn(now);
        turn.revert(groups, append.follow_up, failure);
        for group in named(&append.records, true) {
            turn.forget_unborn(groups, group);
        }
        for group in named(&append.records, false) {
            turn.restore(groups, group, durable);
        }
        for parked in append.parked {
            turn.refuse(parked, failure);
        }
        turn.effects
    }
}

/// The groups whose membership or positions the records set, or delete.
fn named(records: &[Record], set: bool) -> BTreeSet<&GroupId> {
    let names = records.iter().filter_map(|record| match record {
        Record::Group { group, value } => (value.is_some() == set).then_some(group),
        Record::Offset { group, value, .. } => (value.is_some() == set).then_some(group),
    });
    names.collect()
}

impl Turn<'_> {
    fn finish(&mut self, groups: &mut Groups, follow_up: FollowUp) {
        match follow_up {
            FollowUp::None => {}
            FollowUp::Assignment(assignment) => {
                if let Some(group) = groups.get_mut(&assignment.group) {
                    self.finish_assignment(group, &assignment);
                }
            }
            FollowUp::Static(change) => {
                if let Some(group) = groups.get_mut(&change.group) {
                    self.finish_static(group, &change);
                }
            }
        }
    }

    pub(super) fn revert(
        &mut self,
        groups: &mut Groups,
        follow_up: FollowUp,
        failure: AppendFailure,
    ) {
        match follow_up {
            FollowUp::None => {}
            FollowUp::Assignment(assignment) => {
                if let Some(group) = groups.get_mut(&assignment.group) {
                    self.revert_assignment(group, &assignment, failure);
                }
            }
            FollowUp::Static(change) => {
                if let Some(group) = groups.get_mut(&change.group) {
                    self.revert_static(group, change, failure);
                }
            }
        }
    }

    fn release(&mut self, parked: Parked, durable: &DurableState) {
        match parked {
            Parked::Reply(token, reply) => self.reply(token, reply),
            Parked::Fetch(token, request) => {
                let reply = read_offsets(durable, &request);
                self.reply(token, Reply::OffsetFetch(reply));
            }
        }
    }

    pub(super) fn refuse(&mut self, parked: Parked, failure: AppendFailure) {
        match parked {
            Parked::Reply(token, reply) => self.reply(token, reply.failed(failure.code())),
            Parked::Fetch(token, _) => {
                let reply = OffsetFetchReply::refused(failure.fetch_code());
                self.reply(token, Reply::OffsetFetch(reply));
            }
        }
    }

    /// Lets go of a group that the log never came to know. One that has members goes on: its next
    /// record makes it known.
    fn forget_unborn(&mut self, groups: &mut Groups, id: &GroupId) {
        let is_unborn = groups
            .get(id)
            .is_some_and(|group| !group.visible && group.is_deserted());
        if is_unborn && !self.pending.concerns(id) {
            groups.remove(id);
        }
    }

    /// Takes a group up again whose deletion failed.
    fn restore(&mut self, groups: &mut Groups, id: &GroupId, durable: &DurableState) {
        let stored = durable.group(id);
        let exists = stored.is_some() || durable.offsets_of(id).is_some();
        if !exists || groups.contains_key(id) || self.pending.deletes(id) {
            return;
        }
        let group = ClassicGroup::load(id.clone(), stored, self.now.wall);
        for member in group.members() {
            self.restart_session(&group, member);
        }
        groups.insert(id.clone(), group);
    }
}
