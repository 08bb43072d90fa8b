//! Where one partition's files are and how they are reached.

use std::io;
use std::path::{Path, PathBuf};

use thalweg_model::{Offset, Uuid};

use crate::disk::{Disk, OpenMode};
use crate::file_cache::{FileCache, FileKey, LogNumber, Way};
use crate::segment::FileKind;

/// The directory of one partition and what is needed to use it.
#[derive(Clone, Debug)]
pub struct LogHome<D: Disk> {
    disk: D,
    dir: PathBuf,
    topic: Uuid,
    cache: FileCache<D>,
    number: LogNumber,
}

impl<D: Disk> LogHome<D> {
    /// The home of a partition of `topic` in `dir`; touches nothing.
    #[must_use]
    pub fn new(disk: D, dir: PathBuf, topic: Uuid, cache: &FileCache<D>) -> Self {
        Self {
            disk,
            dir,
            topic,
            cache: cache.clone(),
            number: cache.number_log(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The topic's id, which is written beside the data.
    #[must_use]
    pub fn topic(&self) -> Uuid {
        self.topic
    }

    pub(crate) fn disk(&self) -> &D {
        &self.disk
    }

    pub(crate) fn path(&self, base: Offset, kind: FileKind) -> PathBuf {
        self.dir.join(kind.name(base))
    }

    fn open(&self, base: Offset, kind: FileKind, mode: OpenMode) -> io::Result<D::File> {
        let way = match mode {
            OpenMode::Read | OpenMode::Write | OpenMode::Create => Way::Cached,
            OpenMode::Direct | OpenMode::DirectSync => Way::Direct,
        };
        let key = self.key(base, kind, way);
        let opened = self.cache.get(key, mode, &self.disk, || {
            self.path(base, kind).into_boxed_path()
        });
        opened.map_err(|error| {
            // What is gone has to be named: the system does not.
            if error.kind() != io::ErrorKind::NotFound {
                return error;
            }
            let what = format!("{}: {error}", self.path(base, kind).display());
            io::Error::new(io::ErrorKind::NotFound, what)
        })
    }

    fn key(&self, base: Offset, kind: FileKind, way: Way) -> FileKey {
        FileKey {
            log: self.number,
            base,
            kind,
            way,
        }
    }

    /// A file to read.
    pub(crate) fn file(&self, base: Offset, kind: FileKind) -> io::Result<D::File> {
        self.open(base, kind, OpenMode::Read)
    }

    /// A file to write, made if it is not there.
    pub(crate) fn file_to_write(&self, base: Offset, kind: FileKind) -> io::Result<D::File> {
        self.open(base, kind, OpenMode::Create)
    }

    /// A file to write past the page cache, made if it is not there.
    pub(crate) fn file_to_write_directly(&self, base: Offset) -> io::Result<D::File> {
        self.open(base, FileKind::Log, OpenMode::Direct)
    }

    /// A file that its caller is going to sync.
    pub(crate) fn file_to_sync(&self, base: Offset, kind: FileKind) -> io::Result<D::File> {
        let file = self.open(base, kind, OpenMode::Read)?;
        self.cache.handed_out(self.key(base, kind, Way::Cached));
        Ok(file)
    }

    /// Closes a file and removes it; that it is not there is no failure.
    pub(crate) fn remove(&self, base: Offset, kind: FileKind) -> io::Result<()> {
        self.forget(base, kind);
        match self.disk.remove_file(&self.path(base, kind)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Closes a file.
    pub(crate) fn forget(&self, base: Offset, kind: FileKind) {
        for way in [Way::Cached, Way::Direct] {
            self.cache.forget(self.key(base, kind, way));
        }
    }

    /// Closes all files of the partition.
    pub(crate) fn forget_all(&self) {
        self.cache.forget_log(self.number);
    }
}
