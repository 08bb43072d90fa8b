//! Which chunk is written, which ones hold blocks that are still needed, and which are free.

use std::collections::VecDeque;

use super::BlockSequence;
use super::chunk::Chunk;
use crate::disk::Disk;

/// The chunks of a journal by what they are for.
#[derive(Debug)]
pub(super) struct Ring<D: Disk> {
    /// Full chunks with blocks that may still be needed, oldest first.
    full: VecDeque<UsedChunk<D>>,
    /// Where the next block goes, if it fits.
    active: Option<UsedChunk<D>>,
    /// Written next in this order.
    free: VecDeque<Chunk<D>>,
}

/// A chunk with blocks in it.
#[derive(Debug)]
pub(super) struct UsedChunk<D: Disk> {
    pub(super) chunk: Chunk<D>,
    /// Where its blocks end.
    pub(super) end: u64,
    /// Its last block.
    pub(super) last: BlockSequence,
}

impl<D: Disk> UsedChunk<D> {
    fn left(&self) -> u64 {
        self.chunk.bytes - self.end
    }
}

/// The place of a block.
#[derive(Debug)]
pub(super) struct Place<D: Disk> {
    pub(super) file: D::File,
    pub(super) position: u64,
}

impl<D: Disk> Ring<D> {
    /// # Panics
    /// If the full chunks are not in the order of their blocks.
    pub(super) fn new(
        full: VecDeque<UsedChunk<D>>,
        active: Option<UsedChunk<D>>,
        free: VecDeque<Chunk<D>>,
    ) -> Self {
        let ordered = full.iter().chain(&active).map(|used| used.last);
        assert!(
            ordered.is_sorted(),
            "chunks are in the order of their blocks"
        );
        Self { full, active, free }
    }

    pub(super) fn chunks(&self) -> usize {
        self.full.len() + usize::from(self.active.is_some()) + self.free.len()
    }

    pub(super) fn capacity(&self) -> u64 {
        let used = self.full.iter().chain(&self.active).map(|used| &used.chunk);
        used.chain(&self.free).map(|chunk| chunk.bytes).sum()
    }

    pub(super) fn free_bytes(&self) -> u64 {
        self.active_left() + self.free.iter().map(|chunk| chunk.bytes).sum::<u64>()
    }

    /// Bytes of chunks with blocks after `released`.
    pub(super) fn held_bytes(&self, released: BlockSequence) -> u64 {
        let held = self.full.iter().chain(&self.active);
        held.filter(|used| used.last > released)
            .map(|used| used.chunk.bytes)
            .sum()
    }

    pub(super) fn has_room(&self, block_bytes: u64) -> bool {
        let fits_active = self
            .active
            .as_ref()
            .is_some_and(|active| active.left() >= block_bytes);
        fits_active || !self.free.is_empty()
    }

    /// Bytes that are left where the last block is.
    pub(super) fn active_left(&self) -> u64 {
        self.active.as_ref().map_or(0, UsedChunk::left)
    }

    /// Gives the next block its place.
    ///
    /// # Panics
    /// If there is no room: the caller asked.
    pub(super) fn place(&mut self, sequence: BlockSequence, block_bytes: u64) -> Place<D> {
        let fits = |active: &UsedChunk<D>| active.left() >= block_bytes;
        if !self.active.as_ref().is_some_and(fits) {
            let chunk = self
                .free
                .pop_front()
                .expect("a block is placed where room is");
            let next = UsedChunk {
                chunk,
                end: 0,
                last: sequence,
            };
            self.full.extend(self.active.replace(next));
        }
        let active = self.active.as_mut().expect("it was just filled");
        let position = active.end;
        active.end += block_bytes;
        active.last = sequence;
        assert!(
            active.end <= active.chunk.bytes,
            "blocks never straddle chunks"
        );
        Place {
            file: active.chunk.file.clone(),
            position,
        }
    }

    pub(super) fn add(&mut self, chunk: Chunk<D>) {
        self.free.push_back(chunk);
    }

    /// Frees full chunks without blocks after `released`, as long as a block behind them is
    /// durable: the newest durable block is what recovery starts from if all else is released.
    pub(super) fn free_up_to(&mut self, released: BlockSequence, durable: BlockSequence) -> bool {
        let before = self.free.len();
        while let Some(oldest) = self
            .full
            .pop_front_if(|oldest| oldest.last <= released && oldest.last < durable)
        {
            self.free.push_back(oldest.chunk);
        }
        self.free.len() > before
    }
}
