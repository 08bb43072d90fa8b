//! Why a manifest does not open.

use std::io;
use std::path::PathBuf;

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The disk refused.
    #[error("{path}: {source}")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something that was durable is damaged, or was written by a later version. Nothing was
    /// changed.
    #[error("{file} is damaged at {position}")]
    Corrupt {
        /// The manifest.
        file: PathBuf,
        /// Where in it.
        position: u64,
    },
}
