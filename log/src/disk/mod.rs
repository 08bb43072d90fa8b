//! The one door to stable storage: [`Disk`] and [`DiskFile`], real and simulated.
//!
//! Nothing in the product touches a file but through these traits, so that every state a power
//! cut can leave behind is reachable in a test.

mod real;
pub mod sim;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

pub use real::{RealDisk, RealFile};
pub use sim::{SimDisk, SimFile};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Read only; must exist.
    Read,
    /// Read and write; must exist.
    Write,
    /// Read and write; made if it is not there. Its name is durable only after `sync_dir`.
    Create,
    /// Read and write past the page cache (`O_DIRECT`), durable after `sync_data`; otherwise as
    /// [`Self::DirectSync`].
    Direct,
    /// Read and write past the page cache, each write on stable storage when it returns
    /// (`O_DIRECT | O_DSYNC`). Made if it is not there. Positions, lengths and buffers are
    /// multiples of [`DIRECT_ALIGNMENT`]. Where the file system knows no `O_DIRECT`, the same
    /// promise is kept without it.
    DirectSync,
}

/// Alignment that direct writes keep, in bytes.
pub const DIRECT_ALIGNMENT: usize = 4096;

/// A directory tree that can lose power.
///
/// Contract: a write is in the page cache when it returns and durable after `sync_data` of that
/// file returned `Ok`; a created, renamed or removed name is durable after `sync_dir` of its
/// directory returned `Ok`. After a failed sync nothing is known about the file's unsynced bytes,
/// and a later `Ok` does not bring them back: the caller must stop using the directory.
pub trait Disk: Clone + Debug {
    /// An open file; clones share it.
    type File: DiskFile;

    /// Opens a file.
    ///
    /// # Errors
    /// As the operating system says; `NotFound` where the mode needs an existing file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File>;

    /// Makes a directory and those above it.
    ///
    /// # Errors
    /// As the operating system says.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Renames a file or directory, replacing a file at the target.
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory and what is in it.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Names in a directory, without the directory's own path, sorted.
    ///
    /// # Errors
    /// As the operating system says.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes the directory's names durable.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file, usable from the thread that owns the shard and from its I/O threads.
#[expect(
    clippy::len_without_is_empty,
    reason = "the length is a question to the disk, not a property of a collection"
)]
pub trait DiskFile: Clone + Debug + Send + Sync + 'static {
    /// Fills `buffer` from `position`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before; else as the operating system says.
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `position`, growing the file if need be.
    ///
    /// # Errors
    /// As the operating system says; a part may have been written.
    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Writes all `pieces` one behind the other from `position`, in as few calls as possible.
    ///
    /// # Errors
    /// As [`Self::write_all_at`].
    fn write_vectored_at(&self, pieces: &[io::IoSlice<'_>], position: u64) -> io::Result<()>;

    /// Cuts or grows (with zeros) the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Tells that these bytes are read soon, so that reads of several places overlap. A hint: it
    /// waits for nothing and may do nothing.
    fn prefetch(&self, _position: u64, _bytes: usize) {}

    /// Makes the data and the length durable.
    ///
    /// # Errors
    /// As the operating system says; see [`Disk`] for what a failure means.
    fn sync_data(&self) -> io::Result<()>;
}
