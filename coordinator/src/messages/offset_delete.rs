//! OffsetDelete.

use thalweg_model::{ErrorCode, PartitionIndex};

use super::TopicResults;
use crate::{GroupId, TopicName};

/// Forgets positions of a group.
#[derive(Clone, Debug)]
pub struct OffsetDeleteRequest {
    /// The group.
    pub group: GroupId,
    /// What to forget. Topics that do not exist were taken out by the broker.
    pub topics: Vec<(TopicName, Vec<PartitionIndex>)>,
}

/// The answer to a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetDeleteReply {
    /// The outcome for the group.
    pub error: ErrorCode,
    /// Outcomes, in the order of the request.
    pub topics: Vec<TopicResults>,
}

impl OffsetDeleteReply {
    /// A refusal of the whole request.
    #[must_use]
    pub fn refused(error: ErrorCode) -> Self {
        Self {
            error,
            topics: Vec::new(),
        }
    }
}
