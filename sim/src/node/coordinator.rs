//! The group coordinators of a node: one for each partition of the groups that it serves, as long as it does.

use std::collections::{BTreeMap, VecDeque};

use thalweg_coordinator::stored::{DurableState, Record};
use thalweg_coordinator::{AppendFailure, AppendId, Effects, GroupShard, ReplyToken, ShardLoader};
use thalweg_log::GroupId;
use thalweg_model::{LeaderEpoch, Now, Offset, TopicPartition};
use thalweg_replica::{Acks, AppendError, Appended, Ticket};

use super::scan::Whose;
use super::{Running, SimNode};
use crate::call::{CallId, ClientId, Reply};
use crate::session::{Answered, GroupCall, group_config};

/// Coordinates the groups of one partition in one epoch.
#[derive(Debug)]
pub(super) struct Coordinator {
    epoch: LeaderEpoch,
    shard: GroupShard,
    last_token: u64,
    asked: BTreeMap<ReplyToken, (ClientId, CallId)>,
    appends: BTreeMap<Ticket, AppendId>,
}

impl Coordinator {
    /// What it has stored, if nothing is on its way there.
    fn settled(&self) -> Option<&DurableState> {
        self.appends.is_empty().then(|| self.shard.durable())
    }
}

impl SimNode {
    /// Lets the coordinators follow who leads, and do what is due.
    pub(super) fn tick_coordinators(&mut self, now: Now) {
        let Some(running) = &mut self.running else {
            return;
        };
        for group in running.coordinated.clone() {
            running.match_coordinator(group, now);
            let Some(coordinator) = running.coordinators.get_mut(&group) else {
                continue;
            };
            let due = coordinator.shard.next_deadline();
            if due.is_some_and(|due| due <= now.tick) {
                let effects = coordinator.shard.on_tick(now);
                running.carry_out_group(group, effects, now);
            }
        }
    }

    /// What this node's replica of a partition of the groups makes of its log.
    pub(crate) fn groups_of_log(&mut self, partition: TopicPartition) -> Option<DurableState> {
        let running = self.running.as_mut()?;
        let group = *running.groups.get(&partition)?;
        let now = Now::default();
        let loader = running.replay(group, Whose::Anyone).ok()?;
        Some(loader.finish(now, group_config()).0.durable().clone())
    }

    /// What this node's coordinator has stored, if it has one and nothing is on its way.
    pub(crate) fn groups_of_coordinator(&self, partition: TopicPartition) -> Option<&DurableState> {
        let running = self.running.as_ref()?;
        let group = running.groups.get(&partition)?;
        running.coordinators.get(group)?.settled()
    }
}

impl Running {
    pub(super) fn ask_group(
        &mut self,
        asked: (ClientId, CallId),
        group: GroupId,
        call: &GroupCall,
        now: Now,
    ) {
        self.match_coordinator(group, now);
        let Some(coordinator) = self.coordinators.get_mut(&group) else {
            return self.answer(asked, Reply::NotHere);
        };
        coordinator.last_token += 1;
        let token = ReplyToken(coordinator.last_token);
        match call.put(&mut coordinator.shard, now, token) {
            Answered::Heartbeat(error) => self.answer(asked, Reply::Heartbeat(error)),
            Answered::Later(effects) => {
                coordinator.asked.insert(token, asked);
                self.carry_out_group(group, effects, now);
            }
        }
    }

    /// Whether the append was one of a coordinator, which is told of its end.
    pub(super) fn group_append_completed(
        &mut self,
        ticket: Ticket,
        result: &Result<Appended, AppendError>,
        now: Now,
    ) -> bool {
        let owner = self.coordinators.iter_mut().find_map(|(&group, of)| {
            let id = of.appends.remove(&ticket)?;
            Some((group, id))
        });
        let Some((group, id)) = owner else {
            return false;
        };
        let coordinator = self
            .coordinators
            .get_mut(&group)
            .expect("it was just found");
        let effects = match result {
            Ok(_) => coordinator.shard.committed(now, id),
            // It had been taken: what becomes of it is for the next coordinator to find out.
            Err(AppendError::NotLeader | AppendError::StorageFailed) => {
                self.unload(group, now);
                return true;
            }
            Err(error) => coordinator.shard.failed(now, id, failure(error)),
        };
        self.carry_out_group(group, effects, now);
        true
    }

    /// A partition of the groups has a coordinator here while this replica serves it.
    fn match_coordinator(&mut self, group: GroupId, now: Now) {
        let serves = self.shard.leader_epoch(group);
        if self.coordinators.get(&group).map(|of| of.epoch) == serves {
            return;
        }
        self.unload(group, now);
        let Some(epoch) = serves else {
            return;
        };
        match self.replay(group, Whose::Leader) {
            Ok(loader) => {
                let (shard, effects) = loader.finish(now, group_config());
                let coordinator = Coordinator {
                    epoch,
                    shard,
                    last_token: 0,
                    asked: BTreeMap::new(),
                    appends: BTreeMap::new(),
                };
                self.coordinators.insert(group, coordinator);
                self.carry_out_group(group, effects, now);
            }
            Err(why) => self.failed = Some(why),
        }
    }

    pub(super) fn unload(&mut self, group: GroupId, now: Now) {
        let Some(Coordinator {
            shard, mut asked, ..
        }) = self.coordinators.remove(&group)
        else {
            return;
        };
        for (token, reply) in shard.unload(now).replies {
            if let Some(asked) = asked.remove(&token) {
                self.answer(asked, Reply::Group(reply));
            }
        }
        if !asked.is_empty() {
            self.failed = Some(format!(
                "a coordinator left {} calls unanswered",
                asked.len()
            ));
        }
    }

    /// Reads what is committed of the groups' log.
    fn replay(&mut self, group: GroupId, whose: Whose) -> Result<ShardLoader, String> {
        let mut loader = ShardLoader::new();
        self.scan(group, whose, Offset::ZERO, |batch| {
            let mut damage = None;
            Record::each_in_batch(batch, |record| match record {
                Ok(record) => loader.replay(record),
                Err(error) => damage = Some(error.to_string()),
            });
            damage.map_or(Ok(()), Err)
        })?;
        Ok(loader)
    }

    fn carry_out_group(&mut self, group: GroupId, effects: Effects, now: Now) {
        let mut open = VecDeque::from([effects]);
        while let Some(effects) = open.pop_front() {
            for append in effects.appends {
                self.next_ticket += 1;
                let ticket = Ticket {
                    request: self.next_ticket,
                    part: 0,
                };
                let batch = Record::to_batch(&append.records, now.wall);
                let batch = batch.expect("names of a simulation are short");
                let taken = self.shard.append(group, batch, Acks::All, ticket);
                let Some(coordinator) = self.coordinators.get_mut(&group) else {
                    return;
                };
                match taken {
                    Ok(()) => {
                        coordinator.appends.insert(ticket, append.id);
                    }
                    Err(error) => {
                        open.push_back(coordinator.shard.failed(now, append.id, failure(&error)));
                    }
                }
            }
            for (token, reply) in effects.replies {
                let coordinator = self.coordinators.get_mut(&group);
                if let Some(asked) = coordinator.and_then(|of| of.asked.remove(&token)) {
                    self.answer(asked, Reply::Group(reply));
                }
            }
        }
    }
}

fn failure(error: &AppendError) -> AppendFailure {
    match error {
        AppendError::UnknownPartition | AppendError::NotLeader | AppendError::Producer(_) => {
            AppendFailure::NotLeader
        }
        AppendError::NotEnoughReplicas => AppendFailure::NotEnoughReplicas,
        AppendError::Overloaded => AppendFailure::TimedOut,
        AppendError::Write(_) | AppendError::StorageFailed => AppendFailure::Storage,
    }
}
