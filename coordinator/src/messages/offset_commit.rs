//! OffsetCommit.

use std::sync::Arc;

use thalweg_model::{ErrorCode, LeaderEpoch, PartitionIndex, Uuid};

use crate::{Generation, GroupId, InstanceId, MemberId, TopicName};

/// Positions to store for a group.
#[derive(Clone, Debug)]
pub struct OffsetCommitRequest {
    /// The group; the empty name is accepted, as in Kafka.
    pub group: GroupId,
    /// The committer's generation; [`Generation::NONE`] without membership.
    pub generation: Generation,
    /// The committer; unknown without membership.
    pub member: MemberId,
    /// The static member's name, if it is one.
    pub instance: Option<InstanceId>,
    /// How long to keep the offsets; absent means by the broker's rule (and always above version 4).
    pub retention_ms: Option<i64>,
    /// What to store. Topics that do not exist were taken out by the broker.
    pub topics: Vec<CommitTopic>,
    /// Version of the request: from 9 a missing group has an error code of its own.
    pub api_version: i16,
}

/// Positions in one topic.
#[derive(Clone, Debug)]
pub struct CommitTopic {
    /// The topic.
    pub name: TopicName,
    /// Its incarnation, where the broker knows it.
    pub id: Uuid,
    /// Positions.
    pub partitions: Vec<CommitPartition>,
}

/// A position in one partition.
#[derive(Clone, Debug)]
pub struct CommitPartition {
    /// The partition.
    pub partition: PartitionIndex,
    /// The next offset to read, as sent: Kafka stores what it gets.
    pub offset: i64,
    /// Epoch of the leader that the last record came from.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The client's note.
    pub metadata: Option<Arc<str>>,
}

/// The answer to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitReply {
    /// Outcomes, in the order of the request.
    pub topics: Vec<TopicResults>,
}

/// Outcomes in one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicResults {
    /// The topic.
    pub name: TopicName,
    /// Its incarnation, as asked.
    pub id: Uuid,
    /// Outcomes, in the order of the request.
    pub partitions: Vec<PartitionResult>,
}

/// The outcome for one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionResult {
    /// The partition.
    pub partition: PartitionIndex,
    /// The outcome.
    pub error: ErrorCode,
}

impl OffsetCommitReply {
    /// The same refusal for every partition asked.
    #[must_use]
    pub fn refused(request: &OffsetCommitRequest, error: ErrorCode) -> Self {
        let topics = request.topics.iter().map(|topic| TopicResults {
            name: topic.name.clone(),
            id: topic.id,
            partitions: topic
                .partitions
                .iter()
                .map(|partition| PartitionResult {
                    partition: partition.partition,
                    error,
                })
                .collect(),
        });
        Self {
            topics: topics.collect(),
        }
    }
}
