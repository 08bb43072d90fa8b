//! Finding batches in a segment: by offset, by position, by time.

use std::io;

use thalweg_model::defect::{self, Defect};
use thalweg_model::{Offset, Timestamp};

use super::{FileKind, HeaderScan, Scanned, Segment, Youngest};
use crate::disk::Disk;
use crate::home::LogHome;
use crate::index::OffsetEntry;

/// A boundary between batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// First byte of the batch, or the end of the segment.
    pub(crate) position: u64,
    /// Its base offset, or the segment's next offset.
    pub(crate) offset: Offset,
    /// Its length; 0 at the end of the segment.
    pub(crate) length: u64,
}

impl Found {
    fn batch(scanned: &Scanned) -> Self {
        Self {
            position: scanned.position,
            offset: scanned.header.first_offset(),
            length: scanned.end() - scanned.position,
        }
    }
}

impl Segment {
    /// The end of what is in the file.
    fn end(&self) -> Found {
        let (position, offset) = self.file_end.unwrap_or((self.bytes, self.next_offset));
        Found {
            position,
            offset,
            length: 0,
        }
    }

    /// Walks the batches from `position` to the end of the segment.
    pub(crate) fn scan<D: Disk>(
        &self,
        home: &LogHome<D>,
        position: u64,
    ) -> io::Result<HeaderScan<D::File>> {
        let file = home.file(self.base, FileKind::Log)?;
        let end = self.end().position;
        Ok(HeaderScan::new((self.base, file), position, end))
    }

    /// The first batch whose last offset is `offset` or higher.
    pub(crate) fn find<D: Disk>(&self, home: &LogHome<D>, offset: Offset) -> io::Result<Found> {
        if offset >= self.end().offset {
            return Ok(self.end());
        }
        let mut wanted = self.relative(offset.max(self.base));
        if defect::is_on(Defect::IndexLooksTooFar) {
            wanted += 3;
        }
        let index = || home.file(self.base, FileKind::Offsets);
        let entry = self
            .offsets
            .last_where(&index, |entry| entry.relative <= wanted)?;
        if let Some(entry) = entry
            && let Some((first, scan)) = self.scan_from_entry(home, entry)?
        {
            return self.first_reaching(offset, Some(first), scan);
        }
        let scan = self.scan(home, 0)?;
        self.first_reaching(offset, None, scan)
    }

    /// Walks from the batch that an index entry points to; `None` if it does not: the index is
    /// derived, and an entry that does not agree with the batch is not believed.
    fn scan_from_entry<D: Disk>(
        &self,
        home: &LogHome<D>,
        entry: OffsetEntry,
    ) -> io::Result<Option<(Scanned, HeaderScan<D::File>)>> {
        let mut scan = self.scan(home, entry.position.into())?;
        match scan.next() {
            Ok(Some(first)) if first.header.last_offset() == self.absolute(entry.relative) => {
                Ok(Some((first, scan)))
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn first_reaching<F: crate::disk::DiskFile>(
        &self,
        offset: Offset,
        first: Option<Scanned>,
        mut scan: HeaderScan<F>,
    ) -> io::Result<Found> {
        let mut candidate = match first {
            Some(first) => Some(first),
            None => scan.next()?,
        };
        while let Some(scanned) = candidate {
            if scanned.header.last_offset() >= offset {
                return Ok(Found::batch(&scanned));
            }
            candidate = scan.next()?;
        }
        Ok(self.end())
    }

    /// The last boundary at `limit` or before it, looking from the batch that begins at `from`.
    pub(crate) fn boundary<D: Disk>(
        &self,
        home: &LogHome<D>,
        from: Found,
        limit: u64,
    ) -> io::Result<Found> {
        let index = || home.file(self.base, FileKind::Offsets);
        let entry = self
            .offsets
            .last_where(&index, |entry| u64::from(entry.position) <= limit)?;
        let later = entry.filter(|entry| u64::from(entry.position) > from.position);
        let indexed = match later {
            Some(entry) => self.scan_from_entry(home, entry)?,
            None => None,
        };
        let (mut candidate, mut scan) = match indexed {
            Some((first, scan)) => (Some(first), scan),
            None => {
                let mut scan = self.scan(home, from.position)?;
                (scan.next()?, scan)
            }
        };
        while let Some(scanned) = candidate {
            if scanned.end() > limit {
                return Ok(Found::batch(&scanned));
            }
            candidate = scan.next()?;
        }
        Ok(self.end())
    }

    /// Where a search for the first record as young as `timestamp` has to begin: no batch before
    /// that position is as young.
    pub(crate) fn before_time<D: Disk>(
        &self,
        home: &LogHome<D>,
        timestamp: Timestamp,
    ) -> io::Result<u64> {
        let times = || home.file(self.base, FileKind::Times);
        let entry = self
            .times
            .last_where(&times, |entry| entry.timestamp < timestamp)?;
        match entry {
            Some(entry) => Ok(self.find(home, self.absolute(entry.relative))?.position),
            None => Ok(0),
        }
    }

    /// The highest timestamp among the batches that end before `up_to`.
    pub(crate) fn youngest_before<D: Disk>(
        &self,
        home: &LogHome<D>,
        up_to: Offset,
    ) -> io::Result<Youngest> {
        if self.youngest.offset < up_to {
            return Ok(self.youngest);
        }
        let mut youngest = Youngest {
            timestamp: Timestamp::NONE,
            offset: self.base,
        };
        if up_to <= self.base {
            return Ok(youngest);
        }
        let wanted = self.relative(up_to);
        let times = || home.file(self.base, FileKind::Times);
        let entry = self
            .times
            .last_where(&times, |entry| entry.relative < wanted)?;
        let mut from = 0;
        if let Some(entry) = entry {
            youngest = Youngest {
                timestamp: entry.timestamp,
                offset: self.absolute(entry.relative),
            };
            from = self.find(home, youngest.offset)?.position;
        }
        let mut scan = self.scan(home, from)?;
        while let Some(Scanned { header, .. }) = scan.next()? {
            if header.last_offset() >= up_to {
                break;
            }
            youngest.see(header.max_timestamp, header.last_offset());
        }
        Ok(youngest)
    }
}

impl Youngest {
    /// Takes a batch into account.
    pub(crate) fn see(&mut self, timestamp: Timestamp, last: Offset) {
        if timestamp > self.timestamp {
            self.timestamp = timestamp;
            self.offset = last;
        }
    }
}
