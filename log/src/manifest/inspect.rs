//! Looking at a manifest without opening it: nothing is changed, also while another process writes.

use std::path::Path;

use super::store::{load, read};
use super::{ManifestError, ManifestState, write};
use crate::disk::{Disk, OpenMode};

/// What the manifest in `dir` says, and the number of its last commit.
///
/// # Errors
/// See [`ManifestError`].
pub fn inspect<D: Disk>(disk: &D, dir: &Path) -> Result<(ManifestState, u64), ManifestError> {
    let path = write::path(dir);
    let file = disk.open(&path, OpenMode::Read);
    let bytes = file.and_then(|file| read(&file));
    let bytes = bytes.map_err(|source| ManifestError::Io {
        path: path.clone(),
        source,
    })?;
    match load(&bytes) {
        Ok(loaded) => Ok((loaded.state, loaded.sequence)),
        Err(position) => Err(ManifestError::Corrupt {
            file: path,
            position,
        }),
    }
}
