//! What is in the journal and not yet in the segments: bounded over all partitions.

use std::collections::VecDeque;
use std::io;

use thalweg_log::GroupId;
use thalweg_log::disk::Disk;
use thalweg_model::Offset;

use crate::Shard;
use crate::limits::WRITE_BEHIND_BYTES_MAX;

/// Entries whose bytes may be in memory only, oldest first.
#[derive(Debug, Default)]
pub(crate) struct WriteBehind {
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    group: GroupId,
    /// Offset after its last record.
    end: Offset,
    bytes: usize,
}

impl WriteBehind {
    /// Notes an entry that was put behind a log.
    pub(crate) fn note(&mut self, group: GroupId, end: Offset, bytes: usize) {
        self.entries.push_back(Entry { group, end, bytes });
        self.bytes += bytes;
    }

    fn pop(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.bytes -= oldest.bytes;
        }
    }
}

impl<D: Disk> Shard<D> {
    /// Writes the oldest entries to their segments, until the rest is within its limit.
    pub(crate) fn write_oldest(&mut self) -> io::Result<()> {
        while self.behind.bytes > WRITE_BEHIND_BYTES_MAX
            && let Some(&oldest) = self.behind.entries.front()
        {
            if let Some(replica) = self.replicas.get_mut(&oldest.group)
                && replica
                    .log
                    .unwritten_from()
                    .is_some_and(|from| from < oldest.end)
            {
                replica.log.write_out()?;
            }
            self.behind.pop();
        }
        Ok(())
    }
}
