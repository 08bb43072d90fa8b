//! Creating a log, and opening it from what the manifest remembers.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use thalweg_model::Offset;
use thalweg_model::batch::{HEADER_BYTES, StoredBatch};

use super::log::Names;
use super::{LogState, OpenError, PartitionLog, ProducerBase};
use crate::config::LogConfig;
use crate::disk::{Disk, DiskFile};
use crate::epochs::LeaderEpochs;
use crate::home::LogHome;
use crate::index::EntryFile;
use crate::producers::{Marker, ProducerStates};
use crate::segment::{FileKind, Scanned, Segment};

impl<D: Disk> PartitionLog<D> {
    /// An empty log. Touches no disk: the directory is made by the first append.
    #[must_use]
    pub fn create(home: LogHome<D>, config: LogConfig) -> Self {
        let state = LogState {
            producers: ProducerBase {
                at: Offset::ZERO,
                inline: Some(Bytes::new()),
            },
            ..LogState::default()
        };
        Self::restore(home, config, &state)
    }

    /// The log as of a checkpoint. Reads the producers' snapshot, if there is one, and no records
    /// but headers behind it; the caller then brings back what the journal has after the
    /// checkpoint with [`Self::recover_append`], [`Self::append_internal`] and
    /// [`Self::truncate_to`], in the journal's order.
    ///
    /// # Errors
    /// The snapshot or the headers cannot be read.
    pub fn open(home: LogHome<D>, config: LogConfig, state: &LogState) -> Result<Self, OpenError> {
        let mut log = Self::restore(home, config, state);
        if !state.segments.is_empty() {
            log.names = Names::Synced;
        }
        log.producers = log.load_producers(&state.producers, state.next_offset)?;
        for doomed in std::mem::take(&mut log.doomed) {
            log.remove_now(doomed)?;
        }
        Ok(log)
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
            log_start: state.log_start,
            next_offset: state.next_offset,
            before: state.before,
            last: state.last,
            segments,
            unplaced,
            internal: state.internal.iter().cloned().collect::<BTreeMap<_, _>>(),
            epochs: LeaderEpochs::restore(&state.epochs),
            producers: ProducerStates::default(),
            producer_base: state.producers.clone(),
            doomed: state.doomed.clone(),
            unsynced_snapshots: Vec::new(),
            names: Names::NoDirectory,
            changed: false,
        }
    }

    /// The producers as of `end`: the snapshot and the batches after it.
    pub(super) fn load_producers(
        &self,
        base: &ProducerBase,
        end: Offset,
    ) -> Result<ProducerStates, OpenError> {
        let mut states = match &base.inline {
            Some(bytes) if bytes.is_empty() => ProducerStates::default(),
            Some(bytes) => ProducerStates::from_snapshot(bytes)?,
            None => {
                let file = self.home.file(base.at, FileKind::Snapshot)?;
                let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, 0)?;
                self.home.forget(base.at, FileKind::Snapshot);
                ProducerStates::from_snapshot(&bytes)?
            }
        };
        self.replay_producers(&mut states, base.at, end)?;
        Ok(states)
    }

    fn replay_producers(
        &self,
        states: &mut ProducerStates,
        from: Offset,
        end: Offset,
    ) -> Result<(), OpenError> {
        if from >= end {
            return Ok(());
        }
        let first = self.segment_of(from).unwrap_or(self.segments.len());
        for segment in &self.segments[first..] {
            let start = segment.find(&self.home, from)?;
            let mut scan = segment.scan(&self.home, start.position)?;
            while let Some(scanned) = scan.next()? {
                let header = scanned.header;
                if header.first_offset() >= end {
                    return Ok(());
                }
                let marker = if header.attributes.is_control() {
                    self.read_marker(segment, &scanned)?
                } else {
                    None
                };
                states.append(&header, marker);
            }
        }
        Ok(())
    }

    fn read_marker(
        &self,
        segment: &Segment,
        scanned: &Scanned,
    ) -> Result<Option<Marker>, OpenError> {
        let batch = self.read_batch(segment, scanned.position, scanned.header.batch_bytes)?;
        Ok(Marker::of(&batch)?)
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
