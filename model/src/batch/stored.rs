//! A batch with its offsets: the bytes that are written, replicated and served.

use std::io;

use bytes::{Bytes, BytesMut};

use super::header::{HEADER_BYTES, MAGIC_AT, checksum};
use super::walk::walk_payload;
use super::{BatchHeader, RecordError, RecordShape, Unpacked, WalkError};

/// One batch of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    header: BatchHeader,
    bytes: Bytes,
}

/// Why stored bytes do not begin with a good batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredBatchError {
    /// The bytes end inside the batch; `needed` is 0 while the header is incomplete.
    #[error("the batch is cut off: {actual} of {needed} bytes")]
    Incomplete {
        /// Length of the whole batch.
        needed: usize,
        /// What is there.
        actual: usize,
    },
    /// Format, length or checksum are wrong.
    #[error("the batch is damaged: {0}")]
    Damaged(&'static str),
}

impl StoredBatch {
    pub(super) fn new(header: BatchHeader, bytes: Bytes) -> Self {
        Self { header, bytes }
    }

    /// Splits the first batch off the front of stored bytes, checking its length and checksum.
    ///
    /// # Errors
    /// The batch is incomplete or damaged.
    pub fn split_first(bytes: &mut Bytes) -> Result<Self, StoredBatchError> {
        let actual = bytes.len();
        if actual < HEADER_BYTES {
            return Err(StoredBatchError::Incomplete { needed: 0, actual });
        }
        if bytes[MAGIC_AT] != 2 {
            return Err(StoredBatchError::Damaged("its format is not 2"));
        }
        let header =
            BatchHeader::decode(bytes).ok_or(StoredBatchError::Damaged("its length is wrong"))?;
        let needed = header.batch_bytes;
        if needed > actual {
            return Err(StoredBatchError::Incomplete { needed, actual });
        }
        if checksum(&bytes[..needed]) != header.crc {
            return Err(StoredBatchError::Damaged("its checksum is wrong"));
        }
        if header.base_offset < 0 || header.last_offset_delta < 0 {
            return Err(StoredBatchError::Damaged("its offsets are negative"));
        }
        let records = i64::from(header.last_offset_delta) + 1;
        if header.base_offset.checked_add(records).is_none() {
            return Err(StoredBatchError::Damaged("its offsets are too large"));
        }
        Ok(Self {
            header,
            bytes: bytes.split_to(needed),
        })
    }

    /// Copies batches one behind the other into one allocation; each is then a slice of it. Small
    /// batches are kept this way, so that they do not hold the buffers they arrived in.
    #[must_use]
    pub fn concat(batches: &[Self]) -> (Bytes, Vec<Self>) {
        let mut all = BytesMut::with_capacity(batches.iter().map(|batch| batch.bytes.len()).sum());
        for batch in batches {
            all.extend_from_slice(&batch.bytes);
        }
        let all = all.freeze();
        let mut at = 0;
        let slices = batches.iter().map(|batch| {
            let from = at;
            at += batch.bytes.len();
            Self {
                header: batch.header,
                bytes: all.slice(from..at),
            }
        });
        (all.clone(), slices.collect())
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The bytes, header included.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records, decompressed if need be.
    ///
    /// # Errors
    /// The codec does not exist or its data is damaged.
    pub fn unpack(&self) -> Result<Unpacked, RecordError> {
        Unpacked::new(&self.header, self.bytes.slice(HEADER_BYTES..))
    }

    /// Shows the shape of each record without keeping any.
    ///
    /// # Errors
    /// The codec does not exist, its data is damaged or grows beyond its limit, or a record is malformed. What was
    /// shown before that stands.
    pub fn walk(&self, visit: impl FnMut(RecordShape)) -> Result<(), WalkError> {
        let codec = self.header.attributes.compression();
        let codec = codec.ok_or_else(|| {
            WalkError::Codec(io::Error::new(io::ErrorKind::InvalidData, "no such codec"))
        })?;
        let count = u32::try_from(self.header.record_count).unwrap_or(0);
        walk_payload(codec, &self.bytes[HEADER_BYTES..], count, visit)
    }
}
