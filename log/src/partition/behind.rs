//! Write-behind: the newest bytes of the log that are not in its file yet.
//!
//! The journal is what makes an entry durable, so its segment may wait until many whole pages come
//! together. A buffered write of 256 KiB at a page's boundary costs 0.2 CPU seconds per GB, one of
//! 16 KiB at any place 0.4 and more (`docs/perf/produce-path.md`).

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use thalweg_model::Offset;
use thalweg_model::batch::StoredBatch;

use super::PartitionLog;
use crate::disk::{Disk, DiskFile};
use crate::segment::FileKind;

/// A write ends at a multiple of this part of `write_behind_bytes`: by default at 64 KiB, which the page
/// cache takes in one piece.
const ALIGNMENT_PART: u64 = 4;

/// Bytes that belong behind the end of the active segment's file, in order.
#[derive(Debug, Default)]
pub(super) struct WriteBehind {
    pieces: VecDeque<Piece>,
    bytes: u64,
}

#[derive(Debug)]
struct Piece {
    /// First offset of the batch.
    first: Offset,
    bytes: Bytes,
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
    fn advance(&mut self, mut written: u64) {
        self.bytes -= written;
        while written > 0 {
            let front = self.pieces.front_mut().expect("the bytes were counted");
            let whole = length(&front.bytes);
            if written < whole {
                let part = usize::try_from(written).expect("less than a length in memory");
                front.bytes.advance(part);
                return;
            }
            written -= whole;
            self.pieces.pop_front();
        }
    }

    /// Forgets what was not written.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
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

    /// Takes the batches of an entry, which are not counted in the active segment yet. When enough
    /// came together, whole stretches are written.
    ///
    /// # Errors
    /// The disk is full or failed; these batches were not taken.
    pub(super) fn take_batches(&mut self, batches: &[StoredBatch], bytes: u64) -> io::Result<()> {
        let (kept, pieces) = (self.behind.bytes, self.behind.pieces.len());
        for batch in batches {
            self.behind.push(batch);
        }
        let most = u64::from(self.config.write_behind_bytes);
        if self.behind.bytes < most {
            return Ok(());
        }
        let end = self.active_bytes() + bytes;
        // An entry that is that large by itself is often synced at once, so all of it is written.
        let end = if bytes >= most {
            end
        } else {
            end - end % (most / ALIGNMENT_PART).max(1)
        };
        let start = self.active_bytes() - kept;
        self.write_between(start, end).inspect_err(|_failed| {
            self.behind.pieces.truncate(pieces);
            self.behind.bytes = kept;
        })
    }

    fn active_bytes(&self) -> u64 {
        self.segments.last().map_or(0, |active| active.bytes)
    }

    /// Writes what belongs to the file between two positions, the first of which is where it ends.
    fn write_between(&mut self, start: u64, end: u64) -> io::Result<()> {
        if end <= start {
            return Ok(());
        }
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
        Ok(())
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).expect("a length fits 64 bits")
}
