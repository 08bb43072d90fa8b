//! The open segment files of a shard: few descriptors for many partitions.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thalweg_model::Offset;

use crate::disk::{Disk, DiskFile, OpenMode};
use crate::segment::FileKind;

/// Number of a log within one cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogNumber(u64);

/// Which file of which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileKey {
    pub(crate) log: LogNumber,
    pub(crate) base: Offset,
    pub(crate) kind: FileKind,
    pub(crate) way: Way,
}

/// How a file's bytes are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Through the page cache.
    Cached,
    /// Past it, in whole blocks.
    Direct,
}

/// Open files, least recently used ones closed first; clones share it.
///
/// A file that was written stays open until it is handed out for its sync, because an error of a
/// write in the background is only sure to be reported to a descriptor that was open at the time.
#[derive(Clone, Debug)]
pub struct FileCache<D: Disk> {
    inner: Arc<Mutex<Inner<D::File>>>,
}

#[derive(Debug)]
struct Inner<F> {
    files: BTreeMap<FileKey, OpenFile<F>>,
    by_use: BTreeMap<u64, FileKey>,
    uses: u64,
    logs: u64,
    most: usize,
}

#[derive(Debug)]
struct OpenFile<F> {
    file: F,
    used: u64,
    written: bool,
}

/// Files that are looked at for one to close before a written one is synced and closed instead.
const CLOSE_CANDIDATES: usize = 64;

impl<D: Disk> FileCache<D> {
    /// A cache that keeps at most `most` files open.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                files: BTreeMap::new(),
                by_use: BTreeMap::new(),
                uses: 0,
                logs: 0,
                most: most.max(1),
            })),
        }
    }

    /// Files that are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.lock().files.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<D::File>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn number_log(&self) -> LogNumber {
        let mut inner = self.lock();
        inner.logs += 1;
        LogNumber(inner.logs)
    }

    /// The file, opened if it is not.
    pub(crate) fn get(
        &self,
        key: FileKey,
        mode: OpenMode,
        disk: &D,
        path: impl FnOnce() -> Box<Path>,
    ) -> io::Result<D::File> {
        let mut inner = self.lock();
        // A write past the page cache has said by itself how it ended.
        let written = !matches!(mode, OpenMode::Read | OpenMode::Direct);
        if let Some(file) = inner.touch(key, written) {
            return Ok(file);
        }
        // Always opened for writing: the same file may be read first and written later.
        let mode = if mode == OpenMode::Read {
            OpenMode::Write
        } else {
            mode
        };
        let file = disk.open(&path(), mode)?;
        inner.insert(key, file.clone(), written)?;
        Ok(file)
    }

    /// Notes that the file is about to be synced by whoever has been given it.
    pub(crate) fn handed_out(&self, key: FileKey) {
        if let Some(open) = self.lock().files.get_mut(&key) {
            open.written = false;
        }
    }

    /// Closes the file, if it is open.
    pub(crate) fn forget(&self, key: FileKey) {
        self.lock().remove(key);
    }

    /// Closes the files of a log.
    pub(crate) fn forget_log(&self, log: LogNumber) {
        let mut inner = self.lock();
        let keys: Vec<_> = inner
            .files
            .keys()
            .filter(|key| key.log == log)
            .copied()
            .collect();
        for key in keys {
            inner.remove(key);
        }
    }
}

impl<F: DiskFile> Inner<F> {
    fn touch(&mut self, key: FileKey, written: bool) -> Option<F> {
        let open = self.files.get_mut(&key)?;
        self.uses += 1;
        self.by_use.remove(&open.used);
        self.by_use.insert(self.uses, key);
        open.used = self.uses;
        open.written |= written;
        Some(open.file.clone())
    }

    fn insert(&mut self, key: FileKey, file: F, written: bool) -> io::Result<()> {
        while self.files.len() >= self.most {
            self.close_one()?;
        }
        self.uses += 1;
        self.by_use.insert(self.uses, key);
        let used = self.uses;
        self.files.insert(
            key,
            OpenFile {
                file,
                used,
                written,
            },
        );
        Ok(())
    }

    fn close_one(&mut self) -> io::Result<()> {
        let mut candidates = self.by_use.values().take(CLOSE_CANDIDATES);
        let unwritten = candidates.find(|&key| !self.files[key].written);
        let oldest = self.by_use.values().next();
        if let Some(&key) = unwritten.or(oldest) {
            if self.files[&key].written {
                self.files[&key].file.sync_data()?;
            }
            self.remove(key);
        }
        Ok(())
    }

    fn remove(&mut self, key: FileKey) {
        if let Some(open) = self.files.remove(&key) {
            self.by_use.remove(&open.used);
        }
    }
}
