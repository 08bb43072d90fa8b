//! From bytes a client sent to a batch whose header can be believed.

use bytes::BytesMut;

use super::header::{ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, MAX_TIMESTAMP_AT, checksum};
use super::walk::walk_payload;
use super::{Attributes, BatchHeader, RecordShape, StoredBatch, WalkError};
use crate::compression::Compression;
use crate::{LeaderEpoch, Offset, Timestamp};

/// Bytes that a client called a record batch; uniquely owned, so that offsets are patched in place.
#[derive(Debug)]
pub struct RawBatch(pub BytesMut);

/// Why bytes are not one good record batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No batch at all.
    #[error("the records field holds no batch")]
    Empty,
    /// Fewer bytes than a header, or a length field below a header's size or above what was sent.
    #[error("a batch of {declared} bytes was declared and {actual} bytes were sent")]
    Truncated {
        /// What the length field says, with its prefix; 0 if there is no header.
        declared: usize,
        /// What arrived.
        actual: usize,
    },
    /// Bytes after the first batch: a Produce request carries exactly one for each partition.
    #[error("{0} bytes follow the one batch that is allowed")]
    MoreThanOne(usize),
    /// A format other than 2.
    #[error("record format {0} is not supported, only 2 is")]
    Magic(i8),
    /// The checksum differs.
    #[error("the batch's CRC-32C is {stored:#010x}, its bytes have {computed:#010x}")]
    Crc {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// A count below one, or another than the offsets span.
    #[error("the batch declares {count} records and a last offset delta of {last_delta}")]
    Count {
        /// Declared records.
        count: i32,
        /// Declared last offset delta.
        last_delta: i32,
    },
    /// The attributes name no codec.
    #[error("compression codec {0} does not exist")]
    Codec(i16),
    /// A client sent a control batch.
    #[error("clients may not write control batches")]
    Control,
    /// A producer id without epoch or sequence, or the reverse.
    #[error("producer id {id}, epoch {epoch} and sequence {sequence} do not belong together")]
    Producer {
        /// Producer id.
        id: i64,
        /// Producer epoch.
        epoch: i16,
        /// Base sequence.
        sequence: i32,
    },
}

/// One batch with a good length, checksum, format and count. What its records hold is not checked.
#[derive(Debug)]
pub struct CheckedBatch {
    header: BatchHeader,
    compression: Compression,
    bytes: BytesMut,
}

impl RawBatch {
    /// Checks everything that the header and the checksum can tell.
    ///
    /// # Errors
    /// The first thing wrong, in the order in which Kafka looks.
    pub fn check(self) -> Result<CheckedBatch, BatchError> {
        let bytes = self.0;
        let Some(header) = BatchHeader::decode(&bytes) else {
            let actual = bytes.len();
            return Err(if actual == 0 {
                BatchError::Empty
            } else {
                BatchError::Truncated {
                    declared: 0,
                    actual,
                }
            });
        };
        if header.magic != 2 {
            return Err(BatchError::Magic(header.magic));
        }
        let (declared, actual) = (header.batch_bytes, bytes.len());
        if declared > actual {
            return Err(BatchError::Truncated { declared, actual });
        }
        if declared < actual {
            return Err(BatchError::MoreThanOne(actual - declared));
        }
        let computed = checksum(&bytes);
        if computed != header.crc {
            return Err(BatchError::Crc {
                stored: header.crc,
                computed,
            });
        }
        let (count, last_delta) = (header.record_count, header.last_offset_delta);
        if count < 1 || last_delta < 0 || last_delta != count - 1 {
            return Err(BatchError::Count { count, last_delta });
        }
        let Some(compression) = header.attributes.compression() else {
            return Err(BatchError::Codec(header.attributes.0 & 0x07));
        };
        if header.attributes.is_control() {
            return Err(BatchError::Control);
        }
        check_producer(&header)?;
        Ok(CheckedBatch {
            header,
            compression,
            bytes,
        })
    }
}

fn check_producer(header: &BatchHeader) -> Result<(), BatchError> {
    let (id, epoch, sequence) = (
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
    );
    let consistent = if id >= 0 {
        epoch >= 0 && sequence >= 0
    } else {
        !header.attributes.is_transactional()
    };
    if consistent {
        Ok(())
    } else {
        Err(BatchError::Producer {
            id,
            epoch,
            sequence,
        })
    }
}

impl CheckedBatch {
    /// A batch that this process built itself.
    pub(super) fn trusted(bytes: BytesMut) -> Self {
        let header = BatchHeader::decode(&bytes).expect("a built batch has a header");
        let compression = header
            .attributes
            .compression()
            .expect("a built batch names a codec");
        Self {
            header,
            compression,
            bytes,
        }
    }

    /// The header as the client sent it.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The codec of the records.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Size of the whole batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: a checked batch has a record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The bytes behind the header: records, compressed if a codec is set.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// Number of records, which is also what the batch takes of the offset space.
    ///
    /// # Panics
    /// Never: the count was checked.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        u32::try_from(self.header.record_count).expect("a checked count is positive")
    }

    /// Shows the shape of each record without keeping any.
    ///
    /// # Errors
    /// The codec's data is damaged or grows beyond its limit, or a record is malformed.
    pub fn walk(&self, visit: impl FnMut(RecordShape)) -> Result<(), WalkError> {
        walk_payload(self.compression, self.payload(), self.record_count(), visit)
    }

    /// Moves the bytes out of the buffer that they arrived in, so that they do not hold the rest of it.
    pub fn detach(&mut self) {
        self.bytes = BytesMut::from(&self.bytes[..]);
    }

    /// Stamps all records with the broker's time, for topics with `LogAppendTime`. The timestamp
    /// is under the checksum, which is computed anew.
    pub fn stamp_log_append_time(&mut self, now: Timestamp) {
        let attributes = self.header.attributes.with_log_append_time();
        self.stamp(attributes, now);
    }

    /// Says that the records bear their producer's times, of which `newest` is the newest. A header
    /// that says so already is left alone.
    pub fn stamp_create_time(&mut self, newest: Timestamp) {
        let attributes = self.header.attributes.with_create_time();
        if (attributes, newest) != (self.header.attributes, self.header.max_timestamp) {
            self.stamp(attributes, newest);
        }
    }

    fn stamp(&mut self, attributes: Attributes, newest: Timestamp) {
        self.header.attributes = attributes;
        self.header.max_timestamp = newest;
        self.put(ATTRIBUTES_AT, &self.header.attributes.0.to_be_bytes());
        self.put(MAX_TIMESTAMP_AT, &newest.0.to_be_bytes());
        self.header.crc = checksum(&self.bytes);
        self.put(CRC_AT, &self.header.crc.to_be_bytes());
    }

    /// Gives the batch its place in the log. Both fields lie outside the checksum.
    #[must_use]
    pub fn assign(mut self, base: Offset, epoch: LeaderEpoch) -> StoredBatch {
        self.header.base_offset = base.value();
        self.header.leader_epoch = epoch.value();
        self.put(0, &base.value().to_be_bytes());
        self.put(super::header::EPOCH_AT, &epoch.value().to_be_bytes());
        StoredBatch::new(self.header, self.bytes.freeze())
    }

    fn put(&mut self, at: usize, field: &[u8]) {
        self.bytes[at..at + field.len()].copy_from_slice(field);
    }
}
