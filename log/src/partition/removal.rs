//! Removing everything of a partition that is no more.

use std::io;
use std::path::{Path, PathBuf};

use super::PartitionLog;
use super::log::Names;
use crate::disk::Disk;

/// End of the name of a directory that is being removed, as in Kafka; no log has one that ends so.
const DOOMED: &str = "-delete";

/// Whether a directory is one whose removal was begun.
#[must_use]
pub fn is_doomed(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default();
    name.to_string_lossy().ends_with(DOOMED)
}

fn doomed_name(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(DOOMED);
    name.into()
}

/// The files of a log that is no more. To remove many bytes takes its time: it is done on a thread
/// where nobody waits.
#[derive(Debug)]
pub struct LogRemoval<D: Disk> {
    disk: D,
    dir: PathBuf,
}

impl<D: Disk> PartitionLog<D> {
    /// Ends the log; `None` if it never had files.
    #[must_use]
    pub fn removal(self) -> Option<LogRemoval<D>> {
        self.home.forget_all();
        (self.names != Names::NoDirectory).then(|| LogRemoval {
            disk: self.home.disk().clone(),
            dir: self.home.dir().to_path_buf(),
        })
    }
}

impl<D: Disk> LogRemoval<D> {
    /// The removal of a directory that no log has.
    #[must_use]
    pub fn new(disk: D, dir: PathBuf) -> Self {
        Self { disk, dir }
    }

    /// Gives the directory a name by which it is known when the process stops before all is gone; without
    /// one it is removed as well.
    #[must_use]
    pub fn doom(self) -> Self {
        let doomed = doomed_name(&self.dir);
        match self.disk.rename(&self.dir, &doomed) {
            Ok(()) => Self {
                dir: doomed,
                ..self
            },
            Err(_nameless) => self,
        }
    }

    /// Removes the files, and tells which directory is gone; that it never was there is no failure.
    pub fn perform(self) -> (PathBuf, io::Result<()>) {
        let removed = match self.disk.remove_dir_all(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        (self.dir, removed)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}
