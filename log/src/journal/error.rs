//! Why a journal does not open.

use std::io;
use std::path::PathBuf;

use super::BlockSequence;

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refused.
    #[error("{path}: {source}")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Blocks that were durable are missing or damaged. Nothing was changed.
    #[error("{file} is damaged at {position}: block {sequence} was durable and is not readable")]
    Corrupt {
        /// The file where the block should be.
        file: PathBuf,
        /// Where in it.
        position: u64,
        /// The block.
        sequence: BlockSequence,
    },
    /// A file is shorter than any that was made. Nothing was changed.
    #[error("{file} is damaged at {bytes}: the rest of the file is missing")]
    CutOff {
        /// The file.
        file: PathBuf,
        /// Bytes that are left of it.
        bytes: u64,
    },
    /// A file of the ring is not there. Nothing was changed.
    #[error("{file} is missing: it is a part of the journal")]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The journal of another shard or directory, or of a later version, lies here.
    #[error("{file} belongs to another shard or a later version")]
    Foreign {
        /// The file.
        file: PathBuf,
    },
}
