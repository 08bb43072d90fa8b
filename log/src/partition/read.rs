//! Reading batches: stretches of files, never bytes.

use std::sync::Arc;

use bytes::Bytes;
use thalweg_model::Offset;
use thalweg_model::batch::BatchHeader;

use super::error::is_full;
use super::verify::Unverified;
use super::{PartitionLog, ReadError};
use crate::disk::Disk;
use crate::segment::{FileKind, Found, Segment};

/// A stretch of a file; it begins and ends at boundaries of batches.
#[derive(Clone, Debug)]
pub struct Extent<F> {
    /// The file. It stays readable while it is held, even after its segment was removed.
    pub file: F,
    /// First byte.
    pub position: u64,
    /// Number of bytes.
    pub length: u64,
    /// What to look for before it is served, if nobody did since the log was opened.
    pub(super) unverified: Option<Arc<Unverified>>,
}

/// Whole batches to serve.
#[derive(Clone, Debug)]
pub struct LogRead<F> {
    /// Base offset of the first batch; it may be lower than the offset asked for.
    pub first: Offset,
    /// Offset after the last record, from where to read on.
    pub next: Offset,
    /// Number of bytes.
    pub bytes: u64,
    /// Where they are, in order.
    pub extents: Vec<Extent<F>>,
    /// They themselves, if they are in memory and cannot be written to a file.
    pub waiting: Option<Bytes>,
}

impl<F> LogRead<F> {
    fn nothing_at(from: Offset) -> Self {
        Self {
            first: from,
            next: from,
            bytes: 0,
            extents: Vec::new(),
            waiting: None,
        }
    }
}

impl<D: Disk> PartitionLog<D> {
    /// Whole batches from the one that contains `from`, at most `max_bytes` and none at `up_to` or
    /// after it, which is the start of a batch or the log's end. With `at_least_one` the first
    /// batch comes even if it is larger than `max_bytes` (KIP-74). A read that begins in the file
    /// ends with it: newer batches that are in memory only are for the next one.
    ///
    /// # Errors
    /// `from` is outside the log, or the disk failed.
    pub fn read(
        &mut self,
        from: Offset,
        max_bytes: u64,
        up_to: Offset,
        at_least_one: bool,
    ) -> Result<LogRead<D::File>, ReadError> {
        if from < self.log_start || from > self.next_offset {
            return Err(ReadError::OffsetOutOfRange {
                offset: from,
                start: self.log_start,
                end: self.next_offset,
            });
        }
        let mut read = LogRead::nothing_at(from);
        if from >= up_to.min(self.next_offset) {
            return Ok(read);
        }
        self.note_reader();
        if self
            .unwritten_from()
            .is_some_and(|unwritten| unwritten <= from)
            && let Err(error) = self.write_out()
        {
            if !is_full(&error) {
                return Err(error.into());
            }
            return self.read_from_memory((from, max_bytes, up_to, at_least_one));
        }
        let mut at = self.segment_of(from).unwrap_or(self.segments.len());
        while at < self.segments.len() && self.segments[at].base < up_to {
            let left = max_bytes - read.bytes.min(max_bytes);
            let all = self.read_segment(at, (left, up_to, at_least_one), &mut read)?;
            if !all {
                break;
            }
            at += 1;
        }
        Ok(read)
    }

    /// The disk is full: what it did not take is still here.
    fn read_from_memory(
        &self,
        (from, max_bytes, up_to, at_least_one): (Offset, u64, Offset, bool),
    ) -> Result<LogRead<D::File>, ReadError> {
        let mut read = LogRead::nothing_at(from);
        let waiting = self.read_waiting(from, max_bytes, up_to, at_least_one)?;
        let mut rest = waiting.clone();
        while let Some(header) = BatchHeader::decode(&rest) {
            if read.bytes == 0 {
                read.first = header.first_offset();
            }
            read.next = header.next_offset();
            let batch = rest.split_to(header.batch_bytes.min(rest.len()));
            read.bytes += u64::try_from(batch.len()).expect("a length fits 64 bits");
        }
        read.waiting = Some(waiting);
        Ok(read)
    }

    /// Adds what one segment has; `false` if the bytes allowed were too few for all of it.
    fn read_segment(
        &self,
        at: usize,
        (left, up_to, at_least_one): (u64, Offset, bool),
        read: &mut LogRead<D::File>,
    ) -> Result<bool, ReadError> {
        let segment = &self.segments[at];
        let start = segment.find(&self.home, read.next)?;
        let mut end = segment.find(&self.home, up_to)?;
        let mut all = true;
        if end.position - start.position > left {
            all = false;
            let cut = segment.boundary(&self.home, start, start.position + left)?;
            end = if cut.position == start.position && at_least_one && read.bytes == 0 {
                self.after(at, start)?
            } else {
                cut
            };
        }
        let length = end.position - start.position;
        if length > 0 {
            if read.extents.is_empty() {
                read.first = start.offset;
            }
            read.next = end.offset;
            read.bytes += length;
            read.extents.push(Extent {
                file: self.home.file(segment.base, FileKind::Log)?,
                position: start.position,
                length,
                unverified: self.unverified(segment, start, end),
            });
        }
        Ok(all)
    }

    /// What has to be looked at of a stretch that was on the disk when the log was opened.
    fn unverified(&self, segment: &Segment, from: Found, to: Found) -> Option<Arc<Unverified>> {
        let old = to.position.min(segment.opened_bytes);
        if from.position >= old || segment.verified.covers(from.position, old) {
            return None;
        }
        Some(Arc::new(Unverified {
            verified: segment.verified.clone(),
            path: self.home.path(segment.base, FileKind::Log),
            first: from.offset,
            next: to.offset,
            epochs: self.epochs.clone(),
        }))
    }

    /// The boundary after a batch.
    fn after(&self, at: usize, batch: Found) -> Result<Found, ReadError> {
        let segment = &self.segments[at];
        let next = batch.position + batch.length;
        Ok(segment.boundary(&self.home, batch, next)?)
    }
}
