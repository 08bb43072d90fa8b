//! The bytes of partitions on disk, and the journal they share.

pub mod aligned;
pub mod disk;
pub mod group;
pub mod limits;

pub use group::GroupId;
