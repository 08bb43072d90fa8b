//! What the broker asks of a shard and what it gets back, free of wire versions.
//!
//! The broker's API files map these from and to the wire; only where Kafka's answer itself depends on
//! the version does a request carry it.

mod groups;
mod join;
mod leave;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod reply;
mod sync;

pub use groups::{
    DeletedGroup, GroupDescription, GroupFilter, GroupListing, GroupState, MemberDescription,
};
pub use join::{JoinReply, JoinRequest, JoinedMember, Protocol};
pub use leave::{LeaveReply, LeaveRequest, LeavingMember, LeftMember};
pub use offset_commit::{
    CommitPartition, CommitTopic, OffsetCommitReply, OffsetCommitRequest, PartitionResult,
    TopicResults,
};
pub use offset_delete::{OffsetDeleteReply, OffsetDeleteRequest};
pub use offset_fetch::{
    FetchTopic, FetchedPartition, FetchedTopic, OffsetFetchReply, OffsetFetchRequest,
};
pub use reply::Reply;
pub use sync::{HeartbeatRequest, SyncReply, SyncRequest};
