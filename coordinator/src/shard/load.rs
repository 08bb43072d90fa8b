//! Becoming the coordinator, and ceasing to be.

use std::collections::BTreeSet;

use thalweg_model::Now;
use thalweg_model::defect::{self, Defect};

use super::pending::PendingAppends;
use super::timers::Timers;
use super::{GroupShard, Groups};
use crate::classic::ClassicGroup;
use crate::effects::{AppendFailure, Effects};
use crate::stored::{DurableState, Record};
use crate::{GroupConfig, GroupId};

/// A shard that is still reading its log. Until it is done, clients are told to try again.
#[derive(Debug, Default)]
pub struct ShardLoader {
    durable: DurableState,
}

impl ShardLoader {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up one committed record, in log order.
    pub fn replay(&mut self, record: &Record) {
        let lost = match record {
            Record::Offset { .. } => defect::is_on(Defect::PositionsLostOnLoad),
            Record::Group { .. } => defect::is_on(Defect::MembershipLostOnLoad),
        };
        if lost {
            return;
        }
        self.durable.replay(record);
    }

    /// The log is read: members get a session's time to show up.
    pub fn finish(self, now: Now, config: GroupConfig) -> (GroupShard, Effects) {
        let mut shard = GroupShard {
            config,
            groups: load_groups(&self.durable, now),
            durable: self.durable,
            timers: Timers::default(),
            pending: PendingAppends::default(),
        };
        let (groups, _, mut turn) = shard.turn(now);
        for group in groups.values_mut() {
            for member in group.members() {
                turn.restart_session(group, member);
            }
            if group.members().len() > turn.config.members_max {
                // The limit was lowered: who comes first may stay.
                turn.prepare_rebalance(group);
            }
        }
        turn.schedule_expiry();
        let effects = turn.effects;
        (shard, effects)
    }
}

fn load_groups(durable: &DurableState, now: Now) -> Groups {
    let stored = durable.stored_groups().map(|(id, _)| id);
    let offsets = durable.offset_groups().map(|(id, _)| id);
    let ids: BTreeSet<&GroupId> = stored.chain(offsets).collect();
    let load = |id: &GroupId| ClassicGroup::load(id.clone(), durable.group(id), now.wall);
    ids.into_iter().map(|id| (id.clone(), load(id))).collect()
}

impl GroupShard {
    /// This node does not lead the partition any more: everyone who waits is sent away. Records
    /// that were not reported may be committed nevertheless.
    pub fn unload(mut self, now: Now) -> Effects {
        let abandoned = self.pending.abandon();
        let (groups, _, mut turn) = self.turn(now);
        let failure = AppendFailure::NotLeader;
        for append in abandoned {
            for parked in append.parked {
                turn.refuse(parked, failure);
            }
        }
        for group in groups.values_mut() {
            for member in group.member_ids() {
                group.refuse_waiting(&member, failure.code(), &mut turn.effects);
            }
        }
        turn.effects
    }
}
