//! What is derived from the batches, after the log was cut or brought back: producers' states from
//! the newest base that is left and the batches after it, and the segments' youngest records.

use std::io;

use thalweg_model::Offset;
use thalweg_model::defect::{self, Defect};

use super::{OpenError, PartitionLog, ProducerBase};
use crate::disk::Disk;
use crate::producers::{CompletedTxn, Marker, ProducerStates};
use crate::segment::{FileKind, Scanned, Segment, Snapshot};

impl<D: Disk> PartitionLog<D> {
    /// Ends what began with [`Self::open`]: the log can be appended to.
    ///
    /// # Errors
    /// The producers' snapshot or the headers after it cannot be read.
    ///
    /// # Panics
    /// If it was done already.
    pub fn finish_recovery(&mut self) -> Result<(), OpenError> {
        assert!(
            self.recovering,
            "a log is recovered once after it was opened"
        );
        if self.producers_follow {
            self.find_youngest()?;
        } else {
            self.derive_again()?;
            self.producers_follow = true;
        }
        if defect::is_on(Defect::ProducersLostOnRestart) {
            self.producers = ProducerStates::default();
        }
        self.recovering = false;
        Ok(())
    }

    /// Takes the producers' base, if it is of the log's end, so that entries that come back are noted as
    /// they come and their headers need not be read a second time.
    pub(super) fn follow_producers(&mut self) {
        if self.producers_follow || self.producer_base.at != self.next_offset {
            return;
        }
        // One that cannot be read may be cut off by what comes; if not, the end of recovery tells.
        if let Ok(producers) = self.read_base(&self.producer_base) {
            self.producers = producers;
            self.producers_follow = true;
        }
    }

    pub(super) fn derive_again(&mut self) -> Result<(), OpenError> {
        self.find_youngest()?;
        self.reload_producers()
    }

    fn find_youngest(&mut self) -> io::Result<()> {
        let mut segments = self.segments.iter_mut();
        segments.try_for_each(|segment| segment.find_youngest(&self.home))
    }

    /// The newest base from before the log was cut to `end`, where the segments `gone` went.
    pub(super) fn choose_base(&mut self, end: Offset, base_is_gone: bool) {
        if self.producer_base.at <= end && !base_is_gone {
            return;
        }
        let known = |segment: &&Segment| segment.snapshot != Snapshot::Unknown;
        let mut before_end = self.segments.iter().rev().filter(|s| s.base <= end);
        let segment = before_end.find(known).or_else(|| self.segments.first());
        let base = match segment {
            Some(segment) => ProducerBase {
                at: segment.base,
                inline: (segment.snapshot != Snapshot::File).then(bytes::Bytes::new),
            },
            None => ProducerBase {
                at: end,
                inline: Some(bytes::Bytes::new()),
            },
        };
        self.rebase_producers(base);
    }

    /// Reads the base and walks the headers after it.
    fn reload_producers(&mut self) -> Result<(), OpenError> {
        let base = self.producer_base.clone();
        self.producers = self.read_base(&base)?;
        let first = self.segment_of(base.at).unwrap_or(self.segments.len());
        for at in first..self.segments.len() {
            self.fill_snapshot(at, base.at)?;
            let start = self.segments[at].find(&self.home, base.at)?;
            let mut scan = self.segments[at].scan(&self.home, start.position)?;
            while let Some(scanned) = scan.next()? {
                let header = scanned.header;
                let marker = if header.attributes.is_control() {
                    self.read_marker(&self.segments[at], &scanned)?
                } else {
                    None
                };
                if let Some(completed) = self.producers.append(&header, marker) {
                    self.note_aborted(at, &completed)?;
                }
            }
        }
        Ok(())
    }

    fn read_base(&self, base: &ProducerBase) -> Result<ProducerStates, OpenError> {
        let states = match &base.inline {
            Some(bytes) if bytes.is_empty() => ProducerStates::default(),
            Some(bytes) => ProducerStates::from_snapshot(bytes)?,
            None => ProducerStates::from_snapshot(&self.read_snapshot(base.at)?)?,
        };
        Ok(states)
    }

    /// Writes the snapshot of a segment that was found again, now that the producers are known.
    fn fill_snapshot(&mut self, at: usize, base: Offset) -> io::Result<()> {
        let segment = &self.segments[at];
        if segment.snapshot == Snapshot::Unknown && segment.base >= base {
            let offset = segment.base;
            self.segments[at].snapshot = self.snapshot_at(offset)?;
        }
        Ok(())
    }

    /// Notes an aborted transaction, if the index does not have it.
    fn note_aborted(&mut self, at: usize, completed: &CompletedTxn) -> io::Result<()> {
        let Some(aborted) = completed.aborted() else {
            return Ok(());
        };
        let segment = &self.segments[at];
        let index = || self.home.file(segment.base, FileKind::Aborted);
        let before = segment
            .aborted
            .partition_point(&index, |known| known.last < aborted.last)?;
        if before == segment.aborted.count() {
            self.segments[at].aborted.push(aborted);
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
}
