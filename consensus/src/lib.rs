//! Raft groups over the `raft` crate, without I/O: what goes in are proposals, messages and the news
//! that something is durable; what comes out is what to persist, what to send and what is committed.
//!
//! Types of the `raft` crate never leave this crate.

mod election;
mod entry;
mod group;
pub mod limits;
mod members;
mod message;
mod snapshot;
mod storage;

pub use entry::{Entry, EntryKind, HardState, Membership};
pub use group::{Group, GroupConfig, GroupState, ProposeError, ReadyNumber, Role, StepError, Work};
pub use members::{ChangeError, MembershipChange};
pub use message::Message;
pub use snapshot::Snapshot;
pub use storage::ReadRequest;
