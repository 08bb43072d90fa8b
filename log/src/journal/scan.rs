//! Reading blocks back from a chunk.

use std::path::PathBuf;

use thalweg_model::defect::{self, Defect};

use super::chunk::ChunkId;
use super::format::{Header, NotABlock, PAGE_BYTES, Row};
use super::{BlockSequence, JournalError, ShardId};
use crate::checksum::crc32c;
use crate::disk::DiskFile;

/// Read at once where blocks are small, and where every page may be one.
const WINDOW_BYTES: usize = 256 << 10;

/// Read at once where blocks are large and only their tables matter.
const PEEK_BYTES: usize = 2 * PAGE_BYTES;

/// Where large begins. A read of its own takes about 100 us, but several are under way together:
/// that costs as much as 25 us of a device of 1 GB/s.
const LARGE_BLOCK_BYTES: u32 = 32 << 10;

/// Bytes to read for what comes after `block`.
fn ahead(block: &Block) -> usize {
    if block.header.block_bytes > LARGE_BLOCK_BYTES {
        PEEK_BYTES
    } else {
        WINDOW_BYTES
    }
}

/// A block whose header and table are whole.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) header: Header,
    pub(super) checksum: u64,
    pub(super) position: u64,
    pub(super) rows: Vec<Row>,
}

impl Block {
    /// Whether it is the block after another, planned by a process that knew the other.
    pub(super) fn follows(&self, before: &Self) -> bool {
        self.header.sequence == before.header.sequence.next()
            && self.header.previous == before.checksum
            && self.header.incarnation >= before.header.incarnation
    }

    pub(super) fn end(&self) -> u64 {
        self.position + u64::from(self.header.block_bytes)
    }

    /// The rows, and where each one's inline payload begins.
    pub(super) fn payloads(&self) -> impl Iterator<Item = (&Row, u64)> {
        let table = u64::try_from(self.header.table_end()).expect("a table fits its block");
        let mut next = self.position + table;
        self.rows.iter().map(move |row| {
            let position = next;
            next += u64::from(row.inline_bytes());
            (row, position)
        })
    }
}

/// Reads one chunk.
#[derive(Debug)]
pub(super) struct ChunkReader<F> {
    pub(super) id: ChunkId,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) file: F,
    shard: ShardId,
    window: Vec<u8>,
    window_at: u64,
}

impl<F: DiskFile> ChunkReader<F> {
    pub(super) fn new(
        id: ChunkId,
        path: PathBuf,
        file: F,
        shard: ShardId,
    ) -> Result<Self, JournalError> {
        let bytes = file.len().map_err(|source| JournalError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            id,
            path,
            bytes,
            file,
            shard,
            window: Vec::new(),
            window_at: 0,
        })
    }

    fn io(&self, source: std::io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }

    /// `wanted` bytes from `position`, fewer at the chunk's end; reads `ahead` if it must read.
    fn view(&mut self, position: u64, wanted: usize, ahead: usize) -> Result<&[u8], JournalError> {
        let left = self.bytes.saturating_sub(position);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let offset = if let Some(offset) = self.in_window(position, wanted) {
            offset
        } else {
            self.window.resize(ahead.max(wanted).min(left), 0);
            self.window_at = position;
            let read = self.file.read_exact_at(&mut self.window, position);
            read.map_err(|source| self.io(source))?;
            0
        };
        Ok(&self.window[offset..offset + wanted])
    }

    /// Where the window has `wanted` bytes from `position`, if it has them.
    fn in_window(&self, position: u64, wanted: usize) -> Option<usize> {
        let offset = usize::try_from(position.checked_sub(self.window_at)?).ok()?;
        (offset + wanted <= self.window.len()).then_some(offset)
    }

    /// The block at `position`, reading `ahead` bytes if it must read. One of another journal, or
    /// of another version, is none: what lies behind a chain may be anything.
    fn block(&mut self, position: u64, ahead: usize) -> Result<Option<Block>, JournalError> {
        let Some(header) = Header::peek(self.view(position, PAGE_BYTES, ahead)?) else {
            return Ok(None);
        };
        if position + u64::from(header.block_bytes) > self.bytes {
            return Ok(None);
        }
        let shard = self.shard;
        let bytes = self.view(position, header.table_end(), ahead)?;
        let verified = header
            .verify(bytes, shard)
            .and_then(|checksum| Ok((checksum, header.rows(bytes)?)));
        match verified {
            Ok((checksum, rows)) => Ok(Some(Block {
                header,
                checksum,
                position,
                rows,
            })),
            Err(NotABlock::Unreadable | NotABlock::Foreign) => Ok(None),
        }
    }

    /// The chunk's first block; a foreign one is an error.
    pub(super) fn head(&mut self) -> Result<Option<Block>, JournalError> {
        let head = self.block(0, PAGE_BYTES)?;
        let shard = self.shard;
        let foreign = head.is_none()
            && Header::peek(&self.window).is_some_and(|header| {
                header.verify(&self.window, shard) == Err(NotABlock::Foreign)
            });
        if foreign {
            return Err(JournalError::Foreign {
                file: self.path.clone(),
            });
        }
        Ok(head)
    }

    /// Tells the device what [`Self::after`] is going to read.
    pub(super) fn prefetch_after(&self, block: &Block) {
        if self.in_window(block.end(), PEEK_BYTES).is_none() {
            self.file.prefetch(block.end(), ahead(block));
        }
    }

    /// The block behind `block`.
    pub(super) fn after(&mut self, block: &Block) -> Result<Option<Block>, JournalError> {
        self.block(block.end(), ahead(block))
    }

    /// Gives back what was read: a journal has many chunks.
    pub(super) fn release(&mut self) {
        self.window = Vec::new();
    }

    /// The largest block that any block from `position` on says was durable. One of an opening before
    /// `incarnation` says nothing about what came later.
    pub(super) fn search_complete(
        &mut self,
        position: u64,
        incarnation: u64,
    ) -> Result<BlockSequence, JournalError> {
        let mut complete = BlockSequence::START;
        let pages = u64::try_from(PAGE_BYTES).expect("a page is small");
        let mut position = position;
        while position < self.bytes {
            if let Some(block) = self.block(position, WINDOW_BYTES)?
                && block.header.incarnation >= incarnation
            {
                complete = complete.max(block.header.complete);
            }
            position += pages;
        }
        Ok(complete)
    }

    /// Whether a block's payloads are as its table says.
    pub(super) fn payloads_are_whole(&mut self, block: &Block) -> Result<bool, JournalError> {
        if defect::is_on(Defect::TornBlockAccepted) {
            return Ok(true);
        }
        for (row, position) in block.payloads().filter(|(row, _)| row.inline) {
            let wanted = usize::try_from(row.bytes).expect("at least 32 bits");
            let bytes = self.view(position, wanted, wanted)?;
            if bytes.len() < wanted || crc32c(bytes) != row.crc {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
