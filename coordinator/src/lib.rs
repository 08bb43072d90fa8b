//! Group coordinators as pure state machines over their log.
//!
//! A [`GroupShard`] coordinates the groups of one `__consumer_offsets` partition. Every call returns
//! [`Effects`]: records to append and answers to send. Answers that depend on records are held until
//! [`GroupShard::committed`] or [`GroupShard::failed`] reports their outcome. What is durable changes
//! only by replaying committed records, so a shard that [`ShardLoader`] builds from the log equals the
//! one that wrote it.

mod classic;
mod config;
mod effects;
mod ids;
pub mod limits;
pub mod messages;
mod placement;
mod shard;
pub mod stored;

pub use config::GroupConfig;
pub use effects::{Append, AppendFailure, AppendId, Effects, ReplyToken};
pub use ids::{Generation, GroupId, InstanceId, MemberId, TopicName};
pub use placement::group_partition;
pub use shard::{DeletedTopic, GroupShard, ShardLoader};
