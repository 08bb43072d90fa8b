//! The records of one batch.

use bytes::Bytes;

use super::header::TimestampType;
use super::{BatchHeader, CheckedBatch};
use crate::compression::{Compression, CompressionError};
use crate::limits::DECOMPRESSED_BYTES_MAX;
use crate::{Offset, Timestamp};

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The attributes name no codec.
    #[error("compression codec {0} does not exist")]
    Codec(i16),
    /// The codec's data is damaged or too large.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A record is cut off or a length in it is impossible.
    #[error("record {0} of the batch is malformed")]
    Malformed(i32),
}

/// A batch's records in plain form.
#[derive(Clone, Debug)]
pub struct Unpacked {
    header: BatchHeader,
    plain: Bytes,
}

impl Unpacked {
    pub(super) fn new(header: &BatchHeader, payload: Bytes) -> Result<Self, RecordError> {
        let compression = header
            .attributes
            .compression()
            .ok_or(RecordError::Codec(header.attributes.0 & 0x07))?;
        let plain = match compression {
            Compression::None => payload,
            Compression::Gzip | Compression::Snappy | Compression::Lz4 | Compression::Zstd => {
                Bytes::from(compression.decompress(&payload, DECOMPRESSED_BYTES_MAX)?)
            }
        };
        Ok(Self {
            header: *header,
            plain,
        })
    }

    /// The records of a batch that has no offsets yet: they count from 0.
    ///
    /// # Errors
    /// The codec's data is damaged.
    pub fn of_checked(batch: &CheckedBatch) -> Result<Self, RecordError> {
        let header = BatchHeader {
            base_offset: 0,
            ..*batch.header()
        };
        Self::new(&header, Bytes::copy_from_slice(batch.payload()))
    }

    /// The uncompressed records section.
    #[must_use]
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// The records in order.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records {
            header: &self.header,
            rest: &self.plain,
            next: 0,
        }
    }
}

/// Iterator over the records of an [`Unpacked`] batch; ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    header: &'a BatchHeader,
    rest: &'a [u8],
    next: i32,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp: the batch's, where the broker stamped it.
    pub timestamp: Timestamp,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; absent in a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers in order; names may repeat.
    pub headers: Headers<'a>,
}

/// The headers of one record: an iterator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    left: i32,
    rest: &'a [u8],
}

/// One header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name; Kafka wants UTF-8 and does not check.
    pub key: &'a [u8],
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.header.record_count {
            return None;
        }
        let index = self.next;
        let record = self.read_one();
        self.next = if record.is_some() {
            index + 1
        } else {
            self.header.record_count
        };
        Some(record.ok_or(RecordError::Malformed(index)))
    }
}

impl<'a> Records<'a> {
    fn read_one(&mut self) -> Option<Record<'a>> {
        let length = usize::try_from(varint(&mut self.rest)?).ok()?;
        let mut body = take(&mut self.rest, length)?;
        take(&mut body, 1)?;
        let timestamp_delta = varlong(&mut body)?;
        let offset_delta = varint(&mut body)?;
        let key = nullable(&mut body)?;
        let value = nullable(&mut body)?;
        let left = varint(&mut body)?;
        let headers = Headers { left, rest: body };
        if left < 0 || !headers.are_complete() {
            return None;
        }
        let timestamp = match self.header.attributes.timestamp_type() {
            TimestampType::CreateTime => {
                Timestamp(self.header.base_timestamp.0.wrapping_add(timestamp_delta))
            }
            TimestampType::LogAppendTime => self.header.max_timestamp,
        };
        let offset = Offset::from_wire(
            self.header
                .base_offset
                .checked_add(i64::from(offset_delta))?,
        )?;
        Some(Record {
            offset,
            timestamp,
            key,
            value,
            headers,
        })
    }
}

impl Headers<'_> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> i32 {
        self.left
    }

    fn are_complete(mut self) -> bool {
        while self.left > 0 {
            if self.next().is_none() {
                return false;
            }
        }
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.left <= 0 {
            return None;
        }
        let key = nullable(&mut self.rest)??;
        let value = nullable(&mut self.rest)?;
        self.left -= 1;
        Some(Header { key, value })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn nullable<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match varint(rest)? {
        -1 => Some(None),
        length => take(rest, usize::try_from(length).ok()?).map(Some),
    }
}

fn varlong(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

fn varint(rest: &mut &[u8]) -> Option<i32> {
    i32::try_from(varlong(rest)?).ok()
}
