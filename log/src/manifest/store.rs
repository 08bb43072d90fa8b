//! The manifest in use.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::change::Record;
use super::state::Records;
use super::write::{self, ManifestWrite, ManifestWritten, Settling, Target, WriteFailure};
use super::{ManifestChange, ManifestError, ManifestState, frame};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::journal::BlockSequence;
use crate::limits::{MANIFEST_BYTES_MIN, MANIFEST_SLACK};

/// The manifest of one shard: a file of commits, written anew when it has grown.
#[derive(Debug)]
pub struct Manifest<D: Disk> {
    disk: D,
    dir: PathBuf,
    file: D::File,
    /// Where the next commit goes.
    end: u64,
    /// Number of the last commit.
    sequence: u64,
    records: Records,
    phase: Phase,
    /// What was found at the opening, if it may still be in the page cache only.
    unsettled: Option<Unsettled>,
    /// Size below which the file is only appended to.
    bytes_min: u64,
}

/// A manifest that a process left which died.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsettled {
    /// Bytes of the file; a commit that never returned may be behind the last whole one.
    file_bytes: u64,
    /// What the commit before the last one vouches for: that one was synced.
    checkpoint: BlockSequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Writing,
    /// A sync failed: what is durable is unknown, and nothing may be built on it.
    Failed,
}

/// A manifest file as it was read.
pub(super) struct Loaded {
    records: Records,
    pub(super) state: ManifestState,
    pub(super) sequence: u64,
    /// Where the last whole commit ends.
    end: u64,
    /// What the commit before the last one vouches for.
    checkpoint_before: BlockSequence,
}

impl<D: Disk> Manifest<D> {
    /// Opens the manifest in `dir`; makes both if need be (the directory's parent must be durable).
    ///
    /// A commit that never returned is left out or kept, whole in either case. One that was there
    /// is read only: what a dead process left in the page cache becomes durable with the next commit,
    /// or with [`Self::settle`].
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn open(disk: &D, dir: &Path) -> Result<(Self, ManifestState), ManifestError> {
        let io_error = |source| ManifestError::Io {
            path: dir.to_path_buf(),
            source,
        };
        disk.create_dir_all(dir).map_err(io_error)?;
        let path = write::path(dir);
        match disk.open(&path, OpenMode::Write) {
            Ok(file) => Self::reopen(disk, dir, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = dir.parent() {
                    disk.sync_dir(parent).map_err(io_error)?;
                }
                let manifest = Self::create(disk, dir).map_err(io_error)?;
                Ok((manifest, ManifestState::default()))
            }
            Err(error) => Err(io_error(error)),
        }
    }

    fn create(disk: &D, dir: &Path) -> io::Result<Self> {
        let records = Records::default();
        let write: ManifestWrite<D> = ManifestWrite {
            target: Target::Rewrite {
                disk: disk.clone(),
                dir: dir.to_path_buf(),
            },
            frame: frame::encode(1, &records.encode()),
            records: Vec::new(),
        };
        let written = write.perform().result.map_err(WriteFailure::into_error)?;
        Ok(Self {
            disk: disk.clone(),
            dir: dir.to_path_buf(),
            file: written.file,
            end: written.end,
            sequence: 1,
            records,
            phase: Phase::Idle,
            unsettled: None,
            bytes_min: MANIFEST_BYTES_MIN,
        })
    }

    fn reopen(disk: &D, dir: &Path, file: D::File) -> Result<(Self, ManifestState), ManifestError> {
        let path = write::path(dir);
        let io_error = |source| ManifestError::Io {
            path: path.clone(),
            source,
        };
        let bytes = read(&file).map_err(io_error)?;
        let loaded = load(&bytes).map_err(|position| ManifestError::Corrupt {
            file: path.clone(),
            position,
        })?;
        let mut manifest = Self {
            disk: disk.clone(),
            dir: dir.to_path_buf(),
            file,
            end: loaded.end,
            sequence: loaded.sequence,
            records: loaded.records,
            phase: Phase::Idle,
            unsettled: Some(Unsettled {
                file_bytes: place(bytes.len()),
                checkpoint: loaded.checkpoint_before,
            }),
            bytes_min: MANIFEST_BYTES_MIN,
        };
        if manifest.records.clean_shutdown {
            // From now on a crash is a crash.
            let write = manifest.start(vec![Record::Opened]);
            manifest.committed(write.perform()).map_err(io_error)?;
        }
        Ok((manifest, loaded.state))
    }

    /// Makes what was found durable, if no commit has done so.
    ///
    /// # Errors
    /// The disk refused: nothing may be built on what was found.
    pub fn settle(&mut self) -> io::Result<()> {
        if let Some(settling) = self.settling() {
            settling.perform(&self.file)?;
            self.unsettled = None;
        }
        Ok(())
    }

    fn settling(&self) -> Option<Settling<D>> {
        self.unsettled.map(|unsettled| Settling {
            disk: self.disk.clone(),
            dir: self.dir.clone(),
            cut_to: (unsettled.file_bytes > self.end).then_some(self.end),
        })
    }

    /// The block of the journal up to which it is certain that the manifest vouches.
    #[must_use]
    pub fn settled_checkpoint(&self) -> BlockSequence {
        match self.unsettled {
            Some(unsettled) => unsettled.checkpoint,
            None => self.records.checkpoint,
        }
    }

    /// Changes the size below which the file is only appended to.
    pub fn set_bytes_min(&mut self, bytes: u64) {
        self.bytes_min = bytes;
    }

    /// Makes changes durable, all or none; blocks until they are.
    ///
    /// # Errors
    /// As [`Self::committed`].
    ///
    /// # Panics
    /// As [`Self::prepare`].
    pub fn commit(&mut self, changes: &[ManifestChange]) -> io::Result<()> {
        let write = self.prepare(changes);
        self.committed(write.perform())
    }

    /// Prepares a commit for an I/O thread.
    ///
    /// # Panics
    /// If another one is not [committed](Self::committed) yet, or one has failed for good.
    pub fn prepare(&mut self, changes: &[ManifestChange]) -> ManifestWrite<D> {
        self.start(changes.iter().map(Record::from).collect())
    }

    fn start(&mut self, records: Vec<Record>) -> ManifestWrite<D> {
        assert_eq!(self.phase, Phase::Idle, "one commit after the other");
        self.phase = Phase::Writing;
        let sequence = self.sequence + 1;
        let mut body = Vec::new();
        for record in &records {
            record.encode(&mut body);
        }
        // Every commit is there twice.
        let content = u64::try_from(2 * self.records.bytes()).expect("a length fits 64 bits");
        if self.end > self.bytes_min.max(MANIFEST_SLACK * content) {
            let mut all = self.records.clone();
            for record in &records {
                all.apply(record.clone());
            }
            return ManifestWrite {
                target: Target::Rewrite {
                    disk: self.disk.clone(),
                    dir: self.dir.clone(),
                },
                frame: frame::encode(sequence, &all.encode()),
                records,
            };
        }
        ManifestWrite {
            target: Target::Append {
                file: self.file.clone(),
                position: self.end,
                settling: self.settling(),
            },
            frame: frame::encode(sequence, &body),
            records,
        }
    }

    /// Takes note of a finished write.
    ///
    /// # Errors
    /// Why it failed. If nothing of what was durable was touched (a full disk), the same or another
    /// commit may follow; else [`Self::has_failed`], and the directory has to be given up.
    pub fn committed(&mut self, written: ManifestWritten<D>) -> io::Result<()> {
        match written.result {
            Ok(done) => {
                self.file = done.file;
                self.end = done.end;
                self.unsettled = None;
                self.sequence += 1;
                for record in written.records {
                    self.records.apply(record);
                }
                self.phase = Phase::Idle;
                Ok(())
            }
            Err(failure) => {
                self.phase = match failure {
                    WriteFailure::Untouched(_) => Phase::Idle,
                    WriteFailure::Unknown(_) => Phase::Failed,
                };
                Err(failure.into_error())
            }
        }
    }

    /// Whether a commit failed for good.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.phase == Phase::Failed
    }

    /// Whether a prepared commit is not committed yet.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.phase == Phase::Writing
    }
}

pub(super) fn read<F: DiskFile>(file: &F) -> io::Result<Bytes> {
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes.into())
}

/// Reads all commits; the error is where the damage is.
pub(super) fn load(file: &Bytes) -> Result<Loaded, u64> {
    let mut records = Records::default();
    let mut last = None;
    let mut at = 0;
    let mut checkpoint_before = BlockSequence::START;
    while at < file.len() {
        // The next commit needs a number as well.
        let frame = frame::find(&file[at..], last).filter(|frame| frame.sequence < u64::MAX);
        let Some(frame) = frame else {
            let last = last.ok_or_else(|| place(at))?;
            if frame::is_followed(&file[at..], last) {
                return Err(place(at));
            }
            break;
        };
        checkpoint_before = records.checkpoint;
        for record in Record::decode_all(frame.body, file).ok_or_else(|| place(at))? {
            records.apply(record);
        }
        last = Some(frame.sequence);
        at += frame.bytes_of_all;
    }
    // A new file has its first commit before it has its name.
    let sequence = last.ok_or(0_u64)?;
    let state = records.state().ok_or(0_u64)?;
    Ok(Loaded {
        records,
        state,
        sequence,
        end: place(at),
        checkpoint_before,
    })
}

fn place(at: usize) -> u64 {
    u64::try_from(at).expect("a length fits 64 bits")
}
