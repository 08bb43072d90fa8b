//! The small files beside a segment, all of entries of one size, found by binary search.
//!
//! They are written in bulk and hold nothing that an append has to wait for: what is not written
//! yet is in memory, and after a crash the journal brings it back.

mod aborted;
mod entries;
mod entry_file;
mod offsets;
mod times;

pub use aborted::AbortedTxn;
pub use entries::EntryRecord;
pub(crate) use entry_file::{EntryFile, FixedEntry, is_absent};
pub(crate) use offsets::OffsetEntry;
pub(crate) use times::TimeEntry;
