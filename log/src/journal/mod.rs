//! The journal that all partitions of a shard share: the point where things become durable.
//!
//! A ring of prewritten chunk files takes blocks of entries, written past the page cache with
//! several in flight. One device write makes the news of many partitions durable at once.

mod block;
mod chunk;
mod entry;
mod error;
mod format;
mod identity;
mod inspect;
mod opening;
mod options;
mod payloads;
mod progress;
mod recovery;
mod replay;
mod ring;
mod runs;
mod scan;
mod writer;

pub use block::{BlockBuilder, BlockWrite};
pub use chunk::{GrowJob, Growth};
pub use entry::{EntryKind, HardState, JournalEntry, Payload};
pub use error::JournalError;
pub use identity::{BlockSequence, ShardId};
pub use inspect::{FoundBlock, inspect};
pub use options::JournalOptions;
pub use payloads::Payloads;
pub use replay::{PayloadLocation, Replay, ReplayedEntry};
pub use writer::Journal;
