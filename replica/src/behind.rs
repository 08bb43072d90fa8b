//! What is in the journal and not yet in the segments: bounded over all partitions.

use std::collections::{BTreeSet, VecDeque};
use std::io;

use thalweg_log::GroupId;
use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::Disk;
use thalweg_log::partition::{Stretch, StretchWritten};
use thalweg_model::Offset;

use crate::limits::{
    STRETCH_BUFFER_BYTES, STRETCH_BYTES_MIN, SWEEPS_MAX, WRITE_BEHIND_BYTES_MAX,
    WRITE_BEHIND_LATE_BYTES_MAX,
};
use crate::partition::Replica;
use crate::{Effect, Shard};

/// Entries whose bytes may be in memory only, oldest first.
#[derive(Debug, Default)]
pub(crate) struct WriteBehind {
    entries: Entries,
    /// Those that should be written by now.
    late: Entries,
    /// Logs with a stretch to write.
    ripe: BTreeSet<GroupId>,
    /// Whether stretches are on their way.
    under_way: bool,
    /// How often what waits for the next checkpoint was sent on its way.
    sweeps: usize,
    /// What the next ones are written with.
    buffer: Option<AlignedBuf>,
}

#[derive(Debug, Default)]
struct Entries {
    queue: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    group: GroupId,
    /// Offset after its last record.
    end: Offset,
    bytes: usize,
}

impl Entries {
    fn push(&mut self, entry: Entry) {
        self.queue.push_back(entry);
        self.bytes += entry.bytes;
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.queue.pop_front() {
            self.bytes -= oldest.bytes;
        }
    }
}

impl WriteBehind {
    /// Notes an entry that was put behind a log.
    pub(crate) fn note(&mut self, group: GroupId, end: Offset, bytes: usize) {
        self.entries.push(Entry { group, end, bytes });
    }
}

/// Stretches of several segments for an I/O thread.
#[derive(Debug)]
pub struct StretchJob<D: Disk> {
    stretches: Vec<(GroupId, Stretch<D>)>,
    buffer: AlignedBuf,
}

/// What became of them.
#[derive(Debug)]
pub struct StretchesWritten {
    written: Vec<(GroupId, StretchWritten)>,
    buffer: AlignedBuf,
}

impl<D: Disk> StretchJob<D> {
    /// Writes them; nothing is synced.
    #[must_use]
    pub fn perform(self) -> StretchesWritten {
        let Self {
            stretches,
            mut buffer,
        } = self;
        let written = stretches
            .into_iter()
            .map(|(group, stretch)| (group, stretch.perform(&mut buffer)))
            .collect();
        StretchesWritten { written, buffer }
    }
}

impl<D: Disk> Shard<D> {
    /// Has the oldest entries written to their segments: long stretches by an I/O thread, the rest,
    /// and what that thread is late with, at once.
    pub(crate) fn write_oldest(&mut self) -> io::Result<()> {
        while self.behind.entries.bytes > WRITE_BEHIND_BYTES_MAX
            && let Some(&oldest) = self.behind.entries.queue.front()
        {
            if self.is_unwritten(oldest) {
                let log = &mut self.replicas.get_mut(&oldest.group).expect("found").log;
                if log.is_stretch_under_way() || log.waiting_bytes() >= STRETCH_BYTES_MIN {
                    self.behind.ripe.insert(oldest.group);
                    self.behind.late.push(oldest);
                } else {
                    log.write_out()?;
                }
            }
            self.behind.entries.pop();
        }
        while let Some(&oldest) = self.behind.late.queue.front() {
            if self.is_unwritten(oldest) {
                if self.behind.late.bytes <= WRITE_BEHIND_LATE_BYTES_MAX {
                    break;
                }
                self.replicas
                    .get_mut(&oldest.group)
                    .expect("found")
                    .log
                    .write_out()?;
            }
            self.behind.late.pop();
        }
        Ok(())
    }

    fn is_unwritten(&self, entry: Entry) -> bool {
        let replica = self.replicas.get(&entry.group);
        let unwritten = replica.and_then(|replica| replica.log.unwritten_from());
        unwritten.is_some_and(|from| from < entry.end)
    }

    /// Notes that the group's log may have a stretch to write.
    pub(crate) fn look_for_stretch(&mut self, group: GroupId) {
        if let Some(replica) = self.replicas.get(&group)
            && replica.log.wants_stretch()
        {
            self.behind.ripe.insert(group);
        }
    }

    /// Has an I/O thread write what a checkpoint would have to write itself, as long as producers
    /// wait; true when that is done.
    pub(crate) fn is_swept(&mut self) -> bool {
        if self.behind.sweeps < SWEEPS_MAX && !self.behind.under_way {
            self.behind.sweeps += 1;
            let long = |replica: &&Replica<D>| replica.log.waiting_bytes() >= STRETCH_BYTES_MIN;
            let groups = self
                .replicas
                .values()
                .filter(long)
                .map(|replica| replica.id);
            self.behind.ripe.extend(groups);
            self.write_stretches();
        }
        !self.behind.under_way
    }

    /// A checkpoint begins: the next one is swept for anew.
    pub(crate) fn sweep_again(&mut self) {
        self.behind.sweeps = 0;
    }

    /// Sends the stretches that are ready on their way, if none are.
    pub(crate) fn write_stretches(&mut self) {
        if self.behind.under_way || self.behind.ripe.is_empty() || self.failed.is_some() {
            return;
        }
        let mut stretches = Vec::new();
        for group in std::mem::take(&mut self.behind.ripe) {
            if let Some(replica) = self.replicas.get_mut(&group) {
                match replica.log.stretch() {
                    Ok(Some(stretch)) => stretches.push((group, stretch)),
                    Ok(None) => {}
                    Err(error) => self.effects.push(Effect::Notice(format!(
                        "the segment of {} is written later: {error}",
                        replica.dir
                    ))),
                }
            }
        }
        if stretches.is_empty() {
            return;
        }
        self.behind.under_way = true;
        let spare = self.behind.buffer.take();
        let buffer = spare.unwrap_or_else(|| AlignedBuf::with_capacity(STRETCH_BUFFER_BYTES));
        let job = StretchJob { stretches, buffer };
        self.effects.push(Effect::WriteStretches(job));
    }

    /// Stretches came back.
    pub fn stretches_written(&mut self, done: StretchesWritten) {
        let StretchesWritten { written, buffer } = done;
        self.behind.under_way = false;
        self.behind.buffer = Some(buffer);
        for (group, written) in written {
            if let Some(replica) = self.replicas.get_mut(&group) {
                replica.log.stretch_written(written);
                self.look_for_stretch(group);
            }
        }
        // First of all what a checkpoint waits for: there may always be a next stretch.
        self.housekeep();
        self.write_stretches();
    }
}
