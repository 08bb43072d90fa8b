//! Following: entries that a leader sent, and cuts where they replace others.

use thalweg_consensus::{Entry, EntryKind};
use thalweg_log::disk::Disk;
use thalweg_log::journal::{BlockBuilder, JournalEntry};
use thalweg_log::partition::{AppendError, LogEntry, OpenError};
use thalweg_model::batch::{StoredBatch, StoredBatchError};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LeaderEpoch, LogIndex, Now, Offset};

use crate::Effect;
use crate::flush::{Arrival, Cargo, Filled, News, append_to_log, first_offset};
use crate::partition::{CutStep, Replica, Unwritten};

/// Why an entry was not put into the log, which is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The disk did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It is no entry.
    #[error(transparent)]
    Batch(#[from] StoredBatchError),
}

impl<D: Disk> Replica<D> {
    /// Whether the log waits for room on the disk, behind its leader's: with that it would not come to lead.
    pub(crate) fn waits_for_room(&self) -> bool {
        let cut = matches!(
            self.unwritten.front(),
            Some(Unwritten::Cut {
                step: CutStep::Safe,
                ..
            })
        );
        self.refuses && (cut || self.follows_next())
    }

    /// Whether it is a leader's entry that is to be written next.
    pub(crate) fn follows_next(&self) -> bool {
        matches!(self.unwritten.front(), Some(Unwritten::Follow(_)))
    }

    /// Notes that the disk has no room for what the leader has.
    pub(crate) fn wait_for_room(&mut self, full: &AppendError, cargo: &mut Cargo<D>) {
        if !std::mem::replace(&mut self.refuses, true) {
            let warning = format!("what the leader of {} has must wait: {full}", self.dir);
            cargo.notices.push(Effect::Warning(warning));
        }
    }

    /// Puts an entry behind the log, and notes that it is to be written; gives it back if the disk is full.
    pub(crate) fn try_follow(
        &mut self,
        entry: Entry,
        cargo: &mut Cargo<D>,
        now: Now,
    ) -> Result<Option<Entry>, FollowError> {
        match self.follow(&entry, cargo, now) {
            Ok(base) => {
                if std::mem::take(&mut self.refuses) {
                    let notice =
                        format!("the disk takes what the leader of {} has again", self.dir);
                    cargo.notices.push(Effect::Notice(notice));
                }
                self.unwritten.push_front(Unwritten::Entry(entry, base));
                Ok(None)
            }
            Err(FollowError::Append(full @ AppendError::StorageFull(_))) => {
                self.wait_for_room(&full, cargo);
                Ok(Some(entry))
            }
            Err(error) => Err(error),
        }
    }

    /// Notes an entry that the group handed out.
    pub(crate) fn take_entry(&mut self, entry: Entry) {
        let (term, last) = self.proposed;
        if entry.kind == EntryKind::Data && entry.term == term && entry.index <= last {
            // This replica's own: in the segment already.
            let base = first_offset(&entry.data);
            self.handed_out = entry.index;
            self.unwritten.push_back(Unwritten::Entry(entry, base));
            return;
        }
        if entry.index <= self.handed_out {
            self.plan_cut(LogIndex(entry.index.0 - 1));
        }
        self.handed_out = entry.index;
        self.unwritten.push_back(Unwritten::Follow(entry));
    }

    /// A new leader's entry replaces what this replica has behind `last`.
    fn plan_cut(&mut self, last: LogIndex) {
        assert!(
            last >= self.group.committed(),
            "committed entries are never replaced"
        );
        // What is cut off may come again, from a later leader.
        self.proposed.1 = self.proposed.1.min(last);
        self.unwritten.push_back(Unwritten::Cut {
            last,
            step: CutStep::Planned,
        });
    }

    /// Puts an entry behind the log; the offset of its first record, if it has any.
    fn follow(
        &mut self,
        entry: &Entry,
        cargo: &mut Cargo<D>,
        now: Now,
    ) -> Result<Option<Offset>, FollowError> {
        if entry.kind != EntryKind::Data {
            if entry.kind == EntryKind::Leader {
                self.log.begin_epoch(LeaderEpoch::from(entry.term));
            }
            self.log
                .append_internal(entry.index, entry.term, entry.data.clone());
            self.note_end(entry.index, 0);
            return Ok(None);
        }
        let mut rest = entry.data.clone();
        let mut batches = Vec::new();
        while !rest.is_empty() {
            batches.push(StoredBatch::split_first(&mut rest)?);
        }
        let log_entry = LogEntry {
            index: entry.index,
            term: entry.term,
            batches: &batches,
        };
        let appended = append_to_log(&mut self.log, &mut self.large, &log_entry, now)?;
        // What was kept from a time as leader ends here: the tail has no gaps.
        if !defect::is_on(Defect::TailKeptAfterCut) {
            self.tail.clear();
        }
        self.note_end(entry.index, entry.data.len());
        cargo.followed.push((self.log.log_end(), entry.data.len()));
        Ok(Some(appended.first))
    }

    /// The journal knows of the cut in front.
    pub(crate) fn cut_is_safe(&mut self) {
        if let Some(Unwritten::Cut { step, .. }) = self.unwritten.front_mut() {
            *step = CutStep::Safe;
        }
    }

    /// Puts a cut into the block, or cuts the files if the journal has it; gives it back if it has to wait.
    pub(crate) fn write_cut(
        &mut self,
        (last, step): (LogIndex, CutStep),
        block: &mut BlockBuilder,
        cargo: &mut Cargo<D>,
    ) -> Result<Option<(Unwritten, Filled)>, String> {
        let (step, filled) = match step {
            CutStep::Planned if block.fits(0) => {
                let term = self.log.term_at(last).map_err(|error| error.to_string())?;
                let term = term.unwrap_or_default();
                block.push(&JournalEntry::truncate(self.id, last, term));
                cargo.arrivals.push(Arrival {
                    group: self.id,
                    news: News::CutIsSafe,
                });
                (CutStep::UnderWay, Filled::All)
            }
            CutStep::Planned => (step, Filled::BlockFull),
            CutStep::UnderWay => (step, Filled::All),
            CutStep::Safe => {
                let cut = self.cut(last, cargo);
                if cut.map_err(|error| format!("the log was not cut: {error}"))? {
                    return Ok(None);
                }
                (step, Filled::All)
            }
        };
        Ok(Some((Unwritten::Cut { last, step }, filled)))
    }

    /// Cuts the files; false if what stays cannot be written to them on a full disk.
    fn cut(&mut self, last: LogIndex, cargo: &mut Cargo<D>) -> Result<bool, OpenError> {
        if let Err(error) = self.log.write_out() {
            return match AppendError::from(error) {
                full @ AppendError::StorageFull(_) => {
                    self.wait_for_room(&full, cargo);
                    Ok(false)
                }
                AppendError::Io(error) => Err(error.into()),
                AppendError::Marker(error) => Err(error.into()),
            };
        }
        if !defect::is_on(Defect::TailKeptAfterCut) {
            self.tail.clear();
        }
        self.uncommitted.retain(|end| end.index <= last);
        self.large.retain(|&index, _| index <= last);
        self.log.truncate_to(last)?;
        self.durable_end = self.durable_end.min(self.log.log_end());
        Ok(true)
    }
}
