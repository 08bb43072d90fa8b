//! Gathering entries into a block, and the one write that makes them durable.

use std::io;

use bytes::Bytes;

use super::format::{HEADER_BYTES, Header, PAGE_BYTES, ROW_BYTES, Row};
use super::{BlockSequence, JournalEntry, Payload};
use crate::aligned::AlignedBuf;
use crate::disk::{Disk, DiskFile};
use crate::limits::{BLOCK_BYTES_MAX, ENTRY_BYTES_MAX};

/// Entries on their way into one block.
#[derive(Debug)]
pub struct BlockBuilder {
    rows: Vec<Row>,
    pieces: Vec<Bytes>,
    payload_bytes: usize,
    target: usize,
    /// Most bytes that the block may take.
    room: usize,
}

impl BlockBuilder {
    pub(super) fn new(target: usize) -> Self {
        Self {
            rows: Vec::new(),
            pieces: Vec::new(),
            payload_bytes: 0,
            target,
            room: BLOCK_BYTES_MAX,
        }
    }

    /// Whether nothing was put in yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Keeps the block within so many bytes.
    pub(super) fn confine(&mut self, room: usize) {
        self.room = room;
    }

    /// Whether an entry with so many inline bytes goes in. An empty block takes any up to
    /// [`ENTRY_BYTES_MAX`], unless there is less room; others end near the target size.
    #[must_use]
    pub fn fits(&self, inline_bytes: usize) -> bool {
        let after = self.unpadded_bytes() + ROW_BYTES + inline_bytes;
        inline_bytes <= ENTRY_BYTES_MAX
            && (self.is_empty() || after <= self.target)
            && after.next_multiple_of(PAGE_BYTES) <= self.room
    }

    /// Puts an entry in and returns its payload's CRC-32C. The payload is not copied yet.
    ///
    /// # Panics
    /// If it does not [fit](Self::fits).
    pub fn push(&mut self, entry: &JournalEntry<'_>) -> u32 {
        let inline_bytes = entry.payload.inline_bytes();
        assert!(self.fits(inline_bytes), "the caller asked whether it fits");
        let row = Row::of(entry);
        self.rows.push(row);
        self.payload_bytes += inline_bytes;
        match entry.payload {
            Payload::Inline(pieces) => self.pieces.extend_from_slice(pieces),
            Payload::Summed { bytes, .. } => self.pieces.push(bytes.clone()),
            Payload::InSegment { .. } => {}
        }
        row.crc
    }

    /// Empties it for another block.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.pieces.clear();
        self.payload_bytes = 0;
    }

    fn unpadded_bytes(&self) -> usize {
        HEADER_BYTES + self.rows.len() * ROW_BYTES + self.payload_bytes
    }

    /// Entries in it.
    pub(super) fn entries(&self) -> usize {
        self.rows.len()
    }

    /// Bytes that the block takes on disk.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        self.unpadded_bytes().next_multiple_of(PAGE_BYTES)
    }

    /// Sizes of the block as the header tells them.
    pub(super) fn describe(&self, header: &mut Header) {
        let narrow = |bytes| u32::try_from(bytes).expect("a block is far below 4 GiB");
        header.block_bytes = narrow(self.block_bytes());
        header.entries = narrow(self.rows.len());
        header.payload_bytes = narrow(self.payload_bytes);
    }

    /// Writes the block into an empty buffer and returns its checksum.
    pub(super) fn write_to(&self, header: &Header, bytes: &mut AlignedBuf) -> u64 {
        assert!(
            self.block_bytes() <= BLOCK_BYTES_MAX,
            "a block is within its limit"
        );
        let (table, checksum) = header.encode(&self.rows);
        bytes.extend(&table);
        for piece in &self.pieces {
            bytes.extend(piece);
        }
        bytes.resize(self.block_bytes());
        checksum
    }
}

/// The write of one block, ready for whatever thread does it.
#[derive(Debug)]
pub struct BlockWrite<D: Disk> {
    /// Number of the block.
    pub sequence: BlockSequence,
    /// The chunk file, opened so that a write is durable when it returns.
    pub file: D::File,
    /// Where in the file.
    pub position: u64,
    /// How many entries are in it.
    pub entries: usize,
    /// The whole block.
    pub bytes: AlignedBuf,
}

impl<D: Disk> BlockWrite<D> {
    /// Writes, and gives the buffer back for [`super::Journal::recycle`].
    ///
    /// After an error nothing may be acknowledged any more: the directory has failed.
    pub fn perform(self) -> (BlockSequence, AlignedBuf, io::Result<()>) {
        let result = self.file.write_all_at(&self.bytes, self.position);
        (self.sequence, self.bytes, result)
    }
}
