//! Cutting the log's end: a new leader has other entries there.

use bytes::Bytes;
use thalweg_model::{LogIndex, Offset, Term};

use super::{Doomed, EntryId, OpenError, PartitionLog, ProducerBase};
use crate::disk::{Disk, DiskFile};
use crate::epochs::LeaderEpochs;
use crate::index::EntryFile;
use crate::producers::ProducerStates;
use crate::segment::{Cut, FileKind};

impl<D: Disk> PartitionLog<D> {
    /// Removes every entry after `index`.
    ///
    /// The files are cut at once. So the truncation has to be in the journal, on stable storage,
    /// before: after a crash it is done again from there, and in between nothing may be missing
    /// that this replica told others it has.
    ///
    /// # Errors
    /// The disk failed. The log must be opened again.
    ///
    /// # Panics
    /// If the entry was removed from the front: what is committed is never cut.
    pub fn truncate_to(&mut self, index: LogIndex) -> Result<(), OpenError> {
        assert!(
            index >= self.before.index,
            "entries that were removed from the front are committed"
        );
        if index >= self.last.index {
            return Ok(());
        }
        let (term, cut) = self.cut_after(index)?;
        let kept = self
            .segments
            .partition_point(|segment| segment.first_index <= index);
        for segment in self.segments.split_off(kept) {
            self.remove_now(Doomed::Segment(segment.base))?;
        }
        match self.segments.last_mut() {
            Some(active) => {
                active.cut(&self.home, &cut)?;
                let file = self.home.file_to_write(active.base, FileKind::Log)?;
                file.set_len(active.bytes)?;
            }
            None => self.unplaced.truncate(count_of(self.before.index, index)),
        }
        self.last = EntryId { index, term };
        self.next_offset = cut.next_offset;
        self.internal.retain(|&noted, _| noted <= index);
        self.epochs.cut_end(self.next_offset);
        self.changed = true;
        self.reload_producers()
    }

    /// Empties the log: it goes on after `before`, at `start`, with what a leader sends from there.
    ///
    /// # Errors
    /// The disk failed. The log must be opened again.
    pub fn reset_to(&mut self, before: EntryId, start: Offset) -> Result<(), OpenError> {
        for segment in std::mem::take(&mut self.segments) {
            self.remove_now(Doomed::Segment(segment.base))?;
        }
        self.unplaced = EntryFile::default();
        self.before = before;
        self.last = before;
        self.log_start = start;
        self.next_offset = start;
        self.internal.clear();
        self.epochs = LeaderEpochs::default();
        self.producers = ProducerStates::default();
        self.rebase_producers(ProducerBase {
            at: start,
            inline: Some(Bytes::new()),
        });
        self.changed = true;
        Ok(())
    }

    /// Where the log ends after entry `index`, and that entry's term.
    fn cut_after(&self, index: LogIndex) -> Result<(Term, Cut), OpenError> {
        if let Some(meta) = self.entry_at(index)? {
            let cut = Cut {
                index,
                position: meta.record.end(),
                next_offset: meta.record.next_offset(),
            };
            return Ok((meta.record.term, cut));
        }
        let next_offset = match self.segments.first() {
            Some(first) => first.base,
            None => self.next_offset,
        };
        let cut = Cut {
            index,
            position: 0,
            next_offset,
        };
        Ok((self.before.term, cut))
    }

    /// Takes the newest states of producers that are from before the log's end, and the batches
    /// after them.
    fn reload_producers(&mut self) -> Result<(), OpenError> {
        let end = self.next_offset;
        if self.producer_base.at > end {
            let segment = self.segments.iter().rev().find(|s| s.base <= end);
            let base = match segment {
                Some(segment) if segment.has_snapshot => ProducerBase {
                    at: segment.base,
                    inline: None,
                },
                Some(_) | None => ProducerBase {
                    at: segment.map_or(end, |segment| segment.base),
                    inline: Some(Bytes::new()),
                },
            };
            self.rebase_producers(base);
        }
        self.producers = self.load_producers(&self.producer_base, end)?;
        Ok(())
    }
}

/// Entries after `before` up to and including `index`.
fn count_of(before: LogIndex, index: LogIndex) -> u32 {
    u32::try_from(index.0 - before.0).expect("few entries precede the first segment")
}
