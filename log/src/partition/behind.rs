//! Write-behind: the newest bytes of the log that are not in its file yet.
//!
//! The journal is what makes an entry durable, so its segment may wait until many whole pages come
//! together. A buffered write of 256 KiB at a page's boundary costs 0.2 CPU seconds per GB, one of
//! 16 KiB at any place 0.4 and more (`docs/perf/produce-path.md`).

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use thalweg_model::Offset;
use thalweg_model::batch::StoredBatch;

use super::PartitionLog;
use super::stretch::Turn;
use crate::disk::{Disk, DiskFile};
use crate::segment::FileKind;

/// So many times `write_behind_bytes` may wait. Nobody wrote the stretches that were handed out, or the
/// disk is that slow: whoever appends writes them then.
const WAITING_MAX: u64 = 64;

/// When the bytes of an entry are written to their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteWhen {
    /// Before the append returns.
    Now,
    /// When many come together.
    Later,
}

/// Bytes that belong behind the end of the active segment's file, in order.
#[derive(Debug, Default)]
pub(super) struct WriteBehind {
    pub(super) pieces: VecDeque<Piece>,
    pub(super) bytes: u64,
    /// Bytes of the first piece's batch that are in the file already.
    pub(super) begun: u64,
    /// Who writes a stretch of them just now.
    pub(super) turn: Option<Arc<Turn>>,
    /// A stretch could not be written.
    pub(super) failed: bool,
    /// Stretches to come that a reader would rather find in the page cache.
    pub(super) cached_stretches: u32,
}

#[derive(Debug)]
pub(super) struct Piece {
    /// First offset of the batch.
    pub(super) first: Offset,
    pub(super) bytes: Bytes,
}

impl WriteBehind {
    fn push(&mut self, batch: &StoredBatch) {
        self.bytes += length(batch.bytes());
        self.pieces.push_back(Piece {
            first: batch.header().first_offset(),
            bytes: batch.bytes().clone(),
        });
    }

    /// Drops the first `written` bytes.
    pub(super) fn advance(&mut self, mut written: u64) {
        self.bytes -= written;
        while written > 0 {
            let front = self.pieces.front_mut().expect("the bytes were counted");
            let whole = length(&front.bytes);
            if written < whole {
                let part = usize::try_from(written).expect("less than a length in memory");
                front.bytes.advance(part);
                self.begun += written;
                return;
            }
            written -= whole;
            self.begun = 0;
            self.pieces.pop_front();
        }
    }

    /// The last piece that begins at `offset` or before it, or the first.
    pub(super) fn first_at_or_before(&self, offset: Offset) -> usize {
        let after = self.pieces.partition_point(|piece| piece.first <= offset);
        after.saturating_sub(1)
    }

    /// Bytes of a piece's whole batch.
    pub(super) fn whole_length(&self, at: usize) -> u64 {
        let begun = if at == 0 { self.begun } else { 0 };
        begun + length(&self.pieces[at].bytes)
    }

    /// Forgets what was not written, and keeps it from being written.
    pub(super) fn clear(&mut self) {
        self.take_back();
        *self = Self::default();
    }

    /// Nobody else writes the end of the file when this returns: a stretch that waits for its I/O
    /// thread is not written any more, and one that is being written is waited for.
    fn take_back(&mut self) {
        if let Some(turn) = self.turn.take() {
            turn.take_back();
        }
    }
}

impl<D: Disk> PartitionLog<D> {
    /// First offset of the oldest batch that is not wholly in its file; `None` if all are.
    #[must_use]
    pub fn unwritten_from(&self) -> Option<Offset> {
        self.behind.pieces.front().map(|piece| piece.first)
    }

    /// Writes everything to the segment's file.
    ///
    /// # Errors
    /// The disk is full or failed. Nothing is lost: what was not written stays in memory, and the
    /// next call tries again.
    pub fn write_out(&mut self) -> io::Result<()> {
        let end = self.active_bytes();
        self.write_between(end - self.behind.bytes, end)
    }

    /// Takes the batches of an entry, which are not counted in the active segment yet.
    ///
    /// # Errors
    /// What waits had to be written, and the disk is full or failed; these batches were not taken.
    pub(super) fn take_batches(
        &mut self,
        batches: &[StoredBatch],
        bytes: u64,
        when: WriteWhen,
    ) -> io::Result<()> {
        let (kept, pieces) = (self.behind.bytes, self.behind.pieces.len());
        for batch in batches {
            self.behind.push(batch);
        }
        let most = WAITING_MAX * u64::from(self.config.write_behind_bytes);
        let may_wait = when == WriteWhen::Later && !self.behind.failed;
        if may_wait && self.behind.bytes < most {
            return Ok(());
        }
        let start = self.active_bytes() - kept;
        let end = self.active_bytes() + bytes;
        self.write_between(start, end).inspect_err(|_failed| {
            self.behind.pieces.truncate(pieces);
            self.behind.bytes = kept;
        })
    }

    /// Tells the active segment where the batches end that are wholly in its file.
    pub(super) fn note_file_end(&mut self) {
        let waiting = self.behind.bytes + self.behind.begun;
        let next = self.unwritten_from();
        if let Some(active) = self.segments.last_mut() {
            active.file_end = next.map(|offset| (active.bytes - waiting, offset));
        }
    }

    pub(super) fn active_bytes(&self) -> u64 {
        self.segments.last().map_or(0, |active| active.bytes)
    }

    /// Writes what belongs to the file between two positions, the first of which is where it ends.
    fn write_between(&mut self, start: u64, end: u64) -> io::Result<()> {
        if end <= start {
            return Ok(());
        }
        self.behind.take_back();
        let active = self.segments.last().expect("bytes are in a segment");
        let file = self.home.file_to_write(active.base, FileKind::Log)?;
        let mut left = usize::try_from(end - start).map_err(io::Error::other)?;
        let mut slices = Vec::with_capacity(self.behind.pieces.len());
        for piece in &self.behind.pieces {
            let taken = left.min(piece.bytes.len());
            slices.push(IoSlice::new(&piece.bytes[..taken]));
            left -= taken;
            if left == 0 {
                break;
            }
        }
        file.write_vectored_at(&slices, start)?;
        self.behind.advance(end - start);
        self.behind.failed = false;
        self.note_file_end();
        Ok(())
    }
}

pub(super) fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits 64 bits")
}
