//! Record batches of format 2 (KIP-98): header, checks, records, building.
//!
//! A batch comes in as [`RawBatch`], is checked once into [`CheckedBatch`] and, when the leader has
//! given it offsets, becomes a [`StoredBatch`]: the bytes that are written, replicated and served.

mod builder;
mod checked;
mod header;
mod records;
mod stored;
mod walk;

pub use builder::{BatchBuilder, BatchOptions, NewRecord};
pub use checked::{BatchError, CheckedBatch, RawBatch};
pub use header::{
    Attributes, BatchHeader, CHECKSUM_FROM, HEADER_BYTES, ProducerStamp, TimestampType,
};
pub use records::{Header, Headers, Record, RecordError, Records, Unpacked};
pub use stored::{StoredBatch, StoredBatchError};
pub use walk::{RecordShape, WalkError, walk};
