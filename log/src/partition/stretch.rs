//! Stretches: long parts of the log's end that an I/O thread writes to the segment.
//!
//! They go past the page cache. The tail of a log is read from memory, so that pages would be filled
//! for nobody: a CPU second for each GB, and two more where the machine's memory comes from a host
//! (`docs/perf/produce-path.md`). A log whose file is read near its end gets its next stretches into
//! the page cache.
//!
//! Only one side writes the end of a file at a time. A stretch under way is taken back by whoever has
//! to write that end now: to cut it, to sync it, or because a reader wants it.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::PartitionLog;
use super::behind::length;
use crate::aligned::AlignedBuf;
use crate::disk::{DIRECT_ALIGNMENT, Disk, DiskFile};
use crate::segment::FileKind;

/// Stretches that go through the page cache after somebody read the file: 16 MiB of the default size.
const CACHED_STRETCHES: u32 = 64;

/// A part of a log's end on its way to its segment.
#[derive(Debug)]
pub struct Stretch<D: Disk> {
    turn: Arc<Turn>,
    file: D::File,
    /// The same file past the page cache, if that pays.
    direct: Option<D::File>,
    position: u64,
    pieces: Vec<Bytes>,
    bytes: u64,
}

/// What became of a stretch.
#[derive(Debug)]
pub struct StretchWritten {
    turn: Arc<Turn>,
    bytes: u64,
    result: io::Result<()>,
}

/// The right to write a stretch, which the log may take back.
#[derive(Debug, Default)]
pub(super) struct Turn {
    is_over: Mutex<bool>,
}

impl Turn {
    pub(super) fn take_back(&self) {
        *self.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl<D: Disk> Stretch<D> {
    /// Writes it, by way of `buffer` where it goes past the page cache, unless it was taken back.
    pub fn perform(self, buffer: &mut AlignedBuf) -> StretchWritten {
        let turn = Arc::clone(&self.turn);
        let is_over = turn.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let result = if *is_over { Ok(()) } else { self.write(buffer) };
        drop(is_over);
        StretchWritten {
            turn,
            bytes: self.bytes,
            result,
        }
    }

    /// Whether it goes past the page cache.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    fn write(&self, buffer: &mut AlignedBuf) -> io::Result<()> {
        let Some(direct) = &self.direct else {
            return write_pieces(&self.file, &self.pieces, self.position);
        };
        // Where an earlier write ended inside a block, its rest goes where the block's beginning is.
        let mut position = self.position.next_multiple_of(BLOCK);
        let (head, body) = split(self.pieces.iter(), position - self.position);
        write_pieces(&self.file, &head, self.position)?;
        buffer.clear();
        for mut piece in body.iter().map(Bytes::as_ref) {
            while !piece.is_empty() {
                let room = buffer.capacity() - buffer.len();
                let (now, later) = piece.split_at(room.min(piece.len()));
                buffer.extend(now);
                piece = later;
                if buffer.len() == buffer.capacity() {
                    direct.write_all_at(buffer, position)?;
                    position += length_of(buffer);
                    buffer.clear();
                }
            }
        }
        if buffer.is_empty() {
            return Ok(());
        }
        direct.write_all_at(buffer, position)
    }
}

const BLOCK: u64 = DIRECT_ALIGNMENT as u64;

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits 64 bits")
}

/// The first `bytes` of some pieces, and what is behind them.
fn split<'a>(pieces: impl Iterator<Item = &'a Bytes>, bytes: u64) -> (Vec<Bytes>, Vec<Bytes>) {
    let mut left = bytes;
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for piece in pieces {
        let taken = left.min(length(piece));
        left -= taken;
        let part = usize::try_from(taken).expect("at most a length in memory");
        let (now, later) = (piece.slice(..part), piece.slice(part..));
        first.extend((!now.is_empty()).then_some(now));
        rest.extend((!later.is_empty()).then_some(later));
    }
    (first, rest)
}

fn write_pieces<F: DiskFile>(file: &F, pieces: &[Bytes], position: u64) -> io::Result<()> {
    let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    file.write_vectored_at(&slices, position)
}

impl<D: Disk> PartitionLog<D> {
    /// Bytes that wait for an I/O thread: not those on their way, and none after a failure, which is
    /// the next append's to mend.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        if self.behind.turn.is_some() || self.behind.failed {
            return 0;
        }
        self.behind.bytes
    }

    /// Whether an I/O thread has a stretch.
    #[must_use]
    pub fn is_stretch_under_way(&self) -> bool {
        self.behind.turn.is_some()
    }

    /// Whether a stretch should be written.
    #[must_use]
    pub fn wants_stretch(&self) -> bool {
        let waiting = self.waiting_bytes();
        waiting > 0 && waiting >= u64::from(self.config.write_behind_bytes)
    }

    /// What waits, up to the last whole block, for an I/O thread; then comes
    /// [`Self::stretch_written`]. `None` if there is nothing, or a stretch is under way.
    ///
    /// # Errors
    /// The segment's file cannot be opened.
    pub fn stretch(&mut self) -> io::Result<Option<Stretch<D>>> {
        let start = self.active_bytes() - self.behind.bytes;
        let whole = u64::from(self.config.write_behind_bytes);
        // A long stretch ends where its size says, so that it is one write and not one more for a rest.
        let step = if self.behind.bytes >= whole {
            (whole / BLOCK * BLOCK).max(BLOCK)
        } else {
            BLOCK
        };
        let end = self.active_bytes() / step * step;
        if self.waiting_bytes() == 0 || end <= start {
            return Ok(None);
        }
        let Some(base) = self.segments.last().map(|active| active.base) else {
            return Ok(None);
        };
        let file = self.home.file_to_write(base, FileKind::Log)?;
        let bytes = end - start;
        let is_long = bytes >= u64::from(self.config.write_behind_bytes / 8);
        let direct = if is_long && self.behind.cached_stretches == 0 {
            Some(self.home.file_to_write_directly(base)?)
        } else {
            None
        };
        self.behind.cached_stretches = self.behind.cached_stretches.saturating_sub(1);
        let turn = Arc::new(Turn::default());
        self.behind.turn = Some(Arc::clone(&turn));
        Ok(Some(Stretch {
            turn,
            file,
            direct,
            position: start,
            pieces: split(self.behind.pieces.iter().map(|piece| &piece.bytes), bytes).0,
            bytes,
        }))
    }

    /// A stretch came back. One that failed is written again by the next append, which hears of it.
    pub fn stretch_written(&mut self, written: StretchWritten) {
        let StretchWritten {
            turn,
            bytes,
            result,
        } = written;
        let is_mine = |under_way: &Arc<Turn>| Arc::ptr_eq(under_way, &turn);
        if !self.behind.turn.as_ref().is_some_and(is_mine) {
            return; // It was taken back.
        }
        self.behind.turn = None;
        match result {
            Ok(()) => {
                self.behind.advance(bytes);
                self.note_file_end();
            }
            Err(_) => self.behind.failed = true,
        }
    }

    /// Notes that somebody reads the file: who reads on will come to what is written next.
    pub(super) fn note_reader(&mut self) {
        self.behind.cached_stretches = CACHED_STRETCHES;
    }
}
