//! Offsets by time, record by record (ListOffsets).
//!
//! A batch may have been taken on its header's word (`record.validation`). One that cannot be read, or lacks the record that
//! its header promises, is answered for by the header: no search reads on for what is nowhere.

use std::io;

use thalweg_model::batch::{BatchHeader, StoredBatch, TimestampType};
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
    /// The disk failed, or a batch is damaged.
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
                let found = self.find_record(segment, &scanned, timestamp, self.log_start)?;
                // The promised record may be one that was deleted from the front of the log.
                if found.is_none() && scanned.header.first_offset() < self.log_start {
                    continue;
                }
                let found = found.unwrap_or_else(|| self.by_header(&scanned.header));
                return Ok(Some(found).filter(|found| found.offset < up_to));
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
        let found = self.find_record(segment, &scanned, youngest.timestamp, Offset::ZERO)?;
        Ok(Some(
            found.unwrap_or_else(|| self.by_header(&scanned.header)),
        ))
    }

    /// What the header of a batch says of its youngest record.
    fn by_header(&self, header: &BatchHeader) -> TimestampedOffset {
        TimestampedOffset {
            offset: header.first_offset().max(self.log_start),
            timestamp: header.max_timestamp,
            epoch: header.epoch(),
        }
    }

    /// The first record of a batch that has `timestamp` or a later one and an offset from `from` on; what the header says
    /// if the batch cannot be read so far.
    fn find_record(
        &self,
        segment: &Segment,
        scanned: &Scanned,
        timestamp: Timestamp,
        from: Offset,
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
        match first_record(&batch, timestamp, from) {
            Ok(found) => Ok(found),
            Err(Unreadable) => Ok(Some(self.by_header(&scanned.header))),
        }
    }
}

/// A batch whose records are not what its header says.
struct Unreadable;

fn first_record(
    batch: &StoredBatch,
    timestamp: Timestamp,
    from: Offset,
) -> Result<Option<TimestampedOffset>, Unreadable> {
    let header = batch.header();
    let (mut found, mut strays) = (None, false);
    let walked = batch.walk(|shape| {
        strays |= !(0..=header.last_offset_delta).contains(&shape.offset_delta);
        if found.is_some() || strays {
            return;
        }
        let record = TimestampedOffset {
            offset: header.first_offset() + shape.offset_delta.unsigned_abs(),
            timestamp: match header.attributes.timestamp_type() {
                TimestampType::CreateTime => {
                    Timestamp(header.base_timestamp.0.wrapping_add(shape.timestamp_delta))
                }
                TimestampType::LogAppendTime => header.max_timestamp,
            },
            epoch: header.epoch(),
        };
        if record.timestamp >= timestamp && record.offset >= from {
            found = Some(record);
        }
    });
    match (found, walked) {
        (Some(_), _) => Ok(found),
        (None, Ok(())) if !strays => Ok(None),
        (None, _) => Err(Unreadable),
    }
}
