//! A node to which one thing happens after the other: every operation comes to its end at once, and what is done in the
//! background at once or later.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::{Disk, DiskFile, SimDisk};
use thalweg_log::journal::JournalOptions;
use thalweg_model::batch::StoredBatch;
use thalweg_model::{Now, Offset, Tick, Timestamp, TopicPartition, Uuid};
use thalweg_replica::{
    AccessError, Acks, Appended, Effect, Isolation, PartitionSpec, Piece, ReadRequest, Shard,
    ShardConfig, Ticket,
};

use crate::call::checked;
use crate::violation::Violation;

const NOW: Now = Now {
    tick: Tick(1_000),
    wall: Timestamp(1_700_000_000_000),
};

/// A shard whose effects are carried out in order; at once, unless the background lags.
#[derive(Debug)]
pub(crate) struct QuietNode {
    disk: SimDisk,
    shard: Shard<SimDisk>,
    groups: BTreeMap<TopicPartition, GroupId>,
    appended: Option<Appended>,
    /// Work for background threads waits for [`Self::work_behind`].
    lags: bool,
    /// The oldest first.
    behind: VecDeque<Effect<SimDisk>>,
}

impl QuietNode {
    pub(crate) fn open(
        disk: &SimDisk,
        journal: JournalOptions,
        specs: &[PartitionSpec],
    ) -> Result<Self, Violation> {
        let config = ShardConfig {
            dir: "/data".into(),
            directory: Uuid::from_bytes([9; 16]),
            seed: 7,
            journal,
            manifest_bytes_min: 60_000,
        };
        let shard = Shard::open(disk.clone(), config, NOW)
            .map_err(|error| Violation::new("a node starts after any crash", error.to_string()))?;
        let mut node = Self {
            disk: disk.clone(),
            shard,
            groups: BTreeMap::new(),
            appended: None,
            lags: false,
            behind: VecDeque::new(),
        };
        for spec in specs {
            let group = node.shard.add(spec.clone(), NOW);
            node.groups.insert(spec.topic_partition(), group);
        }
        node.settle()?;
        Ok(node)
    }

    /// From now on what is done in the background waits.
    pub(crate) fn lag(&mut self) {
        self.lags = true;
    }

    /// The background comes to the oldest thing that waits for it; whether there was one.
    pub(crate) fn work_behind(&mut self) -> Result<bool, Violation> {
        let Some(oldest) = self.behind.pop_front() else {
            return Ok(false);
        };
        self.carry_out(oldest)?;
        self.settle()?;
        Ok(true)
    }

    fn catch_up(&mut self) -> Result<(), Violation> {
        while self.work_behind()? {}
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Violation> {
        loop {
            self.shard.flush(NOW);
            let effects = self.shard.take_effects();
            if effects.is_empty() {
                return Ok(());
            }
            for effect in effects {
                if self.lags && is_background(&effect) {
                    self.behind.push_back(effect);
                } else {
                    self.carry_out(effect)?;
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect<SimDisk>) -> Result<(), Violation> {
        match effect {
            Effect::WriteBlock(job) => self.shard.block_written(job.perform()),
            Effect::Checkpoint(job) => self.shard.checkpointed(job.perform()),
            Effect::Grow(job) => self.shard.journal_grown(job.perform()),
            Effect::Copy(job) => self.shard.copied(job.perform()),
            Effect::Remove(paths) => {
                for path in paths {
                    // One that is gone already is no failure.
                    let _gone = self.disk.remove_file(&path);
                }
            }
            Effect::WriteStretches(job) => self.shard.stretches_written(job.perform()),
            Effect::RemoveLog(removal) => self.shard.log_removed(removal.perform()),
            Effect::Complete { result, .. } => match result {
                Ok(appended) => self.appended = Some(appended),
                Err(error) => {
                    let seen = error.to_string();
                    return Err(Violation::new("a healthy node takes a batch", seen));
                }
            },
            Effect::Failed(why) => {
                return Err(Violation::new("a healthy disk does not fail a node", why));
            }
            Effect::Wake(_) | Effect::LeaderChanged(_) | Effect::Notice(_) | Effect::Warning(_) => {
            }
            Effect::Send { .. } => {}
        }
        Ok(())
    }

    fn group(&self, partition: TopicPartition) -> GroupId {
        *self
            .groups
            .get(&partition)
            .expect("the partition was added")
    }

    /// Appends a batch and waits for its end; its first offset.
    pub(crate) fn append(
        &mut self,
        partition: TopicPartition,
        bytes: &Bytes,
    ) -> Result<Offset, Violation> {
        let group = self.group(partition);
        let ticket = Ticket {
            request: 0,
            part: 0,
        };
        let refused = |seen: String| Violation::new("a healthy node takes a batch", seen);
        self.shard
            .append(group, checked(bytes), Acks::All, ticket)
            .map_err(|error| refused(error.to_string()))?;
        self.settle()?;
        // The journal may be full until a checkpoint has ended.
        while self.appended.is_none() && self.work_behind()? {}
        let appended = self.appended.take();
        Ok(appended
            .ok_or_else(|| refused("no answer".to_owned()))?
            .base)
    }

    pub(crate) fn delete_records(
        &mut self,
        partition: TopicPartition,
        up_to: Offset,
    ) -> Result<(), Violation> {
        let group = self.group(partition);
        let deleted = self.shard.delete_records(group, Some(up_to), NOW);
        deleted.map_err(|error| unreadable(&error))?;
        self.settle()
    }

    /// A whole checkpoint, from its beginning to its end.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Violation> {
        self.catch_up()?;
        self.shard.start_checkpoint();
        self.settle()?;
        self.catch_up()
    }

    /// Removes a partition and adds another.
    pub(crate) fn replace(
        &mut self,
        old: TopicPartition,
        new: &PartitionSpec,
    ) -> Result<(), Violation> {
        if let Some(group) = self.groups.remove(&old) {
            self.shard.remove(group);
        }
        let group = self.shard.add(new.clone(), NOW);
        self.groups.insert(new.topic_partition(), group);
        self.settle()?;
        // It leads when the journal has room to say so.
        while self.shard.leader_epoch(group).is_none() && self.work_behind()? {}
        Ok(())
    }

    /// Everything from `from` on, or from where the log begins; and where that is.
    pub(crate) fn read_all(
        &mut self,
        partition: TopicPartition,
        from: i64,
    ) -> Result<(i64, Vec<StoredBatch>), Violation> {
        let group = self.group(partition);
        let marks = self
            .shard
            .marks(group, None)
            .map_err(|error| unreadable(&error))?;
        let start = marks.log_start;
        let mut next = Offset::new(from).max(start);
        let mut batches = Vec::new();
        while next < marks.high_watermark {
            let request = ReadRequest {
                group,
                from: next,
                bytes_max: 1 << 20,
                at_least_one: true,
                isolation: Isolation::Uncommitted,
                epoch: None,
                from_files: false,
            };
            let read = self
                .shard
                .read(&request)
                .map_err(|error| unreadable(&error))?;
            let before = batches.len();
            for piece in &read.pieces {
                split(piece, &mut batches)?;
            }
            let last = batches
                .get(before..)
                .and_then(|new: &[StoredBatch]| new.last());
            let Some(last) = last else {
                let seen = format!("nothing at {next}, {marks:?}");
                return Err(Violation::new("what is committed can be read", seen));
            };
            next = last.header().next_offset();
        }
        Ok((start.value(), batches))
    }
}

fn is_background(effect: &Effect<SimDisk>) -> bool {
    match effect {
        Effect::Checkpoint(_)
        | Effect::Grow(_)
        | Effect::Copy(_)
        | Effect::Remove(_)
        | Effect::WriteStretches(_)
        | Effect::RemoveLog(_) => true,
        Effect::WriteBlock(_)
        | Effect::Complete { .. }
        | Effect::Failed(_)
        | Effect::Wake(_)
        | Effect::LeaderChanged(_)
        | Effect::Notice(_)
        | Effect::Warning(_)
        | Effect::Send { .. } => false,
    }
}

fn unreadable(error: &AccessError) -> Violation {
    Violation::new("what is committed can be read", error.to_string())
}

fn split(piece: &Piece<SimDisk>, batches: &mut Vec<StoredBatch>) -> Result<(), Violation> {
    let broken = |seen: String| Violation::new("what is committed can be read", seen);
    let mut bytes = match piece {
        Piece::Bytes(bytes) => bytes.clone(),
        Piece::Extent(extent) => {
            let length = usize::try_from(extent.length).expect("an extent fits memory");
            let mut bytes = vec![0; length];
            let read = extent.file.read_exact_at(&mut bytes, extent.position);
            read.map_err(|error| broken(error.to_string()))?;
            bytes.into()
        }
    };
    while !bytes.is_empty() {
        let batch = StoredBatch::split_first(&mut bytes);
        batches.push(batch.map_err(|error| broken(error.to_string()))?);
    }
    Ok(())
}
