//! `.index`: where in the segment an offset is, sparsely.

use std::io;

use super::FixedEntry;
use super::entry_file::field;

/// The batch at `position` ends with the offset `relative` after the segment's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    /// Last offset of the batch less the segment's base offset.
    pub(crate) relative: u32,
    /// First byte of the batch.
    pub(crate) position: u32,
}

impl FixedEntry for OffsetEntry {
    const BYTES: u32 = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> io::Result<Self> {
        Ok(Self {
            relative: u32::from_be_bytes(field(bytes, 0)),
            position: u32::from_be_bytes(field(bytes, 4)),
        })
    }
}
