//! A log that comes from another replica, file by file, to a directory of its own.
//!
//! Nothing of it counts before the journal says so; until then the directory is in a place where no log
//! is looked for, and what is left there by a process that stopped is removed by the next.

mod arrival;
mod check;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thalweg_model::{Offset, Uuid};

pub use arrival::{Arrival, Arrived, IncomingError};

use crate::disk::Disk;
use crate::partition::{Doomed, LogState};
use crate::segment::{FileKind, SegmentState};

/// The batches come last: with their last bytes a segment can be looked at as a whole.
const ORDER: [FileKind; 6] = [
    FileKind::Entries,
    FileKind::Offsets,
    FileKind::Times,
    FileKind::Aborted,
    FileKind::Snapshot,
    FileKind::Log,
];

/// A place in a file of another replica's segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePlace {
    /// The segment, as that replica has it.
    pub segment: SegmentState,
    /// Which of its files.
    pub kind: FileKind,
    /// Byte in the file.
    pub position: u64,
}

/// What is here of a log that comes from another replica, and what is still to come.
#[derive(Debug)]
pub struct Incoming<D: Disk> {
    disk: D,
    dir: PathBuf,
    topic: Uuid,
    /// The log as it is to be.
    state: LogState,
    /// Segments that are here and were looked at.
    whole: BTreeMap<Offset, SegmentState>,
    /// What comes next of the first one that is not.
    next: Option<FilePlace>,
    /// It is being written.
    is_writing: bool,
    /// Where files were put that the log is not to have.
    stray: Vec<Offset>,
}

impl<D: Disk> Incoming<D> {
    /// Nothing yet of the log of `topic` that `state`, which is portable, describes; touches nothing.
    #[must_use]
    pub fn new(disk: D, dir: PathBuf, topic: Uuid, state: LogState) -> Self {
        let mut incoming = Self {
            disk,
            dir,
            topic,
            state,
            whole: BTreeMap::new(),
            next: None,
            is_writing: false,
            stray: Vec::new(),
        };
        incoming.look_for_next();
        incoming
    }

    /// Where it is put.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The other replica's log went on, or another replica sends its own: what is here and in that as well
    /// need not come again.
    pub fn go_on_with(&mut self, state: LogState) {
        self.stray.extend(self.whole.keys());
        self.stray.extend(self.next.map(|place| place.segment.base));
        self.state = state;
        let wanted = &self.state.segments;
        self.whole.retain(|_, whole| wanted.contains(whole));
        if !self.is_writing {
            self.look_for_next();
        }
    }

    /// What is to be asked for now; none if something is being written, or nothing is missing.
    #[must_use]
    pub fn wanted(&self) -> Option<FilePlace> {
        self.next.filter(|_| !self.is_writing)
    }

    /// Whether a part of it is being written.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Whether all of it is here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.next.is_none() && !self.is_writing
    }

    /// Takes bytes of a file that has `total`, to be written by an I/O thread. None if they are not what is
    /// wanted now: they came before, or too late.
    pub fn take(&mut self, place: &FilePlace, total: u64, bytes: Bytes) -> Option<Arrival<D>> {
        let wanted = self.wanted()?;
        let expected = wanted.segment.file_bytes(wanted.kind).unwrap_or(total);
        let length = u64::try_from(bytes.len()).ok()?;
        let end = wanted.position.checked_add(length)?;
        if wanted != *place || total != expected || length == 0 || end > total {
            return None;
        }
        let after = FilePlace {
            position: end,
            ..wanted
        };
        let next = if end < total {
            Some(after)
        } else {
            next_file(&wanted)
        };
        self.is_writing = true;
        Some(Arrival {
            disk: self.disk.clone(),
            dir: self.dir.clone(),
            topic: self.topic,
            place: wanted,
            bytes,
            next,
        })
    }

    /// What was taken was written.
    ///
    /// # Errors
    /// It was not, or the segment is not what it was said to be.
    pub fn arrived(&mut self, arrived: Arrived) -> Result<(), IncomingError> {
        self.is_writing = false;
        arrived.result?;
        if arrived.next.is_none() {
            let segment = arrived.place.segment;
            self.whole.insert(segment.base, segment);
        }
        self.next = arrived.next;
        self.look_for_next();
        Ok(())
    }

    /// The state to begin with: files that the log is not to have go with its first checkpoint.
    #[must_use]
    pub fn state(&self) -> LogState {
        let wanted = |base: &Offset| self.state.segments.iter().any(|s| s.base == *base);
        let mut stray: Vec<_> = self.stray.iter().filter(|base| !wanted(base)).collect();
        stray.sort_unstable();
        stray.dedup();
        LogState {
            doomed: stray.into_iter().copied().map(Doomed::Segment).collect(),
            ..self.state.clone()
        }
    }

    /// Goes on where it was, if that is still wanted, else with the first segment that is not here.
    fn look_for_next(&mut self) {
        let missing = |segment: &&SegmentState| self.whole.get(&segment.base) != Some(*segment);
        let first = self.state.segments.iter().find(missing);
        let is_wanted = |place: &FilePlace| first == Some(&place.segment);
        let here = self.next.filter(is_wanted);
        self.next = here.or_else(|| first.map(first_file));
    }
}

/// Moves a whole log to where it is looked for, unless that was done before.
///
/// # Errors
/// As the operating system says.
pub fn move_in<D: Disk>(disk: &D, from: &Path, to: &Path) -> io::Result<()> {
    match disk.rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

fn first_file(segment: &SegmentState) -> FilePlace {
    place_from(segment, &ORDER).expect("a segment has entries")
}

/// The file after this one, if the segment has more.
fn next_file(place: &FilePlace) -> Option<FilePlace> {
    let at = ORDER.iter().position(|kind| *kind == place.kind)?;
    place_from(&place.segment, &ORDER[at + 1..])
}

/// The first of these files that has anything in it.
fn place_from(segment: &SegmentState, kinds: &[FileKind]) -> Option<FilePlace> {
    let kind = kinds
        .iter()
        .find(|kind| segment.file_bytes(**kind) != Some(0));
    kind.map(|&kind| FilePlace {
        segment: *segment,
        kind,
        position: 0,
    })
}
