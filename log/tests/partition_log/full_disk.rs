//! A disk that fills up.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use thalweg_log::disk::{Disk, DiskFile, OpenMode};

/// Another disk with a number of writes left.
#[derive(Clone, Debug)]
pub(crate) struct FullDisk<D> {
    inner: D,
    writes_left: Arc<AtomicI64>,
}

/// A file on it.
#[derive(Clone, Debug)]
pub(crate) struct FullDiskFile<F> {
    inner: F,
    writes_left: Arc<AtomicI64>,
}

impl<D> FullDisk<D> {
    pub(crate) fn new(inner: D) -> Self {
        let writes_left = Arc::new(AtomicI64::new(i64::MAX));
        Self { inner, writes_left }
    }

    /// Lets `writes` more writes succeed; of the one after them, half is written.
    pub(crate) fn full_after(&self, writes: i64) {
        self.writes_left.store(writes, Ordering::Relaxed);
    }

    pub(crate) fn has_room(&self) {
        self.full_after(i64::MAX);
    }
}

impl<F: DiskFile> FullDiskFile<F> {
    fn write_one(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        if self.writes_left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return self.inner.write_all_at(bytes, position);
        }
        self.inner
            .write_all_at(&bytes[..bytes.len() / 2], position)?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

impl<D: Disk> Disk for FullDisk<D> {
    type File = FullDiskFile<D::File>;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File> {
        Ok(FullDiskFile {
            inner: self.inner.open(path, mode)?,
            writes_left: Arc::clone(&self.writes_left),
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.list(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_dir(path)
    }
}

impl<F: DiskFile> DiskFile for FullDiskFile<F> {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.inner.read_exact_at(buffer, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.write_one(bytes, position)
    }

    fn write_vectored_at(&self, pieces: &[io::IoSlice<'_>], position: u64) -> io::Result<()> {
        let bytes: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        self.write_one(&bytes, position)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.inner.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
}
