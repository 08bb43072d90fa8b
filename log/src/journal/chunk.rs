//! The files of the ring: chunks of one size, full of zeros before their first use.
//!
//! A write into space that was written before needs no change of the file's extents or length,
//! so making it durable costs one device write. That is why a chunk is prewritten.

use std::io;
use std::path::{Path, PathBuf};

use thalweg_model::defect::{self, Defect};

use crate::disk::{Disk, DiskFile, OpenMode};

/// Number of a chunk file; names of removed chunks do not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChunkId(pub(super) u64);

impl ChunkId {
    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{:020}.journal", self.0))
    }

    fn unfinished_path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{:020}.new", self.0))
    }

    /// The chunk that a file name stands for.
    pub(super) fn from_name(name: &Path) -> Option<Self> {
        let digits = name.to_str()?.strip_suffix(".journal")?;
        (digits.len() == 20).then_some(Self(digits.parse().ok()?))
    }
}

/// Whether a file name is that of a chunk that was never finished.
pub(super) fn is_unfinished(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "new")
}

/// A chunk, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Chunk<D: Disk> {
    pub(super) bytes: u64,
    /// Opened so that a write is durable when it returns.
    pub(super) file: D::File,
}

/// Zeros are written in pieces of this size.
const PREWRITE_BYTES: usize = 1 << 20;

/// Makes a chunk; it has its name only once it is whole.
pub(super) fn make<D: Disk>(disk: &D, dir: &Path, id: ChunkId, bytes: u64) -> io::Result<Chunk<D>> {
    let unfinished = id.unfinished_path(dir);
    prewrite(disk, &unfinished, bytes).inspect_err(|_| {
        // What was written of it takes space that others may need; if it stays, so be it.
        disk.remove_file(&unfinished).ok();
    })?;
    let path = id.path(dir);
    disk.rename(&unfinished, &path)?;
    if !defect::is_on(Defect::ChunkNameNotSynced) {
        disk.sync_dir(dir)?;
    }
    let file = disk.open(&path, OpenMode::DirectSync)?;
    Ok(Chunk { bytes, file })
}

fn prewrite<D: Disk>(disk: &D, path: &Path, bytes: u64) -> io::Result<()> {
    let file = disk.open(path, OpenMode::Create)?;
    let zeros = vec![0; PREWRITE_BYTES];
    let mut position = 0;
    while position < bytes {
        let left = usize::try_from(bytes - position).unwrap_or(usize::MAX);
        let piece = &zeros[..left.min(PREWRITE_BYTES)];
        file.write_all_at(piece, position)?;
        position += u64::try_from(piece.len()).expect("a length fits 64 bits");
    }
    file.sync_data()
}

/// The making of one more chunk, for an I/O thread.
#[derive(Debug)]
pub struct GrowJob<D: Disk> {
    pub(super) disk: D,
    pub(super) dir: PathBuf,
    pub(super) id: ChunkId,
    pub(super) bytes: u64,
}

impl<D: Disk> GrowJob<D> {
    /// Makes the chunk: some milliseconds of writing. Give the result to
    /// [`super::Journal::grown`].
    #[must_use]
    pub fn perform(self) -> Growth<D> {
        Growth {
            chunk: make(&self.disk, &self.dir, self.id, self.bytes),
        }
    }
}

/// What became of a [`GrowJob`].
#[derive(Debug)]
pub struct Growth<D: Disk> {
    pub(super) chunk: io::Result<Chunk<D>>,
}
