//! What becomes true when entries are durable or committed, and when leadership changes.

use std::collections::VecDeque;

use thalweg_consensus::Role as RaftRole;
use thalweg_log::disk::Disk;
use thalweg_log::{GroupId, PartitionLog};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LeaderEpoch, LogIndex, Offset};

use crate::partition::{Leader, Role, Waiting};
use crate::{AppendError, Appended, Effect, Shard, Ticket};

impl<D: Disk> Shard<D> {
    /// Everything up to `index` is committed: the high watermark follows.
    pub(crate) fn on_committed(&mut self, group: GroupId, index: LogIndex) {
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let mut bytes = 0;
        while let Some(end) = replica.uncommitted.front().copied() {
            if end.index > index {
                break;
            }
            replica.uncommitted.pop_front();
            assert!(
                end.end >= replica.high_watermark,
                "a high watermark never goes back"
            );
            replica.high_watermark = end.end;
            bytes += end.bytes;
        }
        replica
            .log
            .producers_mut()
            .on_high_watermark(replica.high_watermark);
        let (mark, log_start) = (replica.high_watermark, replica.log.log_start());
        if let Role::Leader(leader) = &mut replica.role {
            if !leader.serving && index >= leader.first_entry {
                leader.serving = true;
                // All that came before is in the log now.
                leader.next_offset = replica.log.log_end();
                self.effects.push(Effect::LeaderChanged(group));
            }
            let done = take_until(&mut leader.until_committed, mark);
            self.effects.extend(completions(done, log_start));
        }
        if bytes > 0 {
            let woken = self.waiters.on_bytes(group, bytes);
            self.effects.extend(woken.into_iter().map(Effect::Wake));
        }
    }

    /// This replica's own disk has more: `acks=1` asks for no more than that.
    pub(crate) fn complete_durable(&mut self, group: GroupId) {
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let (end, log_start) = (replica.durable_end, replica.log.log_start());
        if let Role::Leader(leader) = &mut replica.role {
            let done = take_until(&mut leader.until_durable, end);
            self.effects.extend(completions(done, log_start));
        }
    }

    /// Follows the group's role.
    pub(crate) fn on_role(&mut self, group: GroupId) {
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let epoch = LeaderEpoch::from(replica.group.term());
        let next = match replica.group.role() {
            RaftRole::Leader => match &replica.role {
                Role::Leader(leader) if leader.epoch == epoch => return,
                Role::Leader(_) | Role::Follower | Role::Candidate => {
                    Role::Leader(Leader::new(epoch, replica.group.last_index(), &replica.log))
                }
            },
            RaftRole::Follower { .. } | RaftRole::Candidate
                if defect::is_on(Defect::ServesAfterLosingLeadership)
                    && matches!(replica.role, Role::Leader(_)) =>
            {
                return;
            }
            RaftRole::Follower { .. } => Role::Follower,
            RaftRole::Candidate => Role::Candidate,
        };
        let before = std::mem::replace(&mut replica.role, next);
        if let Role::Leader(leader) = before {
            replica.log.producers_mut().forget_assigned();
            self.step_down(group, leader);
        }
    }

    /// A leader that no longer leads cannot tell what becomes of what it took.
    pub(crate) fn step_down(&mut self, group: GroupId, leader: Leader) {
        let pending = leader.pending.into_iter().filter_map(|pending| {
            self.pending_bytes -= pending.batch.bytes().len();
            pending.waiting.map(|(ticket, _)| ticket)
        });
        let waiting = leader
            .until_committed
            .into_iter()
            .chain(leader.until_durable);
        let tickets: Vec<_> = pending
            .chain(waiting.map(|waiting| waiting.ticket))
            .collect();
        for ticket in tickets {
            self.effects.push(Effect::Complete {
                ticket,
                result: Err(AppendError::NotLeader),
            });
        }
        self.effects.push(Effect::LeaderChanged(group));
        let woken = self.waiters.on_change(group);
        self.effects.extend(woken.into_iter().map(Effect::Wake));
    }

    /// The disk refused a partition's next batch: nothing that waits behind it can be taken either,
    /// since offsets were promised in order.
    pub(crate) fn refuse_pending(&mut self, group: GroupId, cause: &AppendError) {
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let Role::Leader(leader) = &mut replica.role else {
            return;
        };
        if !std::mem::replace(&mut replica.refuses, true) {
            let notice = format!("batches of {} are refused: {cause}", replica.dir);
            self.effects.push(Effect::Warning(notice));
        }
        let pending = std::mem::take(&mut leader.pending);
        let log_end = replica.log.log_end();
        leader.next_offset = log_end;
        replica.log.producers_mut().forget_assigned();
        let bytes = pending.iter().map(|pending| pending.batch.bytes().len());
        self.pending_bytes -= bytes.sum::<usize>();
        let first = pending
            .into_iter()
            .filter_map(|pending| pending.waiting.map(|(ticket, _)| ticket));
        let refused: Vec<_> = first.chain(leader.take_waiting_beyond(log_end)).collect();
        for ticket in refused {
            self.effects.push(Effect::Complete {
                ticket,
                result: Err(cause.clone()),
            });
        }
    }

    /// Stable storage failed: nobody is told that anything succeeded any more.
    pub(crate) fn fail(&mut self, why: String) {
        if self.failed.is_some() {
            return;
        }
        let groups: Vec<_> = self.replicas.keys().copied().collect();
        for group in groups {
            let replica = self.replicas.get_mut(&group).expect("its key was listed");
            if let Role::Leader(leader) = std::mem::replace(&mut replica.role, Role::Candidate) {
                let pending = leader
                    .pending
                    .into_iter()
                    .filter_map(|pending| pending.waiting);
                let waiting = leader
                    .until_committed
                    .into_iter()
                    .chain(leader.until_durable);
                let tickets = pending.map(|(ticket, _)| ticket);
                for ticket in tickets.chain(waiting.map(|waiting| waiting.ticket)) {
                    let result = Err(AppendError::StorageFailed);
                    self.effects.push(Effect::Complete { ticket, result });
                }
            }
        }
        self.effects.push(Effect::Failed(why.clone()));
        self.failed = Some(why);
    }
}

impl Leader {
    fn new<D: Disk>(epoch: LeaderEpoch, first_entry: LogIndex, log: &PartitionLog<D>) -> Self {
        Self {
            epoch,
            first_entry,
            serving: defect::is_on(Defect::ServesBeforeFirstCommit),
            next_offset: log.log_end(),
            pending: VecDeque::new(),
            until_committed: VecDeque::new(),
            until_durable: VecDeque::new(),
        }
    }

    /// Tickets of repeated batches whose first copies are behind `log_end`: those never came into the log.
    fn take_waiting_beyond(&mut self, log_end: Offset) -> Vec<Ticket> {
        if defect::is_on(Defect::RefusedFirstCopyAwaited) {
            return Vec::new();
        }
        let queues = [&mut self.until_committed, &mut self.until_durable];
        queues
            .into_iter()
            .flat_map(|queue| queue.split_off(queue.partition_point(|of| of.end <= log_end)))
            .map(|waiting| waiting.ticket)
            .collect()
    }
}

fn take_until(queue: &mut VecDeque<Waiting>, mark: Offset) -> Vec<Waiting> {
    let done = queue.partition_point(|waiting| waiting.end <= mark);
    queue.drain(..done).collect()
}

fn completions<D: Disk>(done: Vec<Waiting>, log_start: Offset) -> impl Iterator<Item = Effect<D>> {
    done.into_iter().map(move |waiting| Effect::Complete {
        ticket: waiting.ticket,
        result: Ok(Appended {
            base: waiting.base,
            log_start,
        }),
    })
}
