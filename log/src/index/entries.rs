//! `.raft`: one record for every entry of the group's log, so that index `i` of a segment that
//! begins at index `f` is record `i - f`.

use std::io;

use thalweg_model::{LogIndex, Offset, Term};

use super::FixedEntry;
use super::entry_file::field;

/// Where the bytes of one log entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// Index of the entry.
    pub index: LogIndex,
    /// Term of the entry.
    pub term: Term,
    /// First offset of its batches; of an entry without batches, the offset that comes next.
    pub base_offset: Offset,
    /// Offsets that it takes; 0 for an entry without batches.
    pub offsets: u32,
    /// First byte in the segment.
    pub position: u32,
    /// Bytes in the segment.
    pub length: u32,
    /// CRC-32C of these bytes.
    pub checksum: u32,
}

impl EntryRecord {
    /// Byte after the entry's last one.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.position) + u64::from(self.length)
    }

    /// Offset after the entry's last one.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.base_offset + self.offsets
    }
}

/// Bytes under the record's own checksum, which is the last field.
const CHECKED_BYTES: usize = 40;

impl FixedEntry for EntryRecord {
    const BYTES: u32 = 44;

    fn encode(&self, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend_from_slice(&self.index.0.to_be_bytes());
        out.extend_from_slice(&self.term.0.to_be_bytes());
        out.extend_from_slice(&self.base_offset.value().to_be_bytes());
        for field in [self.offsets, self.position, self.length, self.checksum] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        let checksum = crate::checksum::crc32c(&out[from..]);
        out.extend_from_slice(&checksum.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> io::Result<Self> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "an entry record is damaged");
        let checksum = u32::from_be_bytes(field(bytes, CHECKED_BYTES));
        if crate::checksum::crc32c(&bytes[..CHECKED_BYTES]) != checksum {
            return Err(damaged());
        }
        Ok(Self {
            index: LogIndex(u64::from_be_bytes(field(bytes, 0))),
            term: Term(u64::from_be_bytes(field(bytes, 8))),
            base_offset: Offset::from_wire(i64::from_be_bytes(field(bytes, 16)))
                .ok_or_else(damaged)?,
            offsets: u32::from_be_bytes(field(bytes, 24)),
            position: u32::from_be_bytes(field(bytes, 28)),
            length: u32::from_be_bytes(field(bytes, 32)),
            checksum: u32::from_be_bytes(field(bytes, 36)),
        })
    }
}
