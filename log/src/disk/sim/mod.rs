//! A disk in memory that loses power, tells lies and forgets, the same way for the same seed.
//!
//! [`SimDisk`] keeps what programs see apart from what the medium holds. [`SimDisk::restart`] is
//! the power cut: of everything not made durable, any subset of sectors and names survives.

mod contents;
mod faults;
mod file;
mod machine;
mod names;
mod random;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use faults::Fault;
pub use file::SimFile;
use machine::{Machine, Moment};

use super::{Disk, OpenMode};

/// What a disk writes as a whole or not at all, in bytes.
pub const SECTOR_BYTES: usize = 512;

/// What becomes of writes and names that no sync made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// They are gone.
    LosesUnsynced,
    /// They are there, and still not durable: the process died, the machine did not.
    KeepsUnsynced,
    /// Any part of them is there, by the seed.
    Random,
}

/// The disk before one of its changes.
#[derive(Clone, Debug)]
pub struct DiskMoment(Moment);

impl DiskMoment {
    /// The disk as it starts again after the power went in the middle of the change.
    #[must_use]
    pub fn cut(&self, cut: PowerCut, seed: u64) -> SimDisk {
        SimDisk {
            machine: Arc::new(Mutex::new(self.0.cut(cut, seed))),
        }
    }
}

/// A simulated disk; clones share it.
#[derive(Clone)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
}

impl SimDisk {
    /// An empty disk; `seed` decides every fault to come.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            machine: Arc::new(Mutex::new(Machine::new(seed))),
        }
    }

    /// A copy that goes its own way from here on.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            machine: Arc::new(Mutex::new(self.machine().clone())),
        }
    }

    /// Cuts the power and starts again. Files opened before are of no use afterwards.
    pub fn restart(&self, cut: PowerCut) {
        self.machine().restart(cut);
    }

    /// Cuts the power now and starts again, with the faults of another seed.
    pub fn crash(&self, seed: u64) {
        let mut machine = self.machine();
        machine.reseed(seed);
        machine.restart(PowerCut::Random);
    }

    /// Remembers what the disk is before each change, until [`Self::take_moments`].
    pub fn watch(&self) {
        self.machine().watch();
    }

    /// Takes the moments before each change since [`Self::watch`], and watches no longer.
    #[must_use]
    pub fn take_moments(&self) -> Vec<DiskMoment> {
        let moments = self.machine().take_moments();
        moments.into_iter().map(DiskMoment).collect()
    }

    /// Changes of any kind (writes, syncs, names) that were asked for so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.machine().changes()
    }

    /// Lets the power go in the middle of a change: with 0 in the next one. That change and all
    /// later ones fail; a direct write leaves some of its sectors, and so do the direct writes
    /// that were in flight with it, which is what those after it are taken for. Nothing happens if
    /// it is off already.
    pub fn cut_power_after(&self, changes: u64) {
        self.machine().cut_power_after(changes);
    }

    /// Takes back what [`Self::cut_power_after`] planned, if it did not happen yet.
    pub fn keep_power(&self) {
        self.machine().keep_power();
    }

    /// Whether the power is off: only [`Self::restart`] and [`Self::crash`] help.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.machine().is_off()
    }

    /// Lets an operation go wrong: with 0 the next one that the fault concerns. Later ones are
    /// fine again.
    pub fn inject(&self, fault: Fault, after: u64) {
        self.machine().inject(fault, after);
    }

    /// Lets files grow by so many bytes more, then the disk is full; `None` for a disk without end.
    /// A write that meets the end is done in part.
    pub fn set_free_bytes(&self, bytes: Option<usize>) {
        self.machine().set_free_bytes(bytes);
    }

    /// Whether files may only grow by so many bytes more.
    #[must_use]
    pub fn may_be_full(&self) -> bool {
        self.machine().may_be_full()
    }

    /// Turns one bit of a file on the medium.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn rot(&self, path: &Path, position: usize, bit: u8) -> io::Result<()> {
        self.machine()
            .damage(path, |contents, _| contents.rot(position, bit))
    }

    /// Makes noise of the sector of a file on the medium that a position is in.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn ruin_sector(&self, path: &Path, position: usize) -> io::Result<()> {
        self.machine().damage(path, |contents, random| {
            contents.ruin_sector(position, random);
        })
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // A test that panicked elsewhere leaves whole changes only.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimDisk(after {} changes)", self.changes())
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        SimFile::open(self, path, mode)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.machine().names(|tree| tree.create_dir_all(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.machine().names(|tree| tree.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.machine().names(|tree| tree.remove_file(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.machine().names(|tree| tree.remove_dir_all(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let names = self.machine().list(path)?;
        Ok(names.into_iter().map(PathBuf::from).collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.machine().names(|tree| tree.sync_dir(path))
    }
}
