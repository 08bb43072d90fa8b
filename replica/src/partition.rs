//! One replica of one partition: its Raft group, its log, and what waits for either.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use thalweg_consensus::{Entry, Group, HardState, Message, ReadyNumber, Snapshot};
use thalweg_log::disk::Disk;
use thalweg_log::{GroupId, LogConfig, PartitionLog};
use thalweg_model::batch::StoredBatch;
use thalweg_model::{
    BrokerId, LeaderEpoch, LogIndex, Offset, PartitionIndex, ReplicaId, Term, TopicPartition, Uuid,
};

use crate::block_job::SegmentSync;
use crate::copy::Copying;
use crate::tail::Tail;
use crate::{Acks, Ticket};

/// What a shard is told about a partition of which it holds a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    /// Id of the topic's incarnation.
    pub topic: Uuid,
    /// Name of the topic, for directories and messages.
    pub topic_name: String,
    /// Number of the partition.
    pub partition: PartitionIndex,
    /// This node's replica.
    pub replica: ReplicaId,
    /// The voters that the group began with, and where they live; see [`Shard::reassign`] for others.
    ///
    /// [`Shard::reassign`]: crate::Shard::reassign
    pub voters: Vec<(ReplicaId, BrokerId)>,
    /// Settings of its log.
    pub config: LogConfig,
    /// Replicas in sync that an append with `acks=all` asks for.
    pub min_insync_replicas: usize,
}

impl PartitionSpec {
    /// Which partition of which incarnation.
    #[must_use]
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition {
            topic: self.topic,
            partition: self.partition,
        }
    }

    /// Name of its directory, as Kafka names it.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("{}-{}", self.topic_name, self.partition)
    }
}

/// What this replica does, with what only that role has.
#[derive(Debug)]
pub(crate) enum Role {
    Leader(Leader),
    Follower,
    Candidate,
}

/// State of a leader.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) epoch: LeaderEpoch,
    /// The leader's own first entry: once it is committed, so is all that came before, and the
    /// high watermark is known.
    pub(crate) first_entry: LogIndex,
    /// Whether that entry is committed.
    pub(crate) serving: bool,
    /// Offset of the next record to be accepted, behind all pending ones.
    pub(crate) next_offset: Offset,
    /// Accepted, not yet proposed.
    pub(crate) pending: VecDeque<Pending>,
    /// Who waits for commit, in offset order.
    pub(crate) until_committed: VecDeque<Waiting>,
    /// Who waits for this replica's own disk, in offset order.
    pub(crate) until_durable: VecDeque<Waiting>,
}

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) batch: StoredBatch,
    pub(crate) waiting: Option<(Ticket, Acks)>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) base: Offset,
    pub(crate) end: Offset,
    pub(crate) ticket: Ticket,
}

/// The end of an entry that is in the log and not yet committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryEnd {
    pub(crate) index: LogIndex,
    pub(crate) end: Offset,
    pub(crate) bytes: usize,
}

/// A log that takes another one's place.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) snapshot: Snapshot,
    /// Name of the directory in which it goes on.
    pub(crate) dir: String,
    /// It is in a block on its way to the disk.
    pub(crate) under_way: bool,
}

/// How far a cut is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutStep {
    /// It is to be put into a block.
    Planned,
    /// It is in one on its way to the disk.
    UnderWay,
    /// The journal has it: the files may be cut.
    Safe,
}

/// Something to be put into the journal, in order.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// This replica exists and is of this partition.
    Created(Bytes),
    HardState(HardState),
    /// An entry that is in the log, and the offset of its first record.
    Entry(Entry, Option<Offset>),
    /// An entry that is not in the log yet: all before it, cuts included, comes first.
    Follow(Entry),
    /// The log ends with this entry from here on. The files are cut when that is durable: after a
    /// crash in between nothing may be missing that this replica told others it has.
    Cut {
        last: LogIndex,
        step: CutStep,
    },
    /// The log is void and goes on elsewhere. As with a cut, it is given up when that is durable.
    Begin(Box<Beginning>),
    /// All before it being durable lets this be said and these messages go.
    Ready(ReadyNumber, Vec<Message>),
}

#[derive(Debug)]
pub(crate) struct Replica<D: Disk> {
    pub(crate) id: GroupId,
    pub(crate) spec: PartitionSpec,
    /// Name of its directory.
    pub(crate) dir: String,
    pub(crate) group: Group,
    pub(crate) log: PartitionLog<D>,
    pub(crate) role: Role,
    pub(crate) high_watermark: Offset,
    /// Log end at the last journal block of this replica that is durable.
    pub(crate) durable_end: Offset,
    pub(crate) uncommitted: VecDeque<EntryEnd>,
    pub(crate) unwritten: VecDeque<Unwritten>,
    /// Entries that do not travel in the journal, with what makes them durable.
    pub(crate) large: BTreeMap<LogIndex, SegmentSync<D>>,
    pub(crate) tail: Tail,
    /// The last entry that the group handed out, whether it is in the log yet or waits for that.
    pub(crate) handed_out: LogIndex,
    /// The last entry that this replica proposed itself, and in which term: up to there the entries
    /// of that term were in the log before the group handed them out.
    pub(crate) proposed: (Term, LogIndex),
    /// In the shard's queue of replicas with something to flush.
    pub(crate) queued: bool,
    /// Its last batch was refused because the disk did not take it. Not one flag for all: others may take theirs in between.
    pub(crate) refuses: bool,
    /// The hard state that the manifest has; none if it may not even know the replica.
    pub(crate) saved_hard_state: Option<HardState>,
    /// What is copied from another replica, to begin with.
    pub(crate) copying: Option<Box<Copying<D>>>,
    /// Where replicas of the partition live or lived, this one included.
    pub(crate) peers: BTreeMap<ReplicaId, BrokerId>,
    /// The replicas that the partition is to have; empty if nobody said.
    pub(crate) wanted: Vec<ReplicaId>,
}

impl<D: Disk> Replica<D> {
    pub(crate) fn new(
        id: GroupId,
        spec: PartitionSpec,
        dir: String,
        group: Group,
        log: PartitionLog<D>,
    ) -> Self {
        // Until a leader has committed something, nothing above the log's start is known to be so.
        let high_watermark = log.log_start();
        let durable_end = log.log_end();
        let handed_out = log.last_entry().index;
        let mut uncommitted = VecDeque::new();
        if group.committed() < group.last_index() {
            let end = EntryEnd {
                index: group.last_index(),
                end: durable_end,
                bytes: 0,
            };
            uncommitted.push_back(end);
        }
        let high_watermark = if uncommitted.is_empty() {
            durable_end
        } else {
            high_watermark
        };
        let peers = spec.voters.iter().copied().collect();
        Self {
            id,
            spec,
            dir,
            refuses: false,
            saved_hard_state: None,
            copying: None,
            peers,
            wanted: Vec::new(),
            group,
            log,
            role: Role::Candidate,
            high_watermark,
            durable_end,
            uncommitted,
            unwritten: VecDeque::new(),
            large: BTreeMap::new(),
            tail: Tail::default(),
            handed_out,
            proposed: (Term(0), LogIndex(0)),
            queued: false,
        }
    }

    /// The leader's state, once it may serve: its own first entry is committed.
    pub(crate) fn serving(&self) -> Option<&Leader> {
        match &self.role {
            Role::Leader(leader) if leader.serving => Some(leader),
            Role::Leader(_) | Role::Follower | Role::Candidate => None,
        }
    }

    /// Offset below which nothing belongs to an open transaction.
    pub(crate) fn last_stable_offset(&self) -> Offset {
        let unstable = self.log.producers().first_unstable();
        unstable.map_or(self.high_watermark, |offset| {
            offset.min(self.high_watermark)
        })
    }
}
