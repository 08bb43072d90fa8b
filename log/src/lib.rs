//! The bytes of partitions on disk, and the journal they share.

pub mod aligned;
mod checksum;
pub mod config;
pub mod disk;
pub mod epochs;
mod fields;
mod file_cache;
pub mod group;
mod home;
pub mod incoming;
mod index;
pub mod journal;
pub mod limits;
pub mod manifest;
pub mod partition;
pub mod producers;
mod segment;

pub use config::LogConfig;
pub use file_cache::FileCache;
pub use group::GroupId;
pub use home::LogHome;
pub use index::{AbortedTxn, EntryRecord};
pub use partition::PartitionLog;
pub use segment::{FileKind, SegmentState};
