//! Cutting the log's end: a new leader has other entries there.

use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Term};

use super::{Doomed, EntryId, OpenError, PartitionLog};
use crate::disk::{Disk, DiskFile};
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
        self.write_out()?;
        let (term, cut) = self.cut_after(index)?;
        // A segment that begins with the next entry stays, empty: it is what the log was like when
        // the entry before was the last one, and a checkpoint may be from then.
        let kept = self
            .segments
            .partition_point(|segment| segment.first_index <= index.next());
        let mut base_is_gone = false;
        for segment in self.segments.split_off(kept) {
            base_is_gone |= segment.base == self.producer_base.at;
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
        self.choose_base(self.next_offset, base_is_gone);
        if self.recovering {
            self.producers_follow = false;
        } else if !defect::is_on(Defect::ProducersStaleAfterTruncation) {
            self.derive_again()?;
        }
        Ok(())
    }

    /// Where the log ends after entry `index`, in the segment that would take the next one, and
    /// that entry's term.
    fn cut_after(&self, index: LogIndex) -> Result<(Term, Cut), OpenError> {
        let record = self.entry_at(index)?.map(|meta| meta.record);
        let term = record.map_or(self.before.term, |record| record.term);
        let mut cut = Cut {
            index,
            position: record.map_or(0, |record| record.end()),
            next_offset: record.map_or(self.log_start, |record| record.next_offset()),
        };
        let next = self.segment_of_entry(index.next());
        if let Some(next) = next.map(|at| &self.segments[at])
            && next.first_index == index.next()
        {
            cut.position = 0;
            cut.next_offset = next.base;
        }
        Ok((term, cut))
    }
}

/// Entries after `before` up to and including `index`.
fn count_of(before: LogIndex, index: LogIndex) -> u32 {
    u32::try_from(index.0 - before.0).expect("few entries precede the first segment")
}
