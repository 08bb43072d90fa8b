//! OffsetFetch, one group of it.

use thalweg_model::{ErrorCode, PartitionIndex, Uuid};

use crate::stored::CommittedOffset;
use crate::{GroupId, TopicName};

/// Reads a group's positions.
#[derive(Clone, Debug)]
pub struct OffsetFetchRequest {
    /// The group.
    pub group: GroupId,
    /// What to read; absent means everything.
    pub topics: Option<Vec<FetchTopic>>,
    /// Whether to wait for the commits under way, so that none of them can appear later.
    pub require_stable: bool,
}

/// Partitions of one topic.
#[derive(Clone, Debug)]
pub struct FetchTopic {
    /// The topic.
    pub name: TopicName,
    /// Its incarnation, where known: positions of another one are not shown.
    pub id: Uuid,
    /// The partitions.
    pub partitions: Vec<PartitionIndex>,
}

/// The answer to a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchReply {
    /// The outcome for the group.
    pub error: ErrorCode,
    /// Positions: in the order of the request, or by name if everything was asked for.
    pub topics: Vec<FetchedTopic>,
}

/// Positions in one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedTopic {
    /// The topic.
    pub name: TopicName,
    /// Its incarnation as asked, or as stored if everything was asked for.
    pub id: Uuid,
    /// Positions.
    pub partitions: Vec<FetchedPartition>,
}

/// The position in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPartition {
    /// The partition.
    pub partition: PartitionIndex,
    /// What was committed, if anything.
    pub committed: Option<CommittedOffset>,
}

impl OffsetFetchReply {
    /// A refusal.
    #[must_use]
    pub fn refused(error: ErrorCode) -> Self {
        Self {
            error,
            topics: Vec::new(),
        }
    }
}
