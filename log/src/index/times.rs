//! `.timeindex`: the highest timestamp so far, sparsely, so that it only grows (KIP-33).

use std::io;

use thalweg_model::Timestamp;

use super::FixedEntry;
use super::entry_file::field;

/// No record up to the batch that ends at `relative` is younger than `timestamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    /// The highest timestamp so far.
    pub(crate) timestamp: Timestamp,
    /// Last offset of the batch that brought it, less the segment's base offset.
    pub(crate) relative: u32,
}

impl FixedEntry for TimeEntry {
    const BYTES: u32 = 12;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.relative.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> io::Result<Self> {
        Ok(Self {
            timestamp: Timestamp(i64::from_be_bytes(field(bytes, 0))),
            relative: u32::from_be_bytes(field(bytes, 8)),
        })
    }
}
