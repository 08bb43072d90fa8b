//! An open file of the simulated disk.

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use super::SimDisk;
use super::machine::Life;
use super::names::NodeId;
use crate::disk::{DIRECT_ALIGNMENT, DiskFile, OpenMode};

/// An open file of a [`SimDisk`]; of no use after the disk's next restart.
#[derive(Clone)]
pub struct SimFile {
    disk: SimDisk,
    node: NodeId,
    mode: OpenMode,
    life: Life,
    /// A file without a name stays as long as it is open.
    _held: Arc<()>,
}

impl SimFile {
    pub(super) fn open(disk: &SimDisk, path: &Path, mode: OpenMode) -> io::Result<Self> {
        let (node, life, held) = disk.machine().open(path, mode)?;
        Ok(Self {
            disk: disk.clone(),
            node,
            mode,
            life,
            _held: held,
        })
    }

    /// A direct file takes whole aligned blocks only, as the kernel does.
    fn check_alignment(&self, bytes: &[u8], position: usize) -> io::Result<()> {
        let aligned = bytes.len().is_multiple_of(DIRECT_ALIGNMENT)
            && position.is_multiple_of(DIRECT_ALIGNMENT)
            && bytes.as_ptr().align_offset(DIRECT_ALIGNMENT) == 0;
        let is_direct = matches!(self.mode, OpenMode::Direct | OpenMode::DirectSync);
        if is_direct && !aligned {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        Ok(())
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({:?}, {:?})", self.node, self.mode)
    }
}

fn place(position: u64) -> io::Result<usize> {
    usize::try_from(position).map_err(|_too_far| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for SimFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        let at = place(position)?;
        self.check_alignment(buffer, at)?;
        let mut machine = self.disk.machine();
        let contents = machine.read(self.node, self.life)?;
        let bytes = contents
            .read(at, buffer.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let at = place(position)?;
        self.check_alignment(bytes, at)?;
        let file = (self.node, self.life);
        self.disk.machine().write(file, self.mode, at, bytes)
    }

    fn write_vectored_at(&self, pieces: &[IoSlice<'_>], position: u64) -> io::Result<()> {
        let at = place(position)?;
        let mut bytes = Vec::new();
        for piece in pieces {
            self.check_alignment(piece, at)?;
            bytes.extend_from_slice(piece);
        }
        let file = (self.node, self.life);
        self.disk.machine().write(file, self.mode, at, &bytes)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let len = place(bytes)?;
        self.disk.machine().set_len(self.node, self.life, len)
    }

    fn len(&self) -> io::Result<u64> {
        let mut machine = self.disk.machine();
        let len = machine.read(self.node, self.life)?.len();
        Ok(u64::try_from(len).expect("a length fits 64 bits"))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.machine().sync(self.node, self.life)
    }
}
