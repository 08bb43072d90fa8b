//! Why an operation on a partition's log fails.

use std::io;

use thalweg_model::batch::StoredBatchError;
use thalweg_model::{LogIndex, Offset};

use crate::producers::{MarkerError, SnapshotError};

/// Why an entry was not appended; the log is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No space is left on the disk.
    #[error("the disk is full")]
    StorageFull(#[source] io::Error),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
    /// A control batch of the entry cannot be understood.
    #[error(transparent)]
    Marker(#[from] MarkerError),
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) {
            Self::StorageFull(error)
        } else {
            Self::Io(error)
        }
    }
}

/// Whether there is no space left.
pub(super) fn is_full(error: &io::Error) -> bool {
    [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind())
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The offset is below the log's start or above its end.
    #[error("offset {offset} is not within {start}..={end}")]
    OffsetOutOfRange {
        /// Asked for.
        offset: Offset,
        /// The first offset that can be read.
        start: Offset,
        /// The offset after the last record.
        end: Offset,
    },
    /// The entry's bytes were removed with old segments.
    #[error("entry {index} was removed; the first that is left is {first}")]
    Compacted {
        /// Asked for.
        index: LogIndex,
        /// The first entry that is left.
        first: LogIndex,
    },
    /// The entry was not appended yet.
    #[error("entry {index} is after the last one, {last}")]
    Unavailable {
        /// Asked for.
        index: LogIndex,
        /// The last entry.
        last: LogIndex,
    },
    /// Bytes on the disk are not what was written: they have to come from another replica.
    #[error("entry {index} is damaged on disk")]
    Damaged {
        /// The entry.
        index: LogIndex,
    },
    /// The disk failed, or batch headers on it make no sense.
    #[error("the disk failed: {0}")]
    Io(#[from] io::Error),
}

/// Why a log cannot be opened from what the manifest remembers.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk failed, or batch headers on it make no sense.
    #[error("the disk failed: {0}")]
    Io(#[from] io::Error),
    /// The producer snapshot is damaged.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A control batch cannot be understood.
    #[error(transparent)]
    Marker(#[from] MarkerError),
    /// A stored batch is damaged.
    #[error(transparent)]
    Batch(#[from] StoredBatchError),
}

/// Why an entry of the journal cannot be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The journal's payload is not what its table says.
    #[error("the journal's payload of entry {index} is damaged")]
    Payload {
        /// The entry.
        index: LogIndex,
    },
    /// The batches of the entry cannot be understood.
    #[error("entry {index} holds a bad batch: {cause}")]
    Batch {
        /// The entry.
        index: LogIndex,
        /// What is wrong.
        #[source]
        cause: StoredBatchError,
    },
    /// The segment could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// What lies behind an earlier entry could not be cut off.
    #[error("the log could not be cut: {0}")]
    Cut(#[from] OpenError),
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(#[from] io::Error),
}
