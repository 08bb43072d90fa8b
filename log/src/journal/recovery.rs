//! Finding the live chain of blocks in the ring.
//!
//! Blocks are linked forwards by sequence and by the checksum of the one before, so a block left
//! from an earlier lap, or from a process that died with it in flight, never continues the chain.
//! Each block also tells up to where all were durable when it was planned. That tells the two ends
//! of a chain apart: a block that nobody vouches for may be torn, and was never acknowledged; a
//! block that a later one (or the manifest's checkpoint) vouches for was durable, and if it cannot
//! be read the journal is damaged.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use super::chunk::{Chunk, ChunkId, is_unfinished};
use super::opening::Opening;
use super::replay::ReplayedEntry;
use super::ring::{Ring, UsedChunk};
use super::runs::read_runs;
use super::scan::{Block, ChunkReader};
use super::{BlockSequence, JournalError, JournalOptions, ShardId};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::journal::format::PAGE_BYTES;

/// The end of the chain, which the next block continues.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    pub(super) sequence: BlockSequence,
    pub(super) checksum: u64,
    pub(super) incarnation: u64,
}

/// A journal as it was found.
#[derive(Debug)]
pub(super) struct Recovered<D: Disk> {
    pub(super) ring: Ring<D>,
    pub(super) tail: Tail,
    pub(super) entries: Vec<ReplayedEntry>,
    pub(super) next_chunk: ChunkId,
    /// Chunks that may hold what is needed if what is not certain yet is lost.
    pub(super) unsettled: Vec<Chunk<D>>,
    pub(super) opening: Opening<D>,
}

/// What the manifest vouches for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vouched {
    /// As far as it was read.
    pub(super) checkpoint: BlockSequence,
    /// As far as it is certain that no power cut takes it back.
    pub(super) settled: BlockSequence,
}

/// A directory's chunks while they are read.
struct Recovery<'a, D: Disk> {
    disk: &'a D,
    dir: &'a Path,
    /// Largest block that was ever written here.
    block_bytes_max: usize,
    readers: Vec<ChunkReader<D::File>>,
    /// The first block of each chunk.
    heads: Vec<Option<Block>>,
    /// The chain so far, each block with the number of its reader.
    chain: Vec<(usize, Block)>,
}

/// Reads a journal directory. Changes nothing but what was never finished.
pub(super) fn recover<D: Disk>(
    disk: &D,
    dir: &Path,
    shard: ShardId,
    manifest: Vouched,
    options: &JournalOptions,
) -> Result<Recovered<D>, JournalError> {
    let mut recovery = Recovery::open(disk, dir, shard, options.block_bytes_max)?;
    recovery.check_chunks(options)?;
    recovery.walk(manifest.checkpoint)?;
    recovery.check_count()?;
    let vouched = recovery.vouched()?.max(manifest.checkpoint);
    recovery.drop_torn(vouched)?;
    recovery.check_end(vouched)?;
    let opening = recovery.opening(vouched)?;
    recovery.finish(manifest, opening)
}

fn io_at<'a>(path: &'a Path) -> impl FnOnce(std::io::Error) -> JournalError + 'a {
    |source| JournalError::Io {
        path: path.to_path_buf(),
        source,
    }
}

impl<'a, D: Disk> Recovery<'a, D> {
    fn open(
        disk: &'a D,
        dir: &'a Path,
        shard: ShardId,
        block_bytes_max: usize,
    ) -> Result<Self, JournalError> {
        let mut readers = Vec::new();
        for name in disk.list(dir).map_err(io_at(dir))? {
            let path = dir.join(&name);
            if is_unfinished(&name) {
                disk.remove_file(&path).map_err(io_at(&path))?;
            } else if let Some(id) = ChunkId::from_name(&name) {
                let file = disk.open(&path, OpenMode::Read).map_err(io_at(&path))?;
                readers.push(ChunkReader::new(id, path, file, shard)?);
            }
        }
        for reader in &readers {
            reader.file.prefetch(0, PAGE_BYTES);
        }
        let heads = readers
            .iter_mut()
            .map(ChunkReader::head)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            disk,
            dir,
            block_bytes_max,
            readers,
            heads,
            chain: Vec::new(),
        })
    }

    fn head_sequence(&self, reader: usize) -> Option<BlockSequence> {
        self.heads[reader].as_ref().map(|head| head.header.sequence)
    }

    /// Collects the chain from the chunk that the checkpoint's block is in. That one may have been
    /// released and overwritten, but only once the next block was durable in another chunk.
    fn walk(&mut self, checkpoint: BlockSequence) -> Result<(), JournalError> {
        let [at, after] = [checkpoint, checkpoint.next()].map(|block| self.chunk_of(block));
        let Some(first) = at.or(after) else {
            return Ok(());
        };
        let from = self.head_sequence(first).unwrap_or_default();
        let mut runs = read_runs(&mut self.readers, &self.heads, from)?;
        self.link(&mut runs, first);
        if self.tail().sequence < checkpoint
            && let Some(other) = after.filter(|&after| after != first)
        {
            self.chain.clear();
            self.link(&mut runs, other);
        }
        Ok(())
    }

    /// The chunk that a block is in, if it is anywhere.
    fn chunk_of(&self, block: BlockSequence) -> Option<usize> {
        (0..self.readers.len())
            .filter(|&reader| self.head_sequence(reader).is_some_and(|head| head <= block))
            .max_by_key(|&reader| self.head_sequence(reader))
    }

    /// Joins the runs that continue each other, from the one of `first` on.
    fn link(&mut self, runs: &mut [Vec<Block>], first: usize) {
        let mut next = Some(first);
        while let Some(reader) = next {
            let run = std::mem::take(&mut runs[reader]);
            self.chain
                .extend(run.into_iter().map(|block| (reader, block)));
            next = self.chain.last().and_then(|(_, last)| {
                let follows = |head: &Block| head.follows(last);
                self.heads
                    .iter()
                    .position(|head| head.as_ref().is_some_and(follows))
            });
        }
    }

    /// Where the block after the chain would be.
    fn end(&self) -> Option<(usize, u64)> {
        self.chain
            .last()
            .map(|(reader, block)| (*reader, block.end()))
    }

    fn tail(&self) -> Tail {
        self.chain
            .last()
            .map_or_else(Tail::default, |(_, block)| Tail {
                sequence: block.header.sequence,
                checksum: block.checksum,
                incarnation: block.header.incarnation,
            })
    }

    /// The last block that some block says was durable.
    fn vouched(&mut self) -> Result<BlockSequence, JournalError> {
        let in_chain = self.chain.iter().map(|(_, block)| block.header.complete);
        let mut vouched = in_chain.max().unwrap_or_default();
        let incarnation = self.tail().incarnation;
        for reader in self.suspects() {
            let from = match self.end() {
                Some((last, end)) if last == reader => end,
                Some(_) | None => 0,
            };
            vouched = vouched.max(self.readers[reader].search_complete(from, incarnation)?);
        }
        Ok(vouched)
    }

    /// Chunks where blocks behind the chain's end may be: its last chunk, chunks that begin with
    /// later blocks, and, if the next block may have left its chunk, those that it may have gone to:
    /// chunks whose beginning is unreadable, and the oldest, which is written next.
    fn suspects(&self) -> BTreeSet<usize> {
        let all = 0..self.readers.len();
        let Some((last, end)) = self.end() else {
            return all.collect();
        };
        let tail = self.tail().sequence;
        let visited: BTreeSet<usize> = self.chain.iter().map(|(reader, _)| *reader).collect();
        let others = all.filter(|reader| !visited.contains(reader));
        let left = self.readers[last].bytes - end;
        let may_have_left = usize::try_from(left).is_ok_and(|left| left < self.block_bytes_max);
        let oldest = others
            .clone()
            .filter(|&reader| self.head_sequence(reader).is_some())
            .min_by_key(|&reader| self.head_sequence(reader));
        let suspect = |reader: &usize| match self.head_sequence(*reader) {
            Some(head) => head > tail || (may_have_left && Some(*reader) == oldest),
            None => may_have_left,
        };
        others.filter(suspect).chain([last]).collect()
    }

    /// All chunks are here and whole. One has its name only once it is whole; numbers are given in order and never come back,
    /// and no block is written before the first chunks are there. Of more than these, blocks tell.
    fn check_chunks(&self, options: &JournalOptions) -> Result<(), JournalError> {
        let pages = u64::try_from(PAGE_BYTES).expect("a page is small");
        let cut_off = |bytes: u64| bytes < options.chunk_bytes || !bytes.is_multiple_of(pages);
        if let Some(reader) = self.readers.iter().find(|reader| cut_off(reader.bytes)) {
            return Err(JournalError::CutOff {
                file: reader.path.clone(),
                bytes: reader.bytes,
            });
        }
        let holds_blocks = self.heads.iter().any(Option::is_some);
        let at_first = if holds_blocks {
            options.chunks_initial
        } else {
            0
        };
        self.expect_chunks(self.readers.len().max(at_first))
    }

    /// No block tells of a chunk that is not here.
    fn check_count(&self) -> Result<(), JournalError> {
        let chain = self.chain.iter().map(|(_, block)| block);
        let blocks = chain.chain(self.heads.iter().flatten());
        let told = blocks.map(|block| block.header.chunks).max().unwrap_or(0);
        self.expect_chunks(usize::try_from(told).expect("at least 32 bits"))
    }

    /// The chunks with the first numbers are here.
    fn expect_chunks(&self, expected: usize) -> Result<(), JournalError> {
        let there: BTreeSet<u64> = self.readers.iter().map(|reader| reader.id.0).collect();
        let expected = u64::try_from(expected).expect("there are few");
        match (0..expected).find(|id| !there.contains(id)) {
            Some(id) => Err(JournalError::Missing {
                file: ChunkId(id).path(self.dir),
            }),
            None => Ok(()),
        }
    }

    fn check_end(&self, vouched: BlockSequence) -> Result<(), JournalError> {
        let sequence = self.tail().sequence.next();
        if sequence > vouched {
            return Ok(());
        }
        // Without a chain it begins in a chunk whose first block cannot be read.
        let unreadable = || {
            self.readers
                .iter()
                .zip(&self.heads)
                .find(|(_, head)| head.is_none())
        };
        let (file, position) = self.end().map_or_else(
            || {
                let first = unreadable().map(|(reader, _)| &*reader.path);
                (first.unwrap_or(self.dir).to_path_buf(), 0)
            },
            |(reader, end)| (self.readers[reader].path.clone(), end),
        );
        Err(JournalError::Corrupt {
            file,
            position,
            sequence,
        })
    }

    /// Ends the chain before the first block that nobody vouches for and whose payload is not whole.
    fn drop_torn(&mut self, vouched: BlockSequence) -> Result<(), JournalError> {
        let sure = self
            .chain
            .partition_point(|(_, block)| block.header.sequence <= vouched);
        for (reader, block) in &self.chain[sure..] {
            let bytes = usize::try_from(block.header.block_bytes).unwrap_or(usize::MAX);
            self.readers[*reader].file.prefetch(block.position, bytes);
        }
        for at in sure..self.chain.len() {
            let (reader, block) = &self.chain[at];
            if !self.readers[*reader].payloads_are_whole(block)? {
                self.chain.truncate(at);
                break;
            }
        }
        Ok(())
    }

    /// What has to be done before anything is built on what was found.
    fn opening(&self, vouched: BlockSequence) -> Result<Opening<D>, JournalError> {
        let tail = self.tail().sequence;
        let unsure: BTreeSet<usize> = self
            .chain
            .iter()
            .filter(|(_, block)| block.header.sequence > vouched)
            .map(|(reader, _)| *reader)
            .collect();
        let mut opening = Opening::default();
        for at in unsure {
            let reader = &self.readers[at];
            let place = (reader.path.clone(), reader.file.clone());
            opening.unsure.push(place);
        }
        for (reader, at) in self.readers.iter().zip(0..) {
            if self.head_sequence(at).is_some_and(|head| head > tail) {
                let file = self.disk.open(&reader.path, OpenMode::DirectSync);
                let file = file.map_err(io_at(&reader.path))?;
                opening.stale.push((reader.path.clone(), file));
            }
        }
        Ok(opening)
    }

    fn finish(self, manifest: Vouched, opening: Opening<D>) -> Result<Recovered<D>, JournalError> {
        let tail = self.tail();
        let mut entries = Vec::new();
        for (reader, block) in &self.chain {
            let sequence = block.header.sequence;
            if sequence > manifest.checkpoint {
                let chunk = self.readers[*reader].id;
                entries.extend(
                    block
                        .payloads()
                        .map(|(row, position)| ReplayedEntry::new(sequence, row, chunk, position)),
                );
            }
        }
        let next_chunk = self.readers.iter().map(|reader| reader.id.0 + 1).max();
        let (ring, unsettled) = self.ring(manifest)?;
        Ok(Recovered {
            ring,
            tail,
            entries,
            next_chunk: ChunkId(next_chunk.unwrap_or(0)),
            unsettled,
            opening,
        })
    }

    /// The chunks by what they are for, and those of which that is not certain yet.
    fn ring(&self, manifest: Vouched) -> Result<(Ring<D>, Vec<Chunk<D>>), JournalError> {
        let mut full: VecDeque<UsedChunk<D>> = VecDeque::new();
        let mut used = BTreeSet::new();
        for (at, (reader, block)) in self.chain.iter().enumerate() {
            let ends_chunk = self
                .chain
                .get(at + 1)
                .is_none_or(|(next, _)| next != reader);
            let is_last = at + 1 == self.chain.len();
            if ends_chunk && (is_last || block.header.sequence > manifest.checkpoint) {
                used.insert(*reader);
                full.push_back(UsedChunk {
                    chunk: self.chunk(*reader)?,
                    end: block.end(),
                    last: block.header.sequence,
                });
            }
        }
        let active = full.pop_back();
        let mut free: Vec<usize> = (0..self.readers.len())
            .filter(|reader| !used.contains(reader))
            .collect();
        free.sort_by_key(|&reader| self.head_sequence(reader));
        let (mut ready, mut unsettled) = (VecDeque::new(), Vec::new());
        for reader in free {
            let chunk = self.chunk(reader)?;
            if self.is_given_up(reader, manifest.settled) {
                ready.push_back(chunk);
            } else {
                unsettled.push(chunk);
            }
        }
        Ok((Ring::new(full, active, ready), unsettled))
    }

    /// Whether a chunk holds nothing but blocks that are certainly checkpointed: the next one begins
    /// not later than right after them. One without blocks may not even have a durable name.
    fn is_given_up(&self, reader: usize, settled: BlockSequence) -> bool {
        let heads = (0..self.readers.len()).filter_map(|other| self.head_sequence(other));
        self.head_sequence(reader).is_some_and(|head| {
            let next = heads.filter(|other| *other > head).min();
            next.is_some_and(|next| next <= settled.next())
        })
    }

    fn chunk(&self, reader: usize) -> Result<Chunk<D>, JournalError> {
        let reader = &self.readers[reader];
        let file = self.disk.open(&reader.path, OpenMode::DirectSync);
        Ok(Chunk {
            bytes: reader.bytes,
            file: file.map_err(io_at(&reader.path))?,
        })
    }
}
