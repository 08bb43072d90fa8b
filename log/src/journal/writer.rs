//! The journal in use: plans blocks, gives them places, and knows what is durable.

use std::io;
use std::path::{Path, PathBuf};

use super::block::{BlockBuilder, BlockWrite};
use super::chunk::{self, Chunk, ChunkId, GrowJob, Growth};
use super::format::Header;
use super::opening::Opening;
use super::payloads::Payloads;
use super::progress::Progress;
use super::recovery::{Recovered, Tail, Vouched, recover};
use super::replay::Replay;
use super::ring::Ring;
use super::{BlockSequence, JournalError, JournalOptions, ShardId};
use crate::aligned::AlignedBuf;
use crate::disk::Disk;
use crate::limits::{CONFINED_BLOCK_BYTES_MIN, SMALL_BLOCK_BYTES};

/// The journal of one shard.
///
/// ```text
/// begin_block -> BlockBuilder -> seal -> BlockWrite -> perform (any thread) -> completed, recycle
/// ```
/// Planning never touches the disk; only [`BlockWrite::perform`] and [`GrowJob::perform`] do.
#[derive(Debug)]
pub struct Journal<D: Disk> {
    disk: D,
    dir: PathBuf,
    shard: ShardId,
    options: JournalOptions,
    ring: Ring<D>,
    /// Free chunks that are not used before [`Self::settled`].
    unsettled: Vec<Chunk<D>>,
    /// What is done by [`Self::start`].
    opening: Opening<D>,
    tail: Tail,
    progress: Progress,
    released: BlockSequence,
    spare: Vec<AlignedBuf>,
    spare_builder: Option<BlockBuilder>,
    next_chunk: ChunkId,
    growth: GrowthState,
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_path_buf();
    move |source| JournalError::Io { path, source }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GrowthState {
    Idle,
    /// A job is out.
    Running,
    /// The last job failed; another is worth a try when space was released.
    Failed,
}

impl<D: Disk> Journal<D> {
    /// Opens the journal in `dir`, which is made if need be (its parent must be durable), and
    /// replays what was recorded after the block `checkpoint`, of which a durable manifest tells.
    ///
    /// A block that a crash tore is left out: it was never acknowledged. One block is written, so
    /// that this opening can be told from earlier ones.
    ///
    /// # Errors
    /// See [`JournalError`]. A journal that does not open was not changed.
    ///
    /// # Panics
    /// If the options contradict each other.
    pub fn open(
        disk: &D,
        dir: &Path,
        shard: ShardId,
        checkpoint: BlockSequence,
        options: JournalOptions,
    ) -> Result<(Self, Replay), JournalError> {
        let (mut journal, replay) =
            Self::load(disk, dir, shard, (checkpoint, checkpoint), options)?;
        journal.settle()?;
        journal.start()?;
        Ok((journal, replay))
    }

    /// Reads the journal as [`Self::open`] does, but changes nothing and waits for no sync. Blocks are
    /// taken after [`Self::start`]. Of the manifest's checkpoint it is told how far it was read and
    /// how far it is certain: space that is free only by the former is not used before
    /// [`Self::settled`].
    ///
    /// # Errors
    /// See [`JournalError`].
    ///
    /// # Panics
    /// If the options contradict each other.
    pub fn load(
        disk: &D,
        dir: &Path,
        shard: ShardId,
        (checkpoint, settled): (BlockSequence, BlockSequence),
        options: JournalOptions,
    ) -> Result<(Self, Replay), JournalError> {
        options.check();
        let vouched = Vouched {
            checkpoint,
            settled,
        };
        disk.create_dir_all(dir).map_err(io_at(dir))?;
        let Recovered {
            ring,
            tail,
            entries,
            next_chunk,
            unsettled,
            opening,
        } = recover(disk, dir, shard, vouched, &options)?;
        let journal = Self {
            disk: disk.clone(),
            dir: dir.to_path_buf(),
            shard,
            options,
            ring,
            unsettled,
            opening,
            tail: Tail {
                incarnation: tail.incarnation + 1,
                ..tail
            },
            progress: Progress::new(tail.sequence),
            released: checkpoint,
            spare: Vec::new(),
            spare_builder: None,
            next_chunk,
            growth: GrowthState::Idle,
        };
        Ok((journal, Replay { entries }))
    }

    /// Makes what was found certain, and writes one block, so that this opening can be told from
    /// earlier ones.
    ///
    /// # Errors
    /// The disk refused.
    pub fn start(&mut self) -> Result<(), JournalError> {
        std::mem::take(&mut self.opening).perform()?;
        let dir = self.dir.clone();
        if self.ring.chunks() + self.unsettled.len() == 0
            && let Some(parent) = dir.parent()
        {
            // A chunk is made only when its directory's name is durable.
            self.disk.sync_dir(parent).map_err(io_at(&dir))?;
        }
        self.make_room().map_err(io_at(&dir))?;
        self.write_opening_block().map_err(io_at(&dir))
    }

    /// Whether space waits for [`Self::settled`].
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// Whether not even the first block has a place without that space.
    #[must_use]
    pub fn must_settle(&self) -> bool {
        self.is_unsettled() && self.room().is_none()
    }

    /// Whether that space is needed soon.
    #[must_use]
    pub fn wants_settling(&self) -> bool {
        self.is_unsettled()
            && (!self.has_room() || self.ring.free_bytes() < self.options.chunk_bytes / 2)
    }

    /// What has to be synced, besides the manifest, before [`Self::settled`].
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes note that the manifest's checkpoint and the names of all chunks are durable.
    pub fn settled(&mut self) {
        for chunk in std::mem::take(&mut self.unsettled) {
            self.ring.add(chunk);
        }
    }

    /// Syncs the names of all chunks; the manifest's checkpoint is durable.
    ///
    /// # Errors
    /// The disk refused.
    pub fn settle(&mut self) -> Result<(), JournalError> {
        if self.is_unsettled() {
            self.disk.sync_dir(&self.dir).map_err(io_at(&self.dir))?;
        }
        self.settled();
        Ok(())
    }

    /// Up to where a durable checkpoint vouches.
    #[must_use]
    pub fn released(&self) -> BlockSequence {
        self.released
    }

    /// Prewrites what a new journal starts with, or a chunk more where a crash left a full ring.
    fn make_room(&mut self) -> io::Result<()> {
        let page = u64::try_from(super::format::PAGE_BYTES).expect("a page is small");
        while self.ring.chunks() + self.unsettled.len() < self.options.chunks_initial
            || !self.ring.has_room(page)
        {
            let bytes = self.options.chunk_bytes;
            let chunk = chunk::make(&self.disk, &self.dir, self.next_chunk, bytes)?;
            self.next_chunk = ChunkId(self.next_chunk.0 + 1);
            self.ring.add(chunk);
        }
        Ok(())
    }

    /// An empty block, alone in flight: whatever this process writes later carries an incarnation
    /// that the next opening is sure to see.
    fn write_opening_block(&mut self) -> io::Result<()> {
        let (sequence, buffer, result) = self.seal(self.new_builder()).perform();
        result?;
        self.recycle(buffer);
        let durable = self.completed(sequence);
        assert_eq!(durable, Some(sequence), "nothing else is in flight");
        Ok(())
    }

    /// Starts a block, unless as many as allowed are in flight or the ring is full: then wait for
    /// [`Self::completed`], [`Self::release`] or [`Self::grown`]. A block that is not sealed costs
    /// nothing.
    #[must_use]
    pub fn begin_block(&mut self) -> Option<BlockBuilder> {
        if self.progress.in_flight() >= self.options.depth {
            return None;
        }
        let room = self.room()?;
        let spare = self.spare_builder.take();
        let mut builder = spare.unwrap_or_else(|| self.new_builder());
        builder.confine(room);
        Some(builder)
    }

    /// How large the next block may be. While chunks wait to be settled, what is left of the active
    /// one is used: a start is ready with small blocks.
    fn room(&self) -> Option<usize> {
        if self.has_room() {
            return Some(self.options.block_bytes_max);
        }
        let left = usize::try_from(self.ring.active_left()).unwrap_or(usize::MAX);
        (self.is_unsettled() && left >= CONFINED_BLOCK_BYTES_MIN).then_some(left)
    }

    fn new_builder(&self) -> BlockBuilder {
        BlockBuilder::new(self.options.block_bytes_target)
    }

    /// Whether a block of any size has a place.
    fn has_room(&self) -> bool {
        let largest = u64::try_from(self.options.block_bytes_max).expect("a block is small");
        self.ring.has_room(largest)
    }

    /// Gives the block its place and number. Every sealed block has to be performed and completed.
    ///
    /// # Panics
    /// If more blocks are sealed than [`Self::begin_block`] allowed.
    pub fn seal(&mut self, mut builder: BlockBuilder) -> BlockWrite<D> {
        assert!(
            self.progress.in_flight() < self.options.depth,
            "a block is sealed before another begins"
        );
        let complete = self.progress.durable();
        let sequence = self.progress.plan();
        let mut header = Header {
            shard: self.shard,
            incarnation: self.tail.incarnation,
            sequence,
            complete,
            previous: self.tail.checksum,
            block_bytes: 0,
            entries: 0,
            payload_bytes: 0,
            // Not those that wait to be settled: the newest of them may lose its name.
            chunks: u32::try_from(self.ring.chunks()).expect("the ring is bounded"),
        };
        builder.describe(&mut header);
        let mut bytes = self.buffer(builder.block_bytes());
        self.tail.checksum = builder.write_to(&header, &mut bytes);
        self.tail.sequence = sequence;
        let place = self.ring.place(sequence, u64::from(header.block_bytes));
        let entries = builder.entries();
        builder.clear();
        self.spare_builder = Some(builder);
        BlockWrite {
            sequence,
            file: place.file,
            position: place.position,
            entries,
            bytes,
        }
    }

    fn buffer(&mut self, bytes: usize) -> AlignedBuf {
        let fitting = self
            .spare
            .iter()
            .position(|buffer| buffer.capacity() >= bytes);
        match fitting {
            Some(at) => self.spare.swap_remove(at),
            None if bytes <= SMALL_BLOCK_BYTES => AlignedBuf::with_capacity(SMALL_BLOCK_BYTES),
            None => AlignedBuf::with_capacity(bytes.max(self.options.block_bytes_target)),
        }
    }

    /// Takes a block's buffer back.
    pub fn recycle(&mut self, mut buffer: AlignedBuf) {
        buffer.clear();
        if self.spare.len() < self.options.depth {
            self.spare.push(buffer);
        } else if let Some(smallest) = self.spare.iter_mut().min_by_key(|spare| spare.capacity())
            && smallest.capacity() < buffer.capacity()
        {
            *smallest = buffer;
        }
    }

    /// Takes note that a block is durable; returns up to where all blocks are, if that moved.
    ///
    /// # Panics
    /// If the block is not in flight.
    pub fn completed(&mut self, sequence: BlockSequence) -> Option<BlockSequence> {
        let moved = self.progress.complete(sequence)?;
        self.free_chunks();
        Some(moved)
    }

    /// Up to where all blocks are durable.
    #[must_use]
    pub fn durable(&self) -> BlockSequence {
        self.progress.durable()
    }

    /// Blocks that are sealed and not completed.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.progress.in_flight()
    }

    /// Gives up the blocks up to `up_to`: a durable checkpoint of the manifest vouches for them.
    ///
    /// # Panics
    /// If they are not all durable.
    pub fn release(&mut self, up_to: BlockSequence) {
        assert!(
            up_to <= self.progress.durable(),
            "only durable blocks are checkpointed"
        );
        self.released = self.released.max(up_to);
        self.free_chunks();
    }

    fn free_chunks(&mut self) {
        let freed = self.ring.free_up_to(self.released, self.progress.durable());
        if freed && self.growth == GrowthState::Failed {
            self.growth = GrowthState::Idle;
        }
    }

    /// Bytes that blocks may still take.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.ring.free_bytes()
    }

    /// Size of the files.
    #[must_use]
    pub fn capacity_bytes(&self) -> u64 {
        self.ring.capacity()
    }

    /// Whether so much was recorded since the last checkpoint that another should be made.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        // Half of the ring stays for what is recorded while the checkpoint is made.
        let threshold = self
            .options
            .checkpoint_bytes
            .min(self.options.ring_bytes_max / 2);
        self.ring.held_bytes(self.released) > threshold || !self.has_room()
    }

    /// A job that adds a chunk, once less than a chunk and a half is free and the limit allows it.
    #[must_use]
    pub fn wants_growth(&mut self) -> Option<GrowJob<D>> {
        let bytes = self.options.chunk_bytes;
        let wanted = self.growth == GrowthState::Idle
            && !self.is_unsettled()
            && self.ring.free_bytes() < bytes + bytes / 2
            && self.ring.capacity() + bytes <= self.options.ring_bytes_max;
        if !wanted {
            return None;
        }
        self.growth = GrowthState::Running;
        Some(GrowJob {
            disk: self.disk.clone(),
            dir: self.dir.clone(),
            // One at a time: the number is given away once the chunk is there, so that none is ever missing.
            id: self.next_chunk,
            bytes,
        })
    }

    /// Takes the chunk that a job made. After a failure the journal goes on in the space it has
    /// and asks again when some was released.
    ///
    /// # Errors
    /// Why the job failed. A full disk is back-pressure; anything else is a failed directory.
    pub fn grown(&mut self, growth: Growth<D>) -> io::Result<()> {
        match growth.chunk {
            Ok(chunk) => {
                self.next_chunk = ChunkId(self.next_chunk.0 + 1);
                self.ring.add(chunk);
                self.growth = GrowthState::Idle;
                Ok(())
            }
            Err(error) => {
                self.growth = GrowthState::Failed;
                Err(error)
            }
        }
    }

    /// The payloads of replayed entries.
    #[must_use]
    pub fn payloads(&self) -> Payloads<'_, D> {
        Payloads::new(&self.disk, &self.dir)
    }
}
