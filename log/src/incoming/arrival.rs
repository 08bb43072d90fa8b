//! A part of a file that arrived: written by an I/O thread, which looks at the segment when it is whole.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thalweg_model::Uuid;
use thalweg_model::defect::{self, Defect};

use super::check::check;
use super::{FilePlace, ORDER};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::partition::write_metadata;
use crate::segment::FileKind;

/// Why a log that comes from another replica cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// It cannot be written, as on a full disk; nothing else is in doubt.
    #[error("it cannot be written: {0}")]
    Write(#[source] io::Error),
    /// Stable storage failed.
    #[error("it was not synced: {0}")]
    Sync(#[source] io::Error),
    /// It is not what it was said to be.
    #[error("{0}")]
    Damaged(String),
}

/// Bytes for an I/O thread to write.
#[derive(Debug)]
pub struct Arrival<D: Disk> {
    pub(super) disk: D,
    pub(super) dir: PathBuf,
    pub(super) topic: Uuid,
    pub(super) place: FilePlace,
    pub(super) bytes: Bytes,
    /// What is to come after them; none if the segment is whole with them.
    pub(super) next: Option<FilePlace>,
}

/// What became of them.
#[derive(Debug)]
pub struct Arrived {
    pub(super) dir: PathBuf,
    pub(super) place: FilePlace,
    pub(super) next: Option<FilePlace>,
    pub(super) result: Result<(), IncomingError>,
}

impl Arrived {
    /// Where they were put.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl<D: Disk> Arrival<D> {
    /// Writes the bytes. When the segment is whole, looks at all of it and makes it durable.
    #[must_use]
    pub fn perform(self) -> Arrived {
        let result = self.write().map_err(IncomingError::Write);
        let result = match self.next {
            Some(_) => result,
            None => result.and_then(|()| self.finish()),
        };
        Arrived {
            dir: self.dir,
            place: self.place,
            next: self.next,
            result,
        }
    }

    fn file(&self, kind: FileKind) -> io::Result<D::File> {
        let path = self.dir.join(kind.name(self.place.segment.base));
        self.disk.open(&path, OpenMode::Create)
    }

    fn write(&self) -> io::Result<()> {
        if self.place.position == 0 {
            self.disk.create_dir_all(&self.dir)?;
            write_metadata(&self.disk, &self.dir, self.topic)?;
        }
        let file = self.file(self.place.kind)?;
        if self.place.position == 0 {
            file.set_len(0)?;
        }
        file.write_all_at(&self.bytes, self.place.position)
    }

    fn finish(&self) -> Result<(), IncomingError> {
        let open = |kind| self.file(kind).map_err(IncomingError::Write);
        let segment = &self.place.segment;
        let (log, entries) = (open(FileKind::Log)?, open(FileKind::Entries)?);
        check(segment, &log, &entries).map_err(|what| {
            let log = self.dir.join(FileKind::Log.name(segment.base));
            IncomingError::Damaged(format!("{}: {what}", log.display()))
        })?;
        if defect::is_on(Defect::CopyNotSynced) {
            return Ok(());
        }
        for kind in ORDER {
            if kind == FileKind::Log || segment.file_bytes(kind) != Some(0) {
                open(kind)?.sync_data().map_err(IncomingError::Sync)?;
            }
        }
        // The names in it, its own, and that of the place where it waits.
        for dir in self.dir.ancestors().take(3) {
            self.disk.sync_dir(dir).map_err(IncomingError::Sync)?;
        }
        Ok(())
    }
}
