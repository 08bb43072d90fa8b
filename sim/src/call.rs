//! What clients ask nodes, and what nodes answer.

use bytes::{Bytes, BytesMut};
use thalweg_coordinator::messages;
use thalweg_model::batch::{CheckedBatch, RawBatch, StoredBatch};
use thalweg_model::{ErrorCode, LeaderEpoch, Offset, TopicPartition, Uuid};
use thalweg_replica::{Acks, AppendError, Appended, Marks};

use crate::session::GroupCall;

/// Number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(pub(crate) usize);

/// Number of one call of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(pub(crate) u64);

/// A request on its way to a node.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Produce {
        partition: TopicPartition,
        batch: Bytes,
        acks: Acks,
    },
    Fetch {
        partition: TopicPartition,
        from: Offset,
        bytes_max: usize,
        wait_us: u64,
        /// From this very replica, whether it leads or not.
        at_replica: bool,
    },
    DeleteRecords {
        partition: TopicPartition,
        up_to: Option<Offset>,
    },
    /// For the coordinator of a group, which leads this partition.
    Group(TopicPartition, GroupCall),
    /// For the controller, which leads the metadata log.
    Administer(AdminCall),
}

/// A change of the cluster.
#[derive(Clone, Debug)]
pub(crate) enum AdminCall {
    Create {
        name: String,
        partitions: i32,
        replicas: i16,
    },
    Delete {
        name: String,
    },
}

impl AdminCall {
    /// The topic.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Create { name, .. } | Self::Delete { name } => name,
        }
    }
}

/// An answer, or that there will be none.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Produced(Produced),
    /// Not appended, and it never will be.
    Refused(AppendError),
    /// What became of it is not known.
    Unknown,
    Fetched(Fetched),
    Deleted(Marks),
    Group(messages::Reply),
    Heartbeat(ErrorCode),
    /// A topic was made or removed, or why not.
    Administered(Result<Uuid, ErrorCode>),
    /// The node does not lead the partition; nothing was done.
    NotHere,
    /// The offset is outside the log.
    OutOfRange(Marks),
    /// What is stored could not be read.
    Unreadable(String),
    /// The node does not run; nothing was done.
    Unreachable,
}

impl Request {
    /// It in a few words.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Produce {
                partition,
                batch,
                acks,
            } => format!("produce {partition} {} bytes {acks:?}", batch.len()),
            Self::Fetch {
                partition, from, ..
            } => format!("fetch {partition} from {from}"),
            Self::DeleteRecords { partition, up_to } => {
                format!("delete records {partition} up to {up_to:?}")
            }
            Self::Group(_, call) => format!("{call:?}"),
            Self::Administer(call) => format!("{call:?}"),
        }
    }
}

impl Reply {
    /// It in a few words.
    pub(crate) fn brief(&self) -> String {
        if let Self::Fetched(found) = self {
            format!("{} batches, {:?}", found.batches.len(), found.marks)
        } else {
            format!("{self:?}")
        }
    }
}

/// Where a batch is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Produced {
    pub(crate) appended: Appended,
    /// Of the leader that answered, if it still leads.
    pub(crate) epoch: Option<LeaderEpoch>,
}

/// What a fetch found.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) batches: Vec<StoredBatch>,
    pub(crate) marks: Marks,
    /// Of the leader that answered; none for an answer of any replica.
    pub(crate) epoch: Option<LeaderEpoch>,
}

/// A batch as a node takes it from the bytes that a client sent.
pub(crate) fn checked(bytes: &Bytes) -> CheckedBatch {
    RawBatch(BytesMut::from(bytes.as_ref()))
        .check()
        .expect("clients of the simulation send good batches")
}
