//! What a shard asks its shell to do.

use std::path::PathBuf;

use thalweg_log::GroupId;
use thalweg_log::disk::Disk;
use thalweg_log::journal::GrowJob;
use thalweg_log::partition::LogRemoval;
use thalweg_model::{BrokerId, Offset, TopicPartition};

use crate::behind::StretchJob;
use crate::block_job::BlockJob;
use crate::checkpoint::CheckpointJob;
use crate::copy::CopyJob;
use crate::message::PeerMessage;
use crate::{AppendError, WaiterId};

/// Names one partition's share of a produce request; the shard only hands it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// The request.
    pub request: u64,
    /// Which of its partitions.
    pub part: u32,
}

/// When an append counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// Nobody waits.
    None,
    /// When the leader has it on stable storage.
    Leader,
    /// When it is committed.
    All,
}

/// Where an append went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record; for a repeated batch that of its first time.
    pub base: Offset,
    /// Where the partition's log begins.
    pub log_start: Offset,
}

/// An instruction to the shell. The order of effects is the order in which they arose.
#[derive(Debug)]
pub enum Effect<D: Disk> {
    /// Perform on an I/O thread, then call `block_written`.
    WriteBlock(BlockJob<D>),
    /// Perform on an I/O thread, then call `stretches_written`.
    WriteStretches(StretchJob<D>),
    /// Perform on an I/O thread, then call `checkpointed`.
    Checkpoint(CheckpointJob<D>),
    /// Perform on an I/O thread, then call `journal_grown`.
    Grow(GrowJob<D>),
    /// Perform on an I/O thread that may take its time, then call `copied`.
    Copy(CopyJob<D>),
    /// An append came to its end.
    Complete {
        /// Whose.
        ticket: Ticket,
        /// How.
        result: Result<Appended, AppendError>,
    },
    /// A waiting fetch should be tried again.
    Wake(WaiterId),
    /// This replica began or ceased to lead.
    LeaderChanged(GroupId),
    /// Carry a message to another replica of a partition; there, call [`Shard::receive`].
    ///
    /// [`Shard::receive`]: crate::Shard::receive
    Send {
        /// The node that the replica lives on.
        to: BrokerId,
        /// The partition.
        partition: TopicPartition,
        /// The message; it names its receiver.
        message: PeerMessage,
    },
    /// Remove these files on a background thread; that one is gone already is no failure.
    Remove(Vec<PathBuf>),
    /// Remove a partition's files on a background thread, then tell [`Shard::log_removed`].
    ///
    /// [`Shard::log_removed`]: crate::Shard::log_removed
    RemoveLog(LogRemoval<D>),
    /// Something a person should know; no harm is done.
    Notice(String),
    /// Something that a person has to see to, as a full disk; the node goes on.
    Warning(String),
    /// Stable storage failed: nothing more may be acknowledged, the process must stop loudly.
    Failed(String),
}
