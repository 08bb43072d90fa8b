//! Accepting batches: the order of a partition's records is fixed here.

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::Disk;
use thalweg_log::producers::{CheckContext, ProducerError, Verdict};
use thalweg_model::Offset;
use thalweg_model::batch::{CheckedBatch, StoredBatch};
use thalweg_model::defect::{self, Defect};

use crate::limits::{COALESCE_BELOW_BYTES, COALESCED_ENTRY_BYTES_MAX, PENDING_BYTES_MAX};
use crate::partition::{Leader, Pending, Role};
use crate::{Acks, Appended, Effect, Shard, Ticket};

/// Why a batch was not appended. Unless a variant says otherwise nothing happened and nothing will.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// This shard holds no such partition.
    #[error("the partition is not here")]
    UnknownPartition,
    /// Another replica leads. If it was the leader when it took the batch, the batch may yet be
    /// committed.
    #[error("this replica does not lead the partition")]
    NotLeader,
    /// Fewer replicas are in sync than `min.insync.replicas` asks for.
    #[error("too few replicas are in sync")]
    NotEnoughReplicas,
    /// The idempotent producer's sequence or epoch does not fit.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// Too much is waiting for the disk; trying again later helps.
    #[error("too many appends are waiting for the disk")]
    Overloaded,
    /// The segment could not be written, as on a full disk; the batch is not in the log.
    #[error("the batch could not be written: {0}")]
    Write(String),
    /// Stable storage failed; the batch may be found in the log after a restart.
    #[error("stable storage failed")]
    StorageFailed,
}

impl<D: Disk> Shard<D> {
    /// Takes a batch into the order of a partition. The outcome comes as [`Effect::Complete`]
    /// unless `acks` is none; an error returned here is final and no effect follows.
    ///
    /// # Errors
    /// The batch cannot be appended.
    pub fn append(
        &mut self,
        group: GroupId,
        batch: CheckedBatch,
        acks: Acks,
        ticket: Ticket,
    ) -> Result<(), AppendError> {
        if self.failed.is_some() {
            return Err(AppendError::StorageFailed);
        }
        if self.pending_bytes + batch.len() > PENDING_BYTES_MAX {
            return Err(AppendError::Overloaded);
        }
        let replica = self
            .replicas
            .get_mut(&group)
            .ok_or(AppendError::UnknownPartition)?;
        if replica.serving().is_none() {
            return Err(AppendError::NotLeader);
        }
        let in_sync = 1; // The leader itself; followers are counted once there is a network.
        if acks == Acks::All && in_sync < replica.spec.min_insync_replicas {
            return Err(AppendError::NotEnoughReplicas);
        }
        let Role::Leader(leader) = &mut replica.role else {
            return Err(AppendError::NotLeader);
        };
        let context = CheckContext {
            next_offset: leader.next_offset,
            starts_at_zero: false,
        };
        match replica.log.producers().check(batch.header(), &context)? {
            Verdict::Append => {}
            Verdict::Duplicate { first, last, .. } => {
                let appended = Appended {
                    base: first,
                    log_start: replica.log.log_start(),
                };
                self.answer_duplicate(group, acks, ticket, appended, last);
                return Ok(());
            }
        }
        let stored = batch.assign(leader.next_offset, leader.epoch);
        replica.log.producers_mut().assign(&stored);
        leader.next_offset = stored.header().next_offset();
        self.pending_bytes += stored.bytes().len();
        let waiting = (acks != Acks::None).then_some((ticket, acks));
        leader.pending.push_back(Pending {
            batch: stored,
            waiting,
        });
        self.queue(group);
        Ok(())
    }

    /// A repeated batch is answered when its first copy would be: never before that is committed.
    fn answer_duplicate(
        &mut self,
        group: GroupId,
        acks: Acks,
        ticket: Ticket,
        appended: Appended,
        last: Offset,
    ) {
        if acks == Acks::None {
            return;
        }
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let end = last.next();
        if end <= replica.high_watermark || defect::is_on(Defect::DuplicateAckedBeforeCommit) {
            self.effects.push(Effect::Complete {
                ticket,
                result: Ok(appended),
            });
        } else if let Role::Leader(leader) = &mut replica.role {
            leader.wait(appended.base, end, ticket, acks);
        }
    }
}

impl Leader {
    /// Puts a ticket where its end offset belongs; nearly always that is the end of the queue.
    pub(crate) fn wait(&mut self, base: Offset, end: Offset, ticket: Ticket, acks: Acks) {
        let queue = match acks {
            Acks::None => return,
            Acks::Leader => &mut self.until_durable,
            Acks::All => &mut self.until_committed,
        };
        let at = queue.partition_point(|waiting| waiting.end <= end);
        queue.insert(at, crate::partition::Waiting { base, end, ticket });
    }
}

impl Leader {
    /// The bytes and batches of the next entry, which stay pending until [`Self::proposed`].
    pub(crate) fn next_entry(&self) -> Option<(Bytes, Vec<StoredBatch>)> {
        let first = &self.pending.front()?.batch;
        if first.bytes().len() >= COALESCE_BELOW_BYTES {
            return Some((first.bytes().clone(), vec![first.clone()]));
        }
        let mut bytes = 0;
        let small: Vec<_> = self
            .pending
            .iter()
            .map(|pending| &pending.batch)
            .take_while(|batch| {
                bytes += batch.bytes().len();
                batch.bytes().len() < COALESCE_BELOW_BYTES && bytes <= COALESCED_ENTRY_BYTES_MAX
            })
            .cloned()
            .collect();
        Some(StoredBatch::concat(&small))
    }

    /// The first `batches` pending ones are in the log: their senders wait for commit now.
    pub(crate) fn proposed(&mut self, batches: usize) {
        for pending in self.pending.drain(..batches).collect::<Vec<_>>() {
            if let Some((ticket, acks)) = pending.waiting {
                let header = pending.batch.header();
                self.wait(header.first_offset(), header.next_offset(), ticket, acks);
            }
        }
    }
}
