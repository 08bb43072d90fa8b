//! Whether a producer's batch may be appended.

use thalweg_model::batch::BatchHeader;
use thalweg_model::defect::{self, Defect};
use thalweg_model::{Offset, ProducerEpoch, ProducerId, Timestamp};

use super::ProducerState;

/// What the check has to know besides the batch and the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckContext {
    /// The offset that the batch would get.
    pub next_offset: Offset,
    /// The client bumps its epoch with every transaction (KIP-890): a producer without state then
    /// begins at sequence 0.
    pub starts_at_zero: bool,
}

/// What to do with a batch that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Append it.
    Append,
    /// It was appended before: answer as then.
    Duplicate {
        /// Offset of its first record.
        first: Offset,
        /// Offset of its last record.
        last: Offset,
        /// Its highest timestamp, which is the append time where the broker stamps records.
        timestamp: Timestamp,
    },
}

/// Why a producer's batch or marker is refused; nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// A record before it is missing, or it was appended too long ago to be recognised.
    #[error("producer {producer}: sequence {sequence} does not follow {last:?}")]
    OutOfOrderSequence {
        /// Who.
        producer: ProducerId,
        /// First sequence number of the batch.
        sequence: i32,
        /// Last sequence number that was appended.
        last: Option<i32>,
    },
    /// A producer with the same id and a higher epoch was here.
    #[error("producer {producer}: epoch {epoch} is below {current}")]
    InvalidEpoch {
        /// Who.
        producer: ProducerId,
        /// Epoch of the batch.
        epoch: ProducerEpoch,
        /// The highest epoch seen.
        current: ProducerEpoch,
    },
    /// A batch outside transactions while one is open.
    #[error("producer {producer}: a transaction is open and the batch is not part of it")]
    InvalidTxnState {
        /// Who.
        producer: ProducerId,
    },
    /// A marker of a coordinator that was replaced.
    #[error("producer {producer}: coordinator epoch {epoch} is below {current}")]
    CoordinatorFenced {
        /// Whose transaction.
        producer: ProducerId,
        /// Epoch of the marker.
        epoch: i32,
        /// The highest epoch seen.
        current: i32,
    },
}

/// Checks a batch of records against the producer's state.
///
/// With no state, any first sequence is taken (KIP-360: the state may have gone with deleted
/// records), except where it would hide that an earlier batch is still on its way: in a partition
/// that never held a record (KAFKA-15591, Apache Kafka 4.5) and for clients that bump their epoch
/// with every transaction (KAFKA-18202, 4.1).
pub(super) fn check_batch(
    state: Option<&ProducerState>,
    header: &BatchHeader,
    context: &CheckContext,
) -> Result<Verdict, ProducerError> {
    let producer = ProducerId(header.producer_id);
    let epoch = ProducerEpoch(header.producer_epoch);
    let sequence = header.base_sequence;
    let out_of_order = |last| ProducerError::OutOfOrderSequence {
        producer,
        sequence,
        last,
    };
    let Some(state) = state else {
        let must_be_zero = context.starts_at_zero || context.next_offset == Offset::ZERO;
        return if must_be_zero && sequence != 0 {
            Err(out_of_order(None))
        } else {
            Ok(Verdict::Append)
        };
    };
    if let Some(duplicate) = find_duplicate(state, header) {
        if defect::is_on(Defect::DuplicateSequenceAccepted) {
            return Ok(Verdict::Append);
        }
        return Ok(duplicate);
    }
    if epoch < state.epoch {
        return Err(ProducerError::InvalidEpoch {
            producer,
            epoch,
            current: state.epoch,
        });
    }
    let last = state.last_sequence().filter(|_| epoch == state.epoch);
    let expected = match last {
        None | Some(i32::MAX) => 0,
        Some(last) => last + 1,
    };
    if sequence != expected && !defect::is_on(Defect::SequenceGapAccepted) {
        return Err(out_of_order(last));
    }
    if state.txn_first.is_some() && !header.attributes.is_transactional() {
        return Err(ProducerError::InvalidTxnState { producer });
    }
    Ok(Verdict::Append)
}

fn find_duplicate(state: &ProducerState, header: &BatchHeader) -> Option<Verdict> {
    if state.epoch.0 != header.producer_epoch {
        return None;
    }
    let same = state.recent().iter().find(|batch| {
        batch.first_sequence() == header.base_sequence
            && batch.last_sequence == header.last_sequence()
    })?;
    Some(Verdict::Duplicate {
        first: same.first_offset(),
        last: same.last_offset,
        timestamp: same.timestamp,
    })
}

/// Checks a marker. `above` says that it must have a higher epoch than the transaction's batches
/// (KIP-890), except when it repeats a marker whose transaction has ended.
pub(super) fn check_marker(
    state: Option<&ProducerState>,
    producer: ProducerId,
    (epoch, coordinator_epoch): (ProducerEpoch, i32),
    above: bool,
) -> Result<(), ProducerError> {
    let Some(state) = state else {
        return Ok(());
    };
    let repeated = epoch == state.epoch && state.txn_first.is_none();
    if epoch < state.epoch || (above && epoch == state.epoch && !repeated) {
        return Err(ProducerError::InvalidEpoch {
            producer,
            epoch,
            current: state.epoch,
        });
    }
    if coordinator_epoch < state.coordinator_epoch {
        return Err(ProducerError::CoordinatorFenced {
            producer,
            epoch: coordinator_epoch,
            current: state.coordinator_epoch,
        });
    }
    Ok(())
}
