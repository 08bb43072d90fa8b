//! Where a log begins, for a replica that is behind that: it cannot get what came before any more.

use std::io;

use bytes::Bytes;
use thalweg_model::Offset;

use super::{Doomed, LogState, OpenError, PartitionLog, ProducerBase};
use crate::disk::{Disk, DiskFile};
use crate::epochs::LeaderEpochs;
use crate::index::EntryFile;
use crate::producers::ProducerStates;
use crate::segment::{FileKind, Snapshot};

impl LogState {
    /// Whether it is that of a log without entries.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        let (start, end) = (self.log_start, self.next_offset);
        let is_empty = self.segments.is_empty() && self.tail.is_empty() && self.internal.is_empty();
        let producers = &self.producers;
        let known = producers.inline.as_ref().is_some_and(|bytes| {
            producers.at == start
                && (bytes.is_empty() || ProducerStates::from_snapshot(bytes).is_ok())
        });
        is_empty && known && start == end && self.before == self.last && self.doomed.is_empty()
    }
}

impl<D: Disk> PartitionLog<D> {
    /// The state of a log that has nothing yet and goes on with the first entry that is left here:
    /// its place, the leader epochs up to it, and the producers as of it.
    ///
    /// # Errors
    /// The producers' snapshot cannot be read.
    pub fn beginning(&self) -> io::Result<LogState> {
        let at = self.segments.first().map_or(self.next_offset, |s| s.base);
        let starts = self.epochs.starts().iter().copied();
        Ok(LogState {
            log_start: at,
            next_offset: at,
            before: self.before,
            last: self.before,
            epochs: starts.filter(|epoch| epoch.start <= at).collect(),
            producers: ProducerBase {
                at,
                inline: Some(self.producers_at_beginning()?),
            },
            ..LogState::default()
        })
    }

    fn producers_at_beginning(&self) -> io::Result<Bytes> {
        let Some(first) = self.segments.first() else {
            return Ok(snapshot_of(&self.producers));
        };
        match first.snapshot {
            Snapshot::File => self.read_snapshot(first.base),
            // What is not known is taken for nothing, as when the log is opened.
            Snapshot::Empty | Snapshot::Unknown => Ok(Bytes::new()),
        }
    }

    pub(super) fn read_snapshot(&self, at: Offset) -> io::Result<Bytes> {
        let file = self.home.file(at, FileKind::Snapshot)?;
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, 0)?;
        self.home.forget(at, FileKind::Snapshot);
        Ok(bytes.into())
    }

    /// Gives up everything: the log is as [`Self::beginning`] of another replica says, and goes on
    /// with what a leader sends from there. The files go after the next checkpoint, which does not
    /// name them; until then the journal has to have the change, on stable storage, before this is
    /// called.
    ///
    /// # Errors
    /// The state is not that of a beginning.
    pub fn begin_at(&mut self, beginning: &LogState) -> Result<(), OpenError> {
        let base = beginning.producers.clone();
        let producers = match &base.inline {
            Some(bytes) if !bytes.is_empty() => ProducerStates::from_snapshot(bytes)?,
            Some(_) | None => ProducerStates::default(),
        };
        self.behind.clear();
        for segment in std::mem::take(&mut self.segments) {
            self.doomed.push(Doomed::Segment(segment.base));
        }
        self.unplaced = EntryFile::default();
        self.before = beginning.before;
        self.last = beginning.before;
        self.log_start = beginning.log_start;
        self.next_offset = beginning.log_start;
        self.internal.clear();
        self.epochs = LeaderEpochs::restore(&beginning.epochs);
        self.epochs.cut_start(self.log_start);
        self.producers = producers;
        self.producers_follow = true;
        self.rebase_producers(base);
        self.changed = true;
        Ok(())
    }
}

fn snapshot_of(producers: &ProducerStates) -> Bytes {
    if producers.is_empty() {
        return Bytes::new();
    }
    producers.to_snapshot().into()
}
