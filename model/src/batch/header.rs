//! The 61 bytes in front of every record batch.

use crate::compression::Compression;
use crate::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

/// Bytes of a batch header, base offset and length field included.
pub const HEADER_BYTES: usize = 61;

/// Bytes before the part that the length field counts.
pub(super) const LENGTH_PREFIX_BYTES: usize = 12;

pub(super) const EPOCH_AT: usize = 12;
pub(super) const MAGIC_AT: usize = 16;
pub(super) const CRC_AT: usize = 17;
/// A batch's checksum covers everything from its attributes to its end.
pub const CHECKSUM_FROM: usize = 21;
pub(super) const ATTRIBUTES_AT: usize = 21;
pub(super) const MAX_TIMESTAMP_AT: usize = 35;
pub(super) const PRODUCER_ID_AT: usize = 43;
pub(super) const PRODUCER_EPOCH_AT: usize = 51;
pub(super) const BASE_SEQUENCE_AT: usize = 53;

/// Who stamps the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer.
    CreateTime,
    /// The broker, at append.
    LogAppendTime,
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    const TIMESTAMP_TYPE: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;

    /// The codec of the records; `None` for a number that names no codec.
    #[must_use]
    pub fn compression(self) -> Option<Compression> {
        Compression::from_id(self.0 & 0x07)
    }

    /// Who stamped the records.
    #[must_use]
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::TIMESTAMP_TYPE == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Whether the batch holds control records (transaction markers).
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// Whether the base timestamp is the time at which tombstones may go.
    #[must_use]
    pub fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    pub(super) fn with_compression(self, compression: Compression) -> Self {
        Self((self.0 & !0x07) | compression.id())
    }

    pub(super) fn with_log_append_time(self) -> Self {
        Self(self.0 | Self::TIMESTAMP_TYPE)
    }

    pub(super) fn with_create_time(self) -> Self {
        Self(self.0 & !Self::TIMESTAMP_TYPE)
    }

    pub(super) fn with_transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    pub(super) fn with_control(self) -> Self {
        Self(self.0 | Self::CONTROL)
    }
}

/// Identity and place in sequence of an idempotent producer's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// Sequence number of the first record; -1 in control batches.
    pub base_sequence: i32,
}

/// The decoded header of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; as sent by a producer it means nothing.
    pub base_offset: i64,
    /// Length of the whole batch in bytes, the 12 bytes before the length's own count included.
    pub batch_bytes: usize,
    /// Epoch of the leader that appended the batch.
    pub leader_epoch: i32,
    /// Format version; 2 is the only one stored.
    pub magic: i8,
    /// CRC-32C as stored.
    pub crc: u32,
    /// Attribute bits.
    pub attributes: Attributes,
    /// Offset of the last record less the base offset.
    pub last_offset_delta: i32,
    /// Timestamp that the records' deltas count from.
    pub base_timestamp: Timestamp,
    /// Highest timestamp of the batch.
    pub max_timestamp: Timestamp,
    /// Producer id, -1 if there is none.
    pub producer_id: i64,
    /// Producer epoch, -1 if there is none.
    pub producer_epoch: i16,
    /// First sequence number, -1 if there is none.
    pub base_sequence: i32,
    /// Records in the batch, as declared.
    pub record_count: i32,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("a range of N bytes is N bytes")
}

impl BatchHeader {
    /// Decodes the header at the front of `bytes`; `None` if fewer than 61 bytes are there or the
    /// length field is less than a header's. Nothing else is checked.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < HEADER_BYTES {
            return None;
        }
        let length = usize::try_from(i32::from_be_bytes(array(bytes, 8))).ok()?;
        let batch_bytes = length.checked_add(LENGTH_PREFIX_BYTES)?;
        if batch_bytes < HEADER_BYTES {
            return None;
        }
        Some(Self {
            base_offset: i64::from_be_bytes(array(bytes, 0)),
            batch_bytes,
            leader_epoch: i32::from_be_bytes(array(bytes, EPOCH_AT)),
            magic: i8::from_be_bytes(array(bytes, MAGIC_AT)),
            crc: u32::from_be_bytes(array(bytes, CRC_AT)),
            attributes: Attributes(i16::from_be_bytes(array(bytes, ATTRIBUTES_AT))),
            last_offset_delta: i32::from_be_bytes(array(bytes, 23)),
            base_timestamp: Timestamp(i64::from_be_bytes(array(bytes, 27))),
            max_timestamp: Timestamp(i64::from_be_bytes(array(bytes, MAX_TIMESTAMP_AT))),
            producer_id: i64::from_be_bytes(array(bytes, PRODUCER_ID_AT)),
            producer_epoch: i16::from_be_bytes(array(bytes, PRODUCER_EPOCH_AT)),
            base_sequence: i32::from_be_bytes(array(bytes, BASE_SEQUENCE_AT)),
            record_count: i32::from_be_bytes(array(bytes, 57)),
        })
    }

    /// The producer, if the batch is idempotent.
    #[must_use]
    pub fn producer(&self) -> Option<ProducerStamp> {
        (self.producer_id >= 0).then_some(ProducerStamp {
            id: ProducerId(self.producer_id),
            epoch: ProducerEpoch(self.producer_epoch),
            base_sequence: self.base_sequence,
        })
    }

    /// Sequence number of the last record; wraps from 2^31-1 to 0.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        advance_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// Offset of the first record of a batch that was given offsets.
    ///
    /// # Panics
    /// If the stored offset is negative: only appended batches are asked.
    #[must_use]
    pub fn first_offset(&self) -> Offset {
        Offset::new(self.base_offset)
    }

    /// Offset of the last record.
    ///
    /// # Panics
    /// As [`Self::first_offset`].
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        Offset::new(self.base_offset + i64::from(self.last_offset_delta))
    }

    /// Offset after the last record.
    ///
    /// # Panics
    /// As [`Self::first_offset`].
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().next()
    }

    /// Epoch of the leader that appended the batch.
    #[must_use]
    pub fn epoch(&self) -> Option<LeaderEpoch> {
        LeaderEpoch::from_wire(self.leader_epoch)
    }
}

/// The sequence number `by` records after `sequence`; wraps from 2^31-1 to 0.
#[must_use]
pub(super) fn advance_sequence(sequence: i32, by: i32) -> i32 {
    let sum = (i64::from(sequence) + i64::from(by)) & i64::from(i32::MAX);
    if sequence < 0 {
        sequence
    } else {
        i32::try_from(sum).expect("31 bits fit")
    }
}

/// CRC-32C of the part of a batch that the checksum covers.
pub(super) fn checksum(batch: &[u8]) -> u32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &batch[CHECKSUM_FROM..]);
    u32::try_from(crc).expect("a 32-bit checksum")
}
