//! The operating system's disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, Mode, OFlags, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2, pwritev, pwritev2, retry_on_intr};

use super::{Disk, DiskFile, OpenMode};
use crate::limits::WRITE_PIECES_MAX;

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

/// An open file of the operating system.
#[derive(Clone, Debug)]
pub struct RealFile {
    file: Arc<File>,
    durability: Durability,
}

/// When a write is on stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// After `sync_data`.
    AtSync,
    /// When it returns.
    AtReturn,
}

impl Disk for RealDisk {
    type File = RealFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        let (file, durability) = match mode {
            OpenMode::Read => (options.open(path)?, Durability::AtSync),
            OpenMode::Write => (options.write(true).open(path)?, Durability::AtSync),
            OpenMode::Create => {
                options.write(true).create(true).truncate(false);
                (options.open(path)?, Durability::AtSync)
            }
            OpenMode::Direct => (open_direct(path)?, Durability::AtSync),
            OpenMode::DirectSync => (open_direct(path)?, Durability::AtReturn),
        };
        Ok(RealFile {
            file: Arc::new(file),
            durability,
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut names = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// Opens past the page cache; through it where the file system cannot (some in memory cannot).
fn open_direct(path: &Path) -> io::Result<File> {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
    let open = |flags| retry_on_intr(|| rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)));
    match open(flags | OFlags::DIRECT) {
        Err(Errno::INVAL) => Ok(File::from(open(flags)?)),
        opened => Ok(File::from(opened?)),
    }
}

impl RealFile {
    /// One call of the operating system: how many bytes it took.
    ///
    /// `O_DSYNC` is asked for per write: the flag of `open` would be `O_SYNC` with this library,
    /// which commits the file's times as well.
    fn write_once(&self, pieces: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
        let pieces = &pieces[..pieces.len().min(WRITE_PIECES_MAX)];
        let plain = || retry_on_intr(|| pwritev(&*self.file, pieces, position));
        let written = match self.durability {
            Durability::AtSync => plain()?,
            Durability::AtReturn => {
                let write = || pwritev2(&*self.file, pieces, position, ReadWriteFlags::DSYNC);
                match retry_on_intr(write) {
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                        let written = plain()?;
                        self.file.sync_data()?;
                        written
                    }
                    written => written?,
                }
            }
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(written)
    }
}

impl DiskFile for RealFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.write_vectored_at(&[IoSlice::new(bytes)], position)
    }

    fn write_vectored_at(&self, pieces: &[IoSlice<'_>], mut position: u64) -> io::Result<()> {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        if total == 0 {
            return Ok(());
        }
        let mut written = self.write_once(pieces, position)?;
        if written == total {
            return Ok(());
        }
        // A signal, a full disk or more pieces than one call takes: go on where it stopped.
        let mut pieces = pieces.to_vec();
        let mut rest = pieces.as_mut_slice();
        loop {
            IoSlice::advance_slices(&mut rest, written);
            position += u64::try_from(written).expect("a length fits 64 bits");
            if rest.is_empty() {
                return Ok(());
            }
            written = self.write_once(rest, position)?;
        }
    }

    fn prefetch(&self, position: u64, bytes: usize) {
        let length = u64::try_from(bytes).ok().and_then(NonZeroU64::new);
        // Whether it is taken makes no difference to what is read.
        let _hint = fadvise(&*self.file, position, length, Advice::WillNeed);
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl RealFile {
    /// Reads what the operating system has in memory; `WouldBlock` if the disk would have to be
    /// waited for.
    ///
    /// # Errors
    /// That, or the file cannot be read.
    pub fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let buffers = &mut [IoSliceMut::new(buffer)];
        match preadv2(&*self.file, buffers, position, ReadWriteFlags::NOWAIT) {
            // A file system that cannot tell, as some in memory.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                Ok(self.file.read_at(buffers[0].as_mut(), position)?)
            }
            read => Ok(read?),
        }
    }
}

impl AsFd for RealFile {
    /// The descriptor, for calls that move bytes without copying them (`sendfile`).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
