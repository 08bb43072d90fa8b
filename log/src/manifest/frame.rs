//! One commit in the manifest file: all of its changes or none.
//!
//! ```text
//! magic u32, checksum u32 (CRC-32C of all that follows) | sequence u64 | body bytes u32, 0 u32
//! | body | zeros up to a multiple of 8
//! ```
//! A commit is written twice, the second time in pages of its own, and both are synced together before the next one is
//! written. So damage in one place takes no commit away: it is read where it is whole. A commit of which neither copy can be
//! read is damage if a readable one is behind it, and else one that never returned.

use crate::checksum::crc32c;
use crate::fields::{Fields, PutFields};

pub(super) const HEADER_BYTES: usize = 24;

const ALIGNMENT: usize = 8;

/// Both copies of a commit take so many bytes, or a multiple: what a device loses in one go is not in both.
const COPY_ALIGNMENT: usize = 4096;
const MAGIC: u32 = u32::from_le_bytes(*b"thM2");

/// Of commits that were written once, by an earlier version.
const MAGIC_ONCE: u32 = u32::from_le_bytes(*b"thMf");

/// A frame found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) sequence: u64,
    pub(super) body: &'a [u8],
    /// Bytes of one copy.
    bytes: usize,
    /// Bytes of all copies.
    pub(super) bytes_of_all: usize,
}

/// A commit with so many changes as bytes: both copies.
pub(super) fn encode(sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = encode_once(sequence, body);
    bytes.extend_from_within(..);
    bytes
}

fn encode_once(sequence: u64, body: &[u8]) -> Vec<u8> {
    let whole = (HEADER_BYTES + body.len()).next_multiple_of(COPY_ALIGNMENT);
    let mut bytes = Vec::with_capacity(2 * whole);
    bytes.put_u32(MAGIC);
    bytes.put_u32(0);
    bytes.put_u64(sequence);
    bytes.put_u32(u32::try_from(body.len()).expect("a manifest is far below 4 GiB"));
    bytes.put_u32(0);
    bytes.extend_from_slice(body);
    let checksum = crc32c(&bytes[8..]);
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
    bytes.resize(whole, 0);
    bytes
}

/// The frame at the front of `bytes`, if it is whole.
pub(super) fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let mut fields = Fields(bytes);
    let (alignment, copies) = match fields.u32()? {
        MAGIC => (COPY_ALIGNMENT, 2),
        MAGIC_ONCE => (ALIGNMENT, 1),
        _ => return None,
    };
    let checksum = fields.u32()?;
    let sequence = fields.u64()?;
    let len = usize::try_from(fields.u32()?).ok()?;
    let _padding = fields.u32()?;
    let body = fields.take(len)?;
    let end = HEADER_BYTES + len;
    let bytes_of_one = end.next_multiple_of(alignment);
    (crc32c(&bytes[8..end]) == checksum).then_some(Frame {
        sequence,
        body,
        bytes: bytes_of_one,
        bytes_of_all: copies * bytes_of_one,
    })
}

/// The commit that begins at the front of `bytes` by the copy that can be read, if it is the one after `last` or if it is
/// the first.
pub(super) fn find(bytes: &[u8], last: Option<u64>) -> Option<Frame<'_>> {
    let is_next =
        |frame: &Frame<'_>| last.is_none_or(|last| last.checked_add(1) == Some(frame.sequence));
    if let Some(frame) = decode(bytes).filter(is_next) {
        return Some(frame);
    }
    // The second copy begins as far behind the first as it is long.
    (COPY_ALIGNMENT..bytes.len())
        .step_by(COPY_ALIGNMENT)
        .find_map(|at| {
            decode(&bytes[at..])
                .filter(|frame| frame.bytes == at && frame.bytes_of_all == 2 * at && is_next(frame))
        })
}

/// Whether a whole frame after `sequence` begins anywhere in `bytes`.
pub(super) fn is_followed(bytes: &[u8], sequence: u64) -> bool {
    (0..bytes.len())
        .step_by(ALIGNMENT)
        .any(|at| decode(&bytes[at..]).is_some_and(|frame| frame.sequence > sequence))
}
