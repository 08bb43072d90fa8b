//! Walking the headers of a log file's batches without reading what they hold.

use std::io;

use thalweg_model::Offset;
use thalweg_model::batch::{BatchHeader, HEADER_BYTES};

use super::FileKind;
use crate::disk::DiskFile;
use crate::limits::SCAN_BUFFER_BYTES;

/// A batch's place and header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    /// First byte of the batch.
    pub(crate) position: u64,
    /// What it says of itself.
    pub(crate) header: BatchHeader,
}

impl Scanned {
    /// Byte after the batch.
    pub(crate) fn end(&self) -> u64 {
        self.position + u64::try_from(self.header.batch_bytes).expect("a length fits 64 bits")
    }
}

/// Iterator over the batches between two positions. Small batches are read many at a time.
#[derive(Debug)]
pub(crate) struct HeaderScan<F> {
    file: F,
    /// Base offset of the segment, for its name in errors.
    base: Offset,
    position: u64,
    end: u64,
    /// Where the next batch begins, once that is known: offsets have no gaps, and a batch's own
    /// word for its first offset is covered by no checksum.
    expected: Option<Offset>,
    buffer: [u8; SCAN_BUFFER_BYTES],
    buffered_from: u64,
    buffered: usize,
}

impl<F: DiskFile> HeaderScan<F> {
    /// Walks from the batch at `position` to `end`, which is a boundary of batches.
    pub(crate) fn new((base, file): (Offset, F), position: u64, end: u64) -> Self {
        Self {
            file,
            base,
            position,
            end,
            expected: (position == 0).then_some(base),
            buffer: [0; SCAN_BUFFER_BYTES],
            buffered_from: position,
            buffered: 0,
        }
    }

    /// The next batch.
    pub(crate) fn next(&mut self) -> io::Result<Option<Scanned>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let at = match self.buffered_at() {
            Some(at) => at,
            None => {
                self.fill()?;
                0
            }
        };
        let (base, position) = (self.base, self.position);
        let scanned = BatchHeader::decode(&self.buffer[at..self.buffered])
            .filter(|header| header.magic == 2 && header.base_offset >= 0)
            .filter(|header| header.last_offset_delta >= 0)
            .map(|header| Scanned { position, header })
            .filter(|scanned| scanned.end() <= self.end)
            .filter(|scanned| {
                let first = scanned.header.first_offset();
                self.expected.is_none_or(|expected| expected == first)
            })
            .ok_or_else(|| damaged(base, position))?;
        self.position = scanned.end();
        self.expected = Some(scanned.header.next_offset());
        Ok(Some(scanned))
    }

    /// Where in the buffer a whole header begins at the current position.
    fn buffered_at(&self) -> Option<usize> {
        let at = usize::try_from(self.position - self.buffered_from).ok()?;
        (at.checked_add(HEADER_BYTES)? <= self.buffered).then_some(at)
    }

    fn fill(&mut self) -> io::Result<()> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        self.buffered_from = self.position;
        self.buffered = left.min(SCAN_BUFFER_BYTES);
        let into = &mut self.buffer[..self.buffered];
        let read = self.file.read_exact_at(into, self.position);
        read.map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                // The file is shorter than the log.
                return damaged(self.base, self.position);
            }
            error
        })
    }
}

fn damaged(base: Offset, position: u64) -> io::Error {
    let file = FileKind::Log.name(base);
    let what = format!("{file} is damaged at {position}: the batch that belongs there is not");
    io::Error::new(io::ErrorKind::InvalidData, what)
}
