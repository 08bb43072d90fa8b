//! The write of a journal block, with the segments that have to be durable before it.

use std::io;
use std::path::PathBuf;

use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::{Disk, DiskFile};
use thalweg_log::journal::{BlockSequence, BlockWrite};
use thalweg_model::defect::{self, Defect};

/// What performing a block write gives.
pub type BlockWritten = (BlockSequence, AlignedBuf, io::Result<()>);

/// What makes an entry durable that is too large for the journal.
#[derive(Debug)]
pub(crate) struct SegmentSync<D: Disk> {
    pub(crate) bytes: u32,
    pub(crate) crc: u32,
    pub(crate) file: D::File,
    pub(crate) dirs: Vec<PathBuf>,
}

/// A journal block on its way to the disk.
#[derive(Debug)]
pub struct BlockJob<D: Disk> {
    pub(crate) disk: D,
    pub(crate) syncs: Vec<SegmentSync<D>>,
    pub(crate) write: BlockWrite<D>,
}

impl<D: Disk> BlockJob<D> {
    /// Size of the block, and how many entries share it.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.write.bytes.len(), self.write.entries)
    }

    /// Syncs the segments that the block only names, then writes the block. After an error nothing
    /// may be acknowledged any more.
    pub fn perform(self) -> BlockWritten {
        let Self { disk, syncs, write } = self;
        let skipped = defect::is_on(Defect::LargeEntryNotSynced);
        let synced = syncs.iter().filter(|_| !skipped).try_for_each(|sync| {
            sync.file.sync_data()?;
            sync.dirs.iter().try_for_each(|dir| disk.sync_dir(dir))
        });
        match synced {
            Ok(()) => write.perform(),
            Err(error) => (write.sequence, write.bytes, Err(error)),
        }
    }
}
