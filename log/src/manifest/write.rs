//! The write of one commit, ready for whatever thread does it.

use std::io;
use std::path::{Path, PathBuf};

use thalweg_model::defect::{self, Defect};

use super::change::Record;
use crate::disk::{Disk, DiskFile, OpenMode};

/// One commit on its way to the disk.
#[derive(Debug)]
pub struct ManifestWrite<D: Disk> {
    pub(super) target: Target<D>,
    pub(super) frame: Vec<u8>,
    pub(super) records: Vec<Record>,
}

#[derive(Debug)]
pub(super) enum Target<D: Disk> {
    /// Behind what the file holds.
    Append {
        file: D::File,
        position: u64,
        /// What has to be certain before.
        settling: Option<Settling<D>>,
    },
    /// A new file, which takes the place of the old one.
    Rewrite { disk: D, dir: PathBuf },
}

/// What makes a manifest certain that was found: a process that died may have left it, or its
/// name, in the page cache only.
#[derive(Debug)]
pub(super) struct Settling<D: Disk> {
    pub(super) disk: D,
    pub(super) dir: PathBuf,
    /// Where the last whole commit ends, if something is behind it.
    pub(super) cut_to: Option<u64>,
}

impl<D: Disk> Settling<D> {
    pub(super) fn perform(&self, file: &D::File) -> io::Result<()> {
        if let Some(end) = self.cut_to {
            file.set_len(end)?;
        }
        file.sync_data()?;
        self.disk.sync_dir(&self.dir)
    }
}

/// What became of a [`ManifestWrite`].
#[derive(Debug)]
pub struct ManifestWritten<D: Disk> {
    pub(super) result: Result<Written<D>, WriteFailure>,
    pub(super) records: Vec<Record>,
}

#[derive(Debug)]
pub(super) struct Written<D: Disk> {
    pub(super) file: D::File,
    /// Where the file ends now.
    pub(super) end: u64,
}

/// A write that failed, and what that means for the manifest.
#[derive(Debug)]
pub(super) enum WriteFailure {
    /// What was durable is untouched: the commit may be tried again.
    Untouched(io::Error),
    /// Nobody knows what is durable.
    Unknown(io::Error),
}

impl<D: Disk> ManifestWrite<D> {
    /// Writes and syncs. Give the result to [`super::Manifest::committed`].
    #[must_use]
    pub fn perform(self) -> ManifestWritten<D> {
        let result = match self.target {
            Target::Append {
                file,
                position,
                settling,
            } => match settling.map_or(Ok(()), |settling| settling.perform(&file)) {
                Ok(()) => append(file, position, &self.frame),
                Err(error) => Err(WriteFailure::Unknown(error)),
            },
            Target::Rewrite { disk, dir } => rewrite(&disk, &dir, &self.frame),
        };
        ManifestWritten {
            result,
            records: self.records,
        }
    }
}

fn append<D: Disk>(file: D::File, position: u64, frame: &[u8]) -> Result<Written<D>, WriteFailure> {
    file.write_all_at(frame, position)
        .map_err(WriteFailure::Untouched)?;
    if !defect::is_on(Defect::ManifestNotSynced) {
        file.sync_data().map_err(WriteFailure::Unknown)?;
    }
    let end = position + length(frame);
    Ok(Written { file, end })
}

fn rewrite<D: Disk>(disk: &D, dir: &Path, frame: &[u8]) -> Result<Written<D>, WriteFailure> {
    let new = new_path(dir);
    let written = disk.open(&new, OpenMode::Create).and_then(|file| {
        file.set_len(0)?;
        file.write_all_at(frame, 0)?;
        Ok(file)
    });
    let file = written.map_err(WriteFailure::Untouched)?;
    let synced = if defect::is_on(Defect::ManifestRenamedUnsynced) {
        Ok(())
    } else {
        file.sync_data()
    };
    synced
        .and_then(|()| disk.rename(&new, &path(dir)))
        .and_then(|()| disk.sync_dir(dir))
        .map_err(WriteFailure::Unknown)?;
    let end = length(frame);
    Ok(Written { file, end })
}

fn length(frame: &[u8]) -> u64 {
    u64::try_from(frame.len()).expect("a length fits 64 bits")
}

pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("manifest")
}

fn new_path(dir: &Path) -> PathBuf {
    dir.join("manifest.new")
}

impl WriteFailure {
    pub(super) fn into_error(self) -> io::Error {
        match self {
            Self::Untouched(error) | Self::Unknown(error) => error,
        }
    }
}
