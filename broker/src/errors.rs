//! The one map from causes to Kafka's error codes, by context: the same cause has different codes
//! in different places.

use thalweg_log::producers::ProducerError;
use thalweg_metadata::controller::Refusal;
use thalweg_model::ErrorCode;
use thalweg_model::batch::BatchError;
use thalweg_replica::{AccessError, AppendError};
use thalweg_wire::Str;

use crate::cluster::CommandError;

/// What a producer is told about bytes that are not a good batch.
pub(crate) fn batch(error: &BatchError) -> ErrorCode {
    match error {
        BatchError::Truncated { .. } | BatchError::Crc { .. } => ErrorCode::CorruptMessage,
        BatchError::Codec(_) => ErrorCode::UnsupportedCompressionType,
        BatchError::Empty
        | BatchError::MoreThanOne(_)
        | BatchError::Magic(_)
        | BatchError::Count { .. }
        | BatchError::Control
        | BatchError::Producer { .. } => ErrorCode::InvalidRecord,
    }
}

/// What a producer is told about a batch that was not appended, or whose fate is not known.
pub(crate) fn append(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        AppendError::NotLeader => ErrorCode::NotLeaderOrFollower,
        AppendError::NotEnoughReplicas => ErrorCode::NotEnoughReplicas,
        AppendError::Producer(error) => producer(error),
        // Retriable, and never taken for a failure of the disk by a client: it tries again.
        AppendError::Overloaded => ErrorCode::RequestTimedOut,
        AppendError::Write(_) | AppendError::StorageFailed => ErrorCode::KafkaStorageError,
    }
}

/// What an idempotent producer is told about its sequence.
pub(crate) fn producer(error: &ProducerError) -> ErrorCode {
    match error {
        ProducerError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        ProducerError::InvalidEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        ProducerError::InvalidTxnState { .. } => ErrorCode::InvalidTxnState,
        ProducerError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
    }
}

/// What a reader of a partition is told.
pub(crate) fn access(error: &AccessError) -> ErrorCode {
    match error {
        AccessError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        AccessError::NotLeader => ErrorCode::NotLeaderOrFollower,
        AccessError::FencedEpoch { .. } => ErrorCode::FencedLeaderEpoch,
        AccessError::UnknownEpoch { .. } => ErrorCode::UnknownLeaderEpoch,
        AccessError::OutOfRange(_) => ErrorCode::OffsetOutOfRange,
        AccessError::Log(_) => ErrorCode::KafkaStorageError,
    }
}

/// What an administrator is told whose command the controller refused: the refusal carries Kafka's code and text.
pub(crate) fn refusal(refusal: &Refusal) -> (i16, Option<Str>) {
    (
        refusal.code.code(),
        refusal.message.as_deref().map(Str::from),
    )
}

/// What an administrator is told whose command was accepted and could not be committed.
pub(crate) fn command(error: &CommandError) -> Refusal {
    let code = match error {
        CommandError::Refused(_) => ErrorCode::KafkaStorageError,
        CommandError::TooLarge(_) => ErrorCode::InvalidRequest,
    };
    Refusal::new(code, error.to_string())
}
