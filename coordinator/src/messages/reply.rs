//! Answers that may have to wait.

use thalweg_model::ErrorCode;

use super::{
    DeletedGroup, JoinReply, LeaveReply, OffsetCommitReply, OffsetDeleteReply, OffsetFetchReply,
    SyncReply,
};

/// An answer to the request that its token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To a join.
    Join(JoinReply),
    /// To a sync.
    Sync(SyncReply),
    /// To a leave.
    Leave(LeaveReply),
    /// To a commit.
    OffsetCommit(OffsetCommitReply),
    /// To a fetch of one group.
    OffsetFetch(OffsetFetchReply),
    /// To a deletion of offsets.
    OffsetDelete(OffsetDeleteReply),
    /// To a deletion of groups.
    DeleteGroups(Vec<DeletedGroup>),
}

impl Reply {
    /// The same answer after what it depends on was not stored.
    pub(crate) fn failed(self, error: ErrorCode) -> Self {
        match self {
            Self::Join(reply) => Self::Join(JoinReply::refused(reply.member, error)),
            Self::Sync(_) => Self::Sync(SyncReply::refused(error)),
            Self::Leave(_) => Self::Leave(LeaveReply::refused(error)),
            Self::OffsetCommit(mut reply) => {
                let partitions = reply.topics.iter_mut().flat_map(|t| &mut t.partitions);
                partitions.for_each(|partition| partition.error = error);
                Self::OffsetCommit(reply)
            }
            Self::OffsetFetch(_) => Self::OffsetFetch(OffsetFetchReply::refused(error)),
            Self::OffsetDelete(_) => Self::OffsetDelete(OffsetDeleteReply::refused(error)),
            Self::DeleteGroups(mut groups) => {
                groups.iter_mut().for_each(|group| group.error = error);
                Self::DeleteGroups(groups)
            }
        }
    }
}
