//! Creating a log, and opening it from what the manifest remembers.

use std::collections::BTreeMap;

use bytes::Bytes;
use thalweg_model::batch::{HEADER_BYTES, StoredBatch};
use thalweg_model::defect::{self, Defect};

use super::behind::WriteBehind;
use super::log::Names;
use super::{LogState, OpenError, PartitionLog};
use crate::config::LogConfig;
use crate::disk::{Disk, DiskFile};
use crate::epochs::LeaderEpochs;
use crate::home::LogHome;
use crate::index::EntryFile;
use crate::producers::ProducerStates;
use crate::segment::{FileKind, Segment};

impl<D: Disk> PartitionLog<D> {
    /// An empty log. Touches no disk: the directory is made by the first append.
    #[must_use]
    pub fn create(home: LogHome<D>, config: LogConfig) -> Self {
        Self::restore(home, config, &LogState::default())
    }

    /// The log as of a checkpoint. Reads nothing. The caller then brings back what the journal has
    /// after the checkpoint with [`Self::recover_append`] and [`Self::recover_truncate`], in the
    /// journal's order, and ends with [`Self::finish_recovery`], in any case.
    ///
    #[must_use]
    pub fn open(home: LogHome<D>, config: LogConfig, state: &LogState) -> Self {
        let mut log = Self::restore(home, config, state);
        log.recovering = true;
        log.producers_follow = false;
        if !state.segments.is_empty() {
            log.names = Names::Synced;
        }
        // Files that were given up go with the next checkpoint: this state may not be durable yet.
        log.changed = !log.doomed.is_empty();
        log
    }

    /// The log that begins with `state`, which came from another replica, in a directory of its own.
    /// Otherwise as [`Self::open`].
    #[must_use]
    pub fn begin(home: LogHome<D>, config: LogConfig, state: &LogState) -> Self {
        let mut log = Self::open(home, config, state);
        if !state.segments.is_empty() {
            log.names = Names::NewDirectory;
        }
        log.changed = true;
        log
    }

    fn restore(home: LogHome<D>, config: LogConfig, state: &LogState) -> Self {
        let mut segments: Vec<_> = state.segments.iter().map(Segment::restore).collect();
        let mut unplaced = EntryFile::default();
        let newest = match segments.last_mut() {
            Some(active) => &mut active.entries,
            None => &mut unplaced,
        };
        for &record in &state.tail {
            newest.push(record);
        }
        Self {
            home,
            config,
            log_start: if defect::is_on(Defect::LogStartMovedBack) {
                let first = state.segments.first();
                first.map_or(state.log_start, |first| first.base)
            } else {
                state.log_start
            },
            next_offset: state.next_offset,
            before: state.before,
            last: state.last,
            segments,
            behind: WriteBehind::default(),
            unplaced,
            internal: state.internal.iter().cloned().collect::<BTreeMap<_, _>>(),
            epochs: LeaderEpochs::restore(&state.epochs),
            producers: ProducerStates::default(),
            producer_base: state.producers.clone(),
            doomed: state.doomed.clone(),
            unsynced_snapshots: Vec::new(),
            names: Names::NoDirectory,
            names_of_checkpoint: Names::Synced,
            names_of_blocks: Names::Synced,
            changed: false,
            recovering: false,
            producers_follow: true,
        }
    }

    /// Reads one whole batch and checks it.
    pub(super) fn read_batch(
        &self,
        segment: &Segment,
        position: u64,
        length: usize,
    ) -> Result<StoredBatch, OpenError> {
        debug_assert!(length >= HEADER_BYTES, "a batch has a header");
        let mut bytes = vec![0; length];
        let file = self.home.file(segment.base, FileKind::Log)?;
        file.read_exact_at(&mut bytes, position)?;
        Ok(StoredBatch::split_first(&mut Bytes::from(bytes))?)
    }
}
