//! A shard as a deterministic machine: many partition replicas over one journal.
//!
//! Events come in as calls with the time; what has to be done outside (write a block, answer a
//! request, wake a reader) comes out as [`Effect`]s. Nothing here waits, sleeps or asks a clock.

mod append;
mod begin;
mod behind;
mod block_job;
mod checkpoint;
mod commit;
mod copy;
mod effects;
mod flush;
mod follow;
mod gauges;
pub mod limits;
mod members;
mod message;
mod partition;
mod peers;
mod read;
mod recovery;
mod shard;
mod spec_bytes;
mod tail;
mod wait;

pub use append::AppendError;
pub use behind::{StretchJob, StretchesWritten};
pub use block_job::{BlockJob, BlockWritten};
pub use checkpoint::{CheckpointJob, Checkpointed};
pub use copy::{Copied, CopyJob, PartRead};
pub use effects::{Acks, Appended, Effect, Ticket};
pub use gauges::Gauges;
pub use message::{FilePart, FileRequest, PeerMessage};
pub use partition::PartitionSpec;
pub use read::{
    AccessError, FoundOffset, Isolation, Marks, OffsetTarget, Piece, Read, ReadRequest,
};
pub use recovery::OpenError;
pub use shard::{Shard, ShardConfig};
pub use wait::WaiterId;
