//! Snapshots in Kafka's format, version 1.
//!
//! Kafka keeps a producer's last batch only, so that after a restart its retries of earlier ones
//! are no longer recognised. Here the earlier ones follow the part that Kafka reads, under the same
//! checksum; Kafka passes over them, and a snapshot of Kafka's without them can be read.

use thalweg_model::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::{ProducerState, ProducerStates, RecentBatch};
use crate::checksum::crc32c;

/// Why a snapshot cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a producer snapshot is damaged: {0}")]
pub struct SnapshotError(&'static str);

const VERSION: i16 = 1;
/// The checksum covers what follows it.
const CHECKED_FROM: usize = 6;
/// Begins the part that Kafka does not read.
const EARLIER_MAGIC: [u8; 4] = *b"TwPb";

impl ProducerStates {
    /// The producers as of the log's end.
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        put_count(&mut out, self.len());
        for (id, state) in self.active() {
            put_producer(&mut out, id, state);
        }
        out.extend_from_slice(&EARLIER_MAGIC);
        for (_, state) in self.active() {
            let earlier = state
                .recent()
                .split_last()
                .map_or(&[][..], |(_, earlier)| earlier);
            put_count(&mut out, earlier.len());
            for batch in earlier {
                put_batch(&mut out, batch);
                out.extend_from_slice(&batch.timestamp.0.to_be_bytes());
            }
        }
        let checksum = crc32c(&out[CHECKED_FROM..]);
        out[2..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
        out
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// It is not what was written.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut rest = Rest(bytes);
        if i16::from_be_bytes(rest.take()?) != VERSION {
            return Err(SnapshotError("its version is not 1"));
        }
        let checksum = u32::from_be_bytes(rest.take()?);
        if crc32c(rest.0) != checksum {
            return Err(SnapshotError("its checksum is wrong"));
        }
        let count = rest.count()?;
        let mut producers = Vec::new();
        for _ in 0..count {
            producers.push(rest.producer()?);
        }
        if rest.0.starts_with(&EARLIER_MAGIC) {
            rest.0 = &rest.0[EARLIER_MAGIC.len()..];
            for (_, state, last) in &mut producers {
                for _ in 0..rest.count()? {
                    let mut batch = rest
                        .batch()?
                        .ok_or(SnapshotError("a batch has no offset"))?;
                    batch.timestamp = Timestamp(i64::from_be_bytes(rest.take()?));
                    state.push_recent(batch);
                }
                if let Some(last) = last.take() {
                    state.push_recent(last);
                }
            }
        }
        let mut states = Self::default();
        for (id, mut state, last) in producers {
            if let Some(last) = last {
                state.push_recent(last);
            }
            states.restore(id, state);
        }
        Ok(states)
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = i32::try_from(count).expect("the number of producers is limited");
    out.extend_from_slice(&count.to_be_bytes());
}

fn put_batch(out: &mut Vec<u8>, batch: &RecentBatch) {
    out.extend_from_slice(&batch.last_sequence.to_be_bytes());
    out.extend_from_slice(&batch.last_offset.value().to_be_bytes());
    out.extend_from_slice(&batch.offset_delta.to_be_bytes());
}

fn put_producer(out: &mut Vec<u8>, id: ProducerId, state: &ProducerState) {
    out.extend_from_slice(&id.0.to_be_bytes());
    out.extend_from_slice(&state.epoch.0.to_be_bytes());
    match state.recent().last() {
        Some(last) => put_batch(out, last),
        None => {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            out.extend_from_slice(&(-1_i64).to_be_bytes());
            out.extend_from_slice(&0_i32.to_be_bytes());
        }
    }
    out.extend_from_slice(&state.last_timestamp.0.to_be_bytes());
    out.extend_from_slice(&state.coordinator_epoch.to_be_bytes());
    out.extend_from_slice(&Offset::to_wire(state.txn_first).to_be_bytes());
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(SnapshotError("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn count(&mut self) -> Result<u32, SnapshotError> {
        u32::try_from(i32::from_be_bytes(self.take()?))
            .map_err(|_negative| SnapshotError("a count is negative"))
    }

    /// A batch without its timestamp; `None` where no batch is known.
    fn batch(&mut self) -> Result<Option<RecentBatch>, SnapshotError> {
        let last_sequence = i32::from_be_bytes(self.take()?);
        let last_offset = i64::from_be_bytes(self.take()?);
        let offset_delta = i32::from_be_bytes(self.take()?);
        let Some(last_offset) = Offset::from_wire(last_offset) else {
            return Ok(None);
        };
        if offset_delta < 0 || i64::from(offset_delta) > last_offset.value() {
            return Err(SnapshotError("a batch begins before offset 0"));
        }
        Ok(Some(RecentBatch {
            last_sequence,
            last_offset,
            offset_delta,
            timestamp: Timestamp::NONE,
        }))
    }

    fn producer(
        &mut self,
    ) -> Result<(ProducerId, ProducerState, Option<RecentBatch>), SnapshotError> {
        let id = ProducerId(i64::from_be_bytes(self.take()?));
        let mut state = ProducerState::new(ProducerEpoch(i16::from_be_bytes(self.take()?)));
        let last = self.batch()?;
        state.last_timestamp = Timestamp(i64::from_be_bytes(self.take()?));
        state.coordinator_epoch = i32::from_be_bytes(self.take()?);
        state.txn_first = Offset::from_wire(i64::from_be_bytes(self.take()?));
        let last = last.map(|batch| RecentBatch {
            timestamp: state.last_timestamp,
            ..batch
        });
        Ok((id, state, last))
    }
}
