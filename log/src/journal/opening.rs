//! What has to be done before a journal that was found is written to.

use std::path::PathBuf;

use super::JournalError;
use super::format::PAGE_BYTES;
use crate::aligned::AlignedBuf;
use crate::disk::{Disk, DiskFile};

/// Work that is left until it is certain that all else can be read: a start that fails changes
/// nothing.
#[derive(Debug)]
pub(super) struct Opening<D: Disk> {
    /// Chunks with blocks that nobody vouches for: a dead process may not have seen them durable.
    pub(super) unsure: Vec<(PathBuf, D::File)>,
    /// Chunks that begin with a block behind the chain's end.
    pub(super) stale: Vec<(PathBuf, D::File)>,
}

impl<D: Disk> Default for Opening<D> {
    fn default() -> Self {
        Self {
            unsure: Vec::new(),
            stale: Vec::new(),
        }
    }
}

impl<D: Disk> Opening<D> {
    /// Makes what was found durable, and lets chunks forget a block behind the chain's end, so that
    /// the first blocks of all chunks are of one history.
    pub(super) fn perform(self) -> Result<(), JournalError> {
        for (path, file) in self.unsure {
            file.sync_data()
                .map_err(|source| JournalError::Io { path, source })?;
        }
        for (path, file) in self.stale {
            let mut zeros = AlignedBuf::with_capacity(PAGE_BYTES);
            zeros.resize(PAGE_BYTES);
            file.write_all_at(&zeros, 0)
                .map_err(|source| JournalError::Io { path, source })?;
        }
        Ok(())
    }
}
