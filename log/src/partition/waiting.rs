//! Reading bytes that cannot be written to their file: on a full disk they are in memory only, and readers
//! and followers get them from there.

use std::io;

use bytes::Bytes;
use thalweg_model::Offset;

use super::PartitionLog;
use super::behind::length;
use crate::disk::{Disk, DiskFile};
use crate::segment::FileKind;

impl<D: Disk> PartitionLog<D> {
    /// Whole batches from the one that holds `from`, which is not wholly in its file; otherwise as
    /// [`Self::read`].
    pub(super) fn read_waiting(
        &self,
        from: Offset,
        max_bytes: u64,
        up_to: Offset,
        at_least_one: bool,
    ) -> io::Result<Bytes> {
        let first = self.behind.first_at_or_before(from);
        let before = (0..first).map(|at| self.behind.whole_length(at));
        let start = self.file_end() - self.behind.begun + before.sum::<u64>();
        let mut end = start;
        for (piece, at) in self.behind.pieces.iter().zip(0..).skip(first) {
            let next = end + self.behind.whole_length(at);
            let is_too_much = next - start > max_bytes && (at > first || !at_least_one);
            if piece.first >= up_to || is_too_much {
                break;
            }
            end = next;
        }
        self.active_range(start, end)
    }

    /// Byte after the last one that is in the active segment's file.
    pub(super) fn file_end(&self) -> u64 {
        self.active_bytes() - self.behind.bytes
    }

    /// Bytes of the active segment, from its file as far as they are in it.
    pub(super) fn active_range(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let in_file = self.file_end().clamp(start, end);
        let mut bytes = vec![0; usize::try_from(in_file - start).map_err(io::Error::other)?];
        if !bytes.is_empty() {
            let active = self.segments.last().expect("bytes are in a segment");
            let file = self.home.file(active.base, FileKind::Log)?;
            file.read_exact_at(&mut bytes, start)?;
        }
        let mut at = self.file_end();
        for piece in &self.behind.pieces {
            let next = at + length(&piece.bytes);
            let (from, to) = (in_file.clamp(at, next) - at, end.clamp(at, next) - at);
            let place = |byte| usize::try_from(byte).expect("a place in memory");
            bytes.extend_from_slice(&piece.bytes[place(from)..place(to)]);
            at = next;
        }
        Ok(bytes.into())
    }
}
