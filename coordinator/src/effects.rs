//! What a shard wants done: records appended, answers sent.

use std::sync::Arc;

use thalweg_model::ErrorCode;

use crate::messages::Reply;
use crate::stored::Record;

/// Stands for a request that the shell answers later; chosen by the shell, used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyToken(pub u64);

/// Names an append until its outcome is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppendId(pub(crate) u64);

/// Records to append to the shard's partition as one batch.
#[derive(Clone, Debug)]
pub struct Append {
    /// What to report the outcome under.
    pub id: AppendId,
    /// The records, in order; never empty.
    pub records: Arc<[Record]>,
}

/// The result of one step of a shard.
#[derive(Debug, Default)]
#[must_use = "records are to be appended and answers to be sent"]
pub struct Effects {
    /// Append these, in order, each as one batch.
    pub appends: Vec<Append>,
    /// Send these, in order.
    pub replies: Vec<(ReplyToken, Reply)>,
}

/// Why records are not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendFailure {
    /// This node does not lead the partition any more.
    #[error("the node does not lead the group's partition")]
    NotLeader,
    /// The disk failed.
    #[error("the group's partition cannot be written")]
    Storage,
    /// Too few replicas are there.
    #[error("too few replicas of the group's partition are live")]
    NotEnoughReplicas,
    /// The outcome took too long; the records may still be committed.
    #[error("the group's partition did not commit in time")]
    TimedOut,
    /// The batch is larger than the partition takes.
    #[error("the records are too large for the group's partition")]
    TooLarge,
}

impl AppendFailure {
    /// What clients are told: a code that makes them look for the coordinator or try again.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::NotLeader | Self::Storage => ErrorCode::NotCoordinator,
            Self::NotEnoughReplicas | Self::TimedOut => ErrorCode::CoordinatorNotAvailable,
            Self::TooLarge => ErrorCode::UnknownServerError,
        }
    }

    /// What a fetch of offsets is told: clients of this API know no other retriable code.
    #[must_use]
    pub fn fetch_code(self) -> ErrorCode {
        match self {
            Self::NotLeader | Self::Storage | Self::NotEnoughReplicas | Self::TimedOut => {
                ErrorCode::NotCoordinator
            }
            Self::TooLarge => ErrorCode::UnknownServerError,
        }
    }
}
