//! What is remembered of one producer.

use thalweg_model::batch::BatchHeader;
use thalweg_model::{Offset, ProducerEpoch, Timestamp};

use super::Marker;
use crate::limits::RECENT_BATCHES;

/// A batch that a producer appended lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecentBatch {
    /// Sequence number of its last record.
    pub last_sequence: i32,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// Offset of the last record less that of the first.
    pub offset_delta: i32,
    /// Highest timestamp.
    pub timestamp: Timestamp,
}

impl RecentBatch {
    fn of(header: &BatchHeader) -> Self {
        Self {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    /// Sequence number of its first record.
    ///
    /// # Panics
    /// Never: what is left of 2^31 fits 31 bits.
    #[must_use]
    pub fn first_sequence(&self) -> i32 {
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        i32::try_from(first.rem_euclid(1 << 31)).expect("31 bits fit")
    }

    /// Offset of its first record.
    ///
    /// # Panics
    /// Never: a delta is not larger than the last offset.
    #[must_use]
    pub fn first_offset(&self) -> Offset {
        Offset::new(self.last_offset.value() - i64::from(self.offset_delta))
    }
}

/// State of one producer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerState {
    /// Its highest epoch.
    pub epoch: ProducerEpoch,
    /// Epoch of the last transaction coordinator that ended a transaction; -1 if none did.
    pub coordinator_epoch: i32,
    /// Timestamp of what it appended last: its time of death counts from here.
    pub last_timestamp: Timestamp,
    /// First offset of its open transaction.
    pub txn_first: Option<Offset>,
    recent: [RecentBatch; RECENT_BATCHES],
    recent_count: u8,
}

impl ProducerState {
    /// A producer of which nothing but the epoch is known.
    #[must_use]
    pub fn new(epoch: ProducerEpoch) -> Self {
        Self {
            epoch,
            coordinator_epoch: -1,
            last_timestamp: Timestamp::NONE,
            txn_first: None,
            recent: [RecentBatch::default(); RECENT_BATCHES],
            recent_count: 0,
        }
    }

    /// Its last batches in order, at most five.
    #[must_use]
    pub fn recent(&self) -> &[RecentBatch] {
        &self.recent[..usize::from(self.recent_count)]
    }

    /// Sequence number of its last record; `None` after a marker with a new epoch.
    #[must_use]
    pub fn last_sequence(&self) -> Option<i32> {
        self.recent().last().map(|batch| batch.last_sequence)
    }

    fn move_to(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.recent_count = 0;
        }
    }

    pub(super) fn push_recent(&mut self, batch: RecentBatch) {
        let count = usize::from(self.recent_count);
        if count == RECENT_BATCHES {
            self.recent.rotate_left(1);
            self.recent[RECENT_BATCHES - 1] = batch;
        } else {
            self.recent[count] = batch;
            self.recent_count += 1;
        }
    }

    /// Notes a batch of records.
    pub(super) fn append(&mut self, header: &BatchHeader) {
        self.move_to(ProducerEpoch(header.producer_epoch));
        self.push_recent(RecentBatch::of(header));
        self.last_timestamp = header.max_timestamp;
        if header.attributes.is_transactional() && self.txn_first.is_none() {
            self.txn_first = Some(header.first_offset());
        }
    }

    /// Notes a transaction marker; returns where the transaction it ends began.
    pub(super) fn end_txn(&mut self, header: &BatchHeader, marker: Marker) -> Option<Offset> {
        self.move_to(ProducerEpoch(header.producer_epoch));
        self.coordinator_epoch = marker.coordinator_epoch;
        self.last_timestamp = header.max_timestamp;
        self.txn_first.take()
    }
}
