//! One commit in the manifest file: all of its changes or none.
//!
//! ```text
//! magic u32, checksum u32 (CRC-32C of all that follows) | sequence u64 | body bytes u32, 0 u32
//! | body | zeros up to a multiple of 8
//! ```
//! Each frame was synced before the next was written. So an unreadable frame with a readable one
//! behind it is damage, and without one it is a commit that never returned.

use crate::checksum::crc32c;
use crate::fields::{Fields, PutFields};

pub(super) const HEADER_BYTES: usize = 24;

const ALIGNMENT: usize = 8;
const MAGIC: u32 = u32::from_le_bytes(*b"thMf");

/// A frame found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) sequence: u64,
    pub(super) body: &'a [u8],
    /// Bytes of the whole frame.
    pub(super) bytes: usize,
}

/// The frame with so many changes as bytes.
pub(super) fn encode(sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len() + ALIGNMENT);
    bytes.put_u32(MAGIC);
    bytes.put_u32(0);
    bytes.put_u64(sequence);
    bytes.put_u32(u32::try_from(body.len()).expect("a manifest is far below 4 GiB"));
    bytes.put_u32(0);
    bytes.extend_from_slice(body);
    let checksum = crc32c(&bytes[8..]);
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

/// The frame at the front of `bytes`, if it is whole.
pub(super) fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let mut fields = Fields(bytes);
    if fields.u32()? != MAGIC {
        return None;
    }
    let checksum = fields.u32()?;
    let sequence = fields.u64()?;
    let len = usize::try_from(fields.u32()?).ok()?;
    let _padding = fields.u32()?;
    let body = fields.take(len)?;
    let end = HEADER_BYTES + len;
    (crc32c(&bytes[8..end]) == checksum).then(|| Frame {
        sequence,
        body,
        bytes: end.next_multiple_of(ALIGNMENT),
    })
}

/// Whether a whole frame after `sequence` begins anywhere in `bytes`.
pub(super) fn is_followed(bytes: &[u8], sequence: u64) -> bool {
    (0..bytes.len())
        .step_by(ALIGNMENT)
        .any(|at| decode(&bytes[at..]).is_some_and(|frame| frame.sequence > sequence))
}
