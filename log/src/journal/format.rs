//! The bytes of a block: header, table of entries, payloads, zeros up to the next page.
//!
//! ```text
//! header (88): checksum u64 | magic u64 | version u16, 0 u16, shard u32 | directory 16 bytes
//!              | incarnation u64 | sequence u64 | complete u64 | previous checksum u64
//!              | block bytes u32, entries u32 | payload bytes u32, chunks u32
//! row (48):    kind u8, flags u8, 0 u16, payload bytes u32 | group u64 | index u64 | term u64
//!              | extra u64 | payload CRC-32C u32, 0 u32
//! ```
//! The checksum (CRC-64/NVME) covers the rest of the header and the table; each payload has its own.

use crc_fast::{CrcAlgorithm, checksum};
use thalweg_model::{LogIndex, Offset, ReplicaId, Term};

use super::{BlockSequence, EntryKind, JournalEntry, Payload, ShardId};
use crate::GroupId;
use crate::checksum::crc32c_of;
use crate::fields::{Fields, PutFields};
use crate::limits::BLOCK_BYTES_MAX;

pub(super) const HEADER_BYTES: usize = 88;
pub(super) const ROW_BYTES: usize = 48;

/// Blocks begin and end at pages.
pub(super) const PAGE_BYTES: usize = crate::disk::DIRECT_ALIGNMENT;

const MAGIC: u64 = u64::from_le_bytes(*b"thalwegJ");
const VERSION: u16 = 1;

/// What stands before a block's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) shard: ShardId,
    /// Which opening of the journal wrote it: tells a block from one that an earlier process
    /// planned under the same number and never finished.
    pub(super) incarnation: u64,
    pub(super) sequence: BlockSequence,
    /// All blocks up to this one were durable when this block was planned.
    pub(super) complete: BlockSequence,
    /// Checksum of the block before.
    pub(super) previous: u64,
    pub(super) block_bytes: u32,
    pub(super) entries: u32,
    pub(super) payload_bytes: u32,
    /// Files of the ring whose names were durable; 0 from builds that did not tell.
    pub(super) chunks: u32,
}

/// One entry in a block's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) group: GroupId,
    pub(super) index: LogIndex,
    pub(super) term: Term,
    pub(super) kind: EntryKind,
    /// Whether the payload is in the block.
    pub(super) inline: bool,
    pub(super) bytes: u32,
    pub(super) crc: u32,
}

/// Why bytes are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotABlock {
    /// Not written, torn, or damaged.
    Unreadable,
    /// Well-formed, but of another shard, directory or version.
    Foreign,
}

impl Header {
    pub(super) fn table_end(&self) -> usize {
        let entries = usize::try_from(self.entries).expect("at least 32 bits");
        HEADER_BYTES + entries * ROW_BYTES
    }

    /// The header, if `bytes` begins with one whose lengths make sense. Its checksum is not
    /// looked at: the table may not be there yet.
    pub(super) fn peek(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.get(8..HEADER_BYTES)?);
        if fields.u64()? != MAGIC {
            return None;
        }
        let _version_and_padding = fields.u32()?;
        let shard = fields.u32()?;
        let header = Self {
            shard: ShardId {
                directory: fields.uuid()?,
                shard,
            },
            incarnation: fields.u64()?,
            sequence: BlockSequence(fields.u64()?),
            complete: BlockSequence(fields.u64()?),
            previous: fields.u64()?,
            block_bytes: fields.u32()?,
            entries: fields.u32()?,
            payload_bytes: fields.u32()?,
            chunks: fields.u32()?,
        };
        let block = usize::try_from(header.block_bytes).ok()?;
        let entries = usize::try_from(header.entries).ok()?;
        let payload = usize::try_from(header.payload_bytes).ok()?;
        let fits = block <= BLOCK_BYTES_MAX
            && block.is_multiple_of(PAGE_BYTES)
            && entries <= block / ROW_BYTES
            && HEADER_BYTES + entries * ROW_BYTES + payload <= block;
        fits.then_some(header)
    }

    /// Checks the header and table at the front of `bytes`; returns the block's checksum.
    pub(super) fn verify(&self, bytes: &[u8], shard: ShardId) -> Result<u64, NotABlock> {
        let covered = bytes
            .get(8..self.table_end())
            .ok_or(NotABlock::Unreadable)?;
        let stored = Fields(bytes).u64().ok_or(NotABlock::Unreadable)?;
        if checksum(CrcAlgorithm::Crc64Nvme, covered) != stored {
            return Err(NotABlock::Unreadable);
        }
        let version = Fields(&bytes[16..]).u16();
        if version != Some(VERSION) || self.shard != shard {
            return Err(NotABlock::Foreign);
        }
        Ok(stored)
    }

    /// The rows of a verified table.
    pub(super) fn rows(&self, bytes: &[u8]) -> Result<Vec<Row>, NotABlock> {
        bytes[HEADER_BYTES..self.table_end()]
            .chunks_exact(ROW_BYTES)
            .map(|row| Row::decode(Fields(row)).ok_or(NotABlock::Foreign))
            .collect()
    }

    /// Header and table as bytes, and the block's checksum.
    pub(super) fn encode(&self, rows: &[Row]) -> (Vec<u8>, u64) {
        let mut bytes = Vec::with_capacity(self.table_end());
        bytes.put_u64(0);
        bytes.put_u64(MAGIC);
        bytes.put_u16(VERSION);
        bytes.put_u16(0);
        bytes.put_u32(self.shard.shard);
        bytes.extend_from_slice(self.shard.directory.as_bytes());
        bytes.put_u64(self.incarnation);
        bytes.put_u64(self.sequence.0);
        bytes.put_u64(self.complete.0);
        bytes.put_u64(self.previous);
        bytes.put_u32(self.block_bytes);
        bytes.put_u32(self.entries);
        bytes.put_u32(self.payload_bytes);
        bytes.put_u32(self.chunks);
        for row in rows {
            row.encode(&mut bytes);
        }
        let sum = checksum(CrcAlgorithm::Crc64Nvme, &bytes[8..]);
        bytes[..8].copy_from_slice(&sum.to_le_bytes());
        (bytes, sum)
    }
}

const HAS_EXTRA: u8 = 1;
const IN_SEGMENT: u8 = 2;

impl Row {
    /// The row of an entry; reads the payload once, for its checksum, if that is not known.
    ///
    /// # Panics
    /// If the payload is larger than 32 bits count: the caller asked the builder first.
    pub(super) fn of(entry: &JournalEntry<'_>) -> Self {
        let inline_bytes =
            || u32::try_from(entry.payload.inline_bytes()).expect("an entry fits its block");
        let (inline, bytes, crc) = match entry.payload {
            Payload::Inline(pieces) => {
                let crc = crc32c_of(pieces.iter().map(|piece| &piece[..]));
                (true, inline_bytes(), crc)
            }
            Payload::Summed { crc, .. } => (true, inline_bytes(), crc),
            Payload::InSegment { bytes, crc } => (false, bytes, crc),
        };
        Self {
            group: entry.group,
            index: entry.index,
            term: entry.term,
            kind: entry.kind,
            inline,
            bytes,
            crc,
        }
    }

    /// Bytes of the block that the payload takes.
    pub(super) fn inline_bytes(&self) -> u32 {
        if self.inline { self.bytes } else { 0 }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let (kind, extra) = match self.kind {
            EntryKind::Append { base_offset } => {
                (1, base_offset.map(|offset| offset.value().cast_unsigned()))
            }
            EntryKind::Truncate => (2, None),
            EntryKind::HardState { vote } => (3, vote.map(|replica| replica.0)),
            EntryKind::Membership => (4, None),
            EntryKind::Checkpoint { up_to } => (5, Some(up_to.0)),
            EntryKind::Begin => (6, None),
        };
        let flags =
            if extra.is_some() { HAS_EXTRA } else { 0 } | if self.inline { 0 } else { IN_SEGMENT };
        bytes.put_u8(kind);
        bytes.put_u8(flags);
        bytes.put_u16(0);
        bytes.put_u32(self.bytes);
        bytes.put_u64(self.group.0);
        bytes.put_u64(self.index.0);
        bytes.put_u64(self.term.0);
        bytes.put_u64(extra.unwrap_or(0));
        bytes.put_u32(self.crc);
        bytes.put_u32(0);
    }

    fn decode(mut fields: Fields<'_>) -> Option<Self> {
        let kind = fields.u8()?;
        let flags = fields.u8()?;
        let _padding = fields.u16()?;
        let bytes = fields.u32()?;
        let group = GroupId(fields.u64()?);
        let index = LogIndex(fields.u64()?);
        let term = Term(fields.u64()?);
        let extra = fields.u64()?;
        let crc = fields.u32()?;
        let extra = (flags & HAS_EXTRA != 0).then_some(extra);
        let kind = match kind {
            1 => EntryKind::Append {
                base_offset: match extra {
                    Some(offset) => Some(Offset::from_wire(offset.cast_signed())?),
                    None => None,
                },
            },
            2 => EntryKind::Truncate,
            3 => EntryKind::HardState {
                vote: extra.map(ReplicaId),
            },
            4 => EntryKind::Membership,
            5 => EntryKind::Checkpoint {
                up_to: BlockSequence(extra?),
            },
            6 => EntryKind::Begin,
            _ => return None,
        };
        Some(Self {
            group,
            index,
            term,
            kind,
            inline: flags & IN_SEGMENT == 0,
            bytes,
            crc,
        })
    }
}
