//! Offsets by time, record by record (ListOffsets).

use std::io;

use thalweg_model::batch::Record;
use thalweg_model::{LeaderEpoch, Offset, Timestamp};

use super::{OpenError, PartitionLog, ReadError};
use crate::disk::Disk;
use crate::segment::{Scanned, Segment, Youngest};

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampedOffset {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Epoch of its batch.
    pub epoch: Option<LeaderEpoch>,
}

impl<D: Disk> PartitionLog<D> {
    /// The first record below `up_to` that is as young as `timestamp` or younger.
    ///
    /// # Errors
    /// The disk failed, or a batch cannot be decompressed.
    pub fn offset_for_timestamp(
        &mut self,
        timestamp: Timestamp,
        up_to: Offset,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        self.write_out()?;
        for segment in &self.segments {
            if segment.base >= up_to {
                break;
            }
            if segment.youngest.timestamp < timestamp || segment.next_offset <= self.log_start {
                continue;
            }
            let from = segment.before_time(&self.home, timestamp)?;
            let mut scan = segment.scan(&self.home, from)?;
            while let Some(scanned) = scan.next()? {
                if scanned.header.first_offset() >= up_to {
                    return Ok(None);
                }
                if scanned.header.max_timestamp < timestamp
                    || scanned.header.last_offset() < self.log_start
                {
                    continue;
                }
                let found = self.find_record(segment, &scanned, |record| {
                    record.timestamp >= timestamp && record.offset >= self.log_start
                })?;
                if found.is_some() {
                    return Ok(found.filter(|found| found.offset < up_to));
                }
            }
        }
        Ok(None)
    }

    /// The first record below `up_to` that has the highest timestamp; `None` if no record has one.
    ///
    /// # Errors
    /// As [`Self::offset_for_timestamp`].
    pub fn max_timestamp(&mut self, up_to: Offset) -> Result<Option<TimestampedOffset>, ReadError> {
        self.write_out()?;
        let mut best: Option<(usize, Youngest)> = None;
        for (at, segment) in self.segments.iter().enumerate() {
            if segment.next_offset <= self.log_start {
                continue;
            }
            if segment.base >= up_to {
                break;
            }
            let youngest = segment.youngest_before(&self.home, up_to)?;
            let beaten = best.map_or(Timestamp::NONE, |(_, best)| best.timestamp);
            if youngest.timestamp > beaten {
                best = Some((at, youngest));
            }
        }
        let Some((at, youngest)) = best else {
            return Ok(None);
        };
        let segment = &self.segments[at];
        let batch = segment.find(&self.home, youngest.offset)?;
        let Some(scanned) = segment.scan(&self.home, batch.position)?.next()? else {
            return Ok(None);
        };
        self.find_record(segment, &scanned, |record| {
            record.timestamp >= youngest.timestamp
        })
    }

    /// The first record of a batch that is `wanted`.
    fn find_record(
        &self,
        segment: &Segment,
        scanned: &Scanned,
        wanted: impl Fn(&Record<'_>) -> bool,
    ) -> Result<Option<TimestampedOffset>, ReadError> {
        let length = scanned.header.batch_bytes;
        let batch =
            self.read_batch(segment, scanned.position, length)
                .map_err(|error| match error {
                    OpenError::Io(error) => error,
                    OpenError::Snapshot(_) | OpenError::Marker(_) | OpenError::Batch(_) => {
                        io::Error::new(io::ErrorKind::InvalidData, error)
                    }
                })?;
        let unreadable = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let unpacked = batch.unpack().map_err(unreadable)?;
        for record in unpacked.records() {
            let record = record.map_err(unreadable)?;
            if wanted(&record) {
                return Ok(Some(TimestampedOffset {
                    offset: record.offset,
                    timestamp: record.timestamp,
                    epoch: scanned.header.epoch(),
                }));
            }
        }
        Ok(None)
    }
}
