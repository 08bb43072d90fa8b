//! Nouns of the broker: ids, offsets, epochs, error codes and record batches.
//!
//! No I/O, no clock, no async. Everything a higher crate says to another is said in these types.

pub mod batch;
pub mod compression;
pub mod defect;
mod epoch;
mod error_code;
mod ids;
pub mod limits;
mod offset;
mod time;
mod topic_name;
mod uuid;

pub use epoch::{LeaderEpoch, LogIndex, Term};
pub use error_code::ErrorCode;
pub use ids::{BrokerId, PartitionIndex, ProducerEpoch, ProducerId, ReplicaId, TopicPartition};
pub use offset::Offset;
pub use time::{Now, Tick, Timestamp};
pub use topic_name::{TopicNameError, check_topic_name, is_internal_topic};
pub use uuid::Uuid;
