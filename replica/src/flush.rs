//! Group commit: whenever the journal has room for a block, everything pending goes into it.

use std::collections::BTreeMap;

use bytes::Bytes;
use thalweg_consensus::{Entry, EntryKind, HardState, Message, ReadyNumber, Work};
use thalweg_log::disk::Disk;
use thalweg_log::journal::{
    BlockBuilder, BlockSequence, EntryKind as JournalKind, JournalEntry, Payload,
};
use thalweg_log::partition::{AppendError as LogAppendError, Appended as LogAppended, LogEntry};
use thalweg_log::{GroupId, PartitionLog};
use thalweg_model::batch::{BatchHeader, StoredBatch};
use thalweg_model::{LogIndex, Now, Offset, Term};

use crate::block_job::{BlockJob, BlockWritten, SegmentSync};
use crate::limits::{
    BLOCKS_IN_FLIGHT_MAX, COALESCE_BELOW_BYTES, COALESCED_ENTRY_BYTES_MAX, INLINE_ENTRY_BYTES_MAX,
    SECOND_BLOCK_BYTES_MIN,
};
use crate::partition::{EntryEnd, Leader, Replica, Role, Unwritten};
use crate::{AppendError, Effect, Shard};

/// A block on its way to the disk, and what its arrival means.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) sequence: BlockSequence,
    pub(crate) arrivals: Vec<Arrival>,
}

#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) group: GroupId,
    pub(crate) ready: ReadyNumber,
    pub(crate) messages: Vec<Message>,
    pub(crate) log_end: Offset,
}

/// What goes with a block besides its entries.
struct Cargo<D: Disk> {
    arrivals: Vec<Arrival>,
    syncs: Vec<SegmentSync<D>>,
}

/// Whether all of a replica's work found room in the block.
#[derive(PartialEq, Eq)]
enum Filled {
    All,
    BlockFull,
}

impl<D: Disk> Shard<D> {
    /// Starts journal blocks as long as something is pending and the disk is not busy enough.
    /// The shell calls it once per turn, after all events of the turn, so that they share a block.
    pub fn flush(&mut self, now: Now) {
        while self.may_begin_block() && !self.queue.is_empty() && self.failed.is_none() {
            let Some(mut block) = self.journal.begin_block() else {
                break;
            };
            let mut cargo = Cargo {
                arrivals: Vec::new(),
                syncs: Vec::new(),
            };
            while let Some(&group) = self.queue.front() {
                if self.fill(group, &mut block, &mut cargo, now) == Filled::BlockFull {
                    break;
                }
                self.queue.pop_front();
                if let Some(replica) = self.replicas.get_mut(&group) {
                    replica.queued = false;
                }
            }
            if block.is_empty() {
                break;
            }
            self.newest_is_vouched_for = false;
            self.write(block, cargo);
        }
        self.housekeep();
    }

    fn write(&mut self, block: BlockBuilder, cargo: Cargo<D>) {
        let write = self.journal.seal(block);
        let Cargo { arrivals, syncs } = cargo;
        self.in_flight.push_back(InFlight {
            sequence: write.sequence,
            arrivals,
        });
        let disk = self.disk.clone();
        let job = BlockJob { disk, syncs, write };
        self.effects.push(Effect::WriteBlock(job));
    }

    /// Writes an empty block behind the newest one, if nothing else is under way. A block that no
    /// later one vouches for may be one that a crash tore, so damage in it cannot be told from that;
    /// the shell calls this when nothing was written for a while, so that only what a crash catches
    /// in that while is open to it.
    pub fn vouch(&mut self) {
        let is_quiet = self.is_quiet() && self.failed.is_none();
        if !is_quiet || self.newest_is_vouched_for {
            return;
        }
        if let Some(block) = self.journal.begin_block() {
            self.newest_is_vouched_for = true;
            let cargo = Cargo {
                arrivals: Vec::new(),
                syncs: Vec::new(),
            };
            self.write(block, cargo);
        }
    }

    /// Whether a block may be started beside those under way.
    fn may_begin_block(&self) -> bool {
        match self.in_flight.len() {
            0 => true,
            under_way => {
                under_way < BLOCKS_IN_FLIGHT_MAX && self.pending_bytes >= SECOND_BLOCK_BYTES_MIN
            }
        }
    }

    /// A block write came back. An error is the end: see `Disk` on failed syncs.
    ///
    /// # Panics
    /// If the block is not under way.
    pub fn block_written(&mut self, written: BlockWritten, now: Now) {
        let (sequence, buffer, result) = written;
        if let Err(error) = result {
            self.fail(format!(
                "journal block {sequence:?} was not written: {error}"
            ));
            return;
        }
        self.journal.recycle(buffer);
        let complete = self.journal.completed(sequence);
        while let Some(front) = self.in_flight.front() {
            if complete.is_none_or(|complete| front.sequence > complete) {
                break;
            }
            let block = self.in_flight.pop_front().expect("the front was seen");
            for arrival in block.arrivals {
                self.on_durable(arrival, now);
            }
        }
        self.flush(now);
    }

    fn on_durable(&mut self, arrival: Arrival, now: Now) {
        let group = arrival.group;
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        replica.group.persisted(arrival.ready);
        replica.durable_end = replica.durable_end.max(arrival.log_end);
        let sends = arrival
            .messages
            .into_iter()
            .map(|message| Effect::Send { group, message });
        self.effects.extend(sends);
        self.complete_durable(group);
        self.work(group, now);
    }

    /// Moves a replica's pending batches and its group's work into the block.
    fn fill(
        &mut self,
        group: GroupId,
        block: &mut BlockBuilder,
        cargo: &mut Cargo<D>,
        now: Now,
    ) -> Filled {
        loop {
            let Some(replica) = self.replicas.get_mut(&group) else {
                return Filled::All;
            };
            if replica.write_to(block, cargo) == Filled::BlockFull {
                return Filled::BlockFull;
            }
            if !replica.has_pending() {
                return Filled::All;
            }
            // Not more than the block can take: what is proposed is in the segment already.
            self.propose(group, block, now);
            self.work(group, now);
        }
    }

    /// Writes pending batches to the segment and proposes them.
    fn propose(&mut self, group: GroupId, block: &BlockBuilder, now: Now) {
        if let Err(error) = self.write_oldest() {
            self.refuse_pending(group, &AppendError::Write(error.to_string()));
            return;
        }
        let replica = self.replicas.get_mut(&group).expect("the caller found it");
        let term = replica.group.term();
        let mut index = replica.group.last_index();
        let mut proposals = Vec::new();
        let mut proposed = 0;
        while let Role::Leader(leader) = &mut replica.role {
            let Some((data, batches)) = leader.next_entry() else {
                break;
            };
            if proposed > 0 && !block.fits(proposed + data.len()) {
                break;
            }
            index = index.next();
            let entry = LogEntry {
                index,
                term,
                batches: &batches,
            };
            let appended = append_to_log(&mut replica.log, &mut replica.large, &entry, now);
            if let Err(error) = appended {
                let cause = AppendError::Write(error.to_string());
                self.refuse_pending(group, &cause);
                break;
            }
            proposed += data.len();
            self.pending_bytes -= data.len();
            leader.proposed(batches.len());
            replica.note_end(index, data.len());
            self.behind.note(group, replica.log.log_end(), data.len());
            for batch in &batches {
                replica.tail.push(batch);
                self.tail_order.push_back((group, batch.bytes().len()));
                self.tail_bytes += batch.bytes().len();
            }
            proposals.push(data);
        }
        if let Some(replica) = self.replicas.get_mut(&group) {
            replica
                .group
                .propose(proposals.into_iter())
                .expect("a leader that was not stepped takes proposals");
        }
        self.evict_tail();
    }

    /// Collects what the group wants done.
    pub(crate) fn work(&mut self, group: GroupId, now: Now) {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        let work = replica.group.work();
        let Work {
            ready,
            hard_state,
            append,
            messages,
            messages_after_persist,
            committed,
            ..
        } = work;
        if let Some(state) = hard_state {
            replica.unwritten.push_back(Unwritten::HardState(state));
        }
        let mut failed = None;
        for entry in append {
            if let Err(error) = replica.take_entry(entry, now) {
                failed = Some(error);
                break;
            }
        }
        if let Some(ready) = ready {
            replica
                .unwritten
                .push_back(Unwritten::Ready(ready, messages_after_persist));
        }
        let sends = messages
            .into_iter()
            .map(|message| Effect::Send { group, message });
        self.effects.extend(sends);
        if let Some(error) = failed {
            self.fail(format!(
                "an entry of group {group} was not written: {error}"
            ));
            return;
        }
        self.on_role(group);
        if let Some(index) = committed {
            self.on_committed(group, index);
        }
        let pending = |replica: &Replica<D>| !replica.unwritten.is_empty() || replica.has_pending();
        if self.replicas.get(&group).is_some_and(pending) {
            self.queue(group);
        }
    }
}

/// The journal's form of a hard state.
pub(crate) fn durable_form(state: &HardState) -> thalweg_log::journal::HardState {
    thalweg_log::journal::HardState {
        term: state.term,
        vote: state.vote,
        commit: state.commit,
    }
}

/// Appends, and notes what makes the entry durable if it is too large for the journal.
fn append_to_log<D: Disk>(
    log: &mut PartitionLog<D>,
    large: &mut BTreeMap<LogIndex, SegmentSync<D>>,
    entry: &LogEntry<'_>,
    now: Now,
) -> Result<LogAppended, LogAppendError> {
    let appended = log.append(entry, now)?;
    if let Ok(bytes) = u32::try_from(appended.bytes)
        && appended.bytes > INLINE_ENTRY_BYTES_MAX
    {
        let (file, dirs) = log.sync_of_last_append()?;
        let crc = appended.checksum;
        large.insert(
            entry.index,
            SegmentSync {
                bytes,
                crc,
                file,
                dirs,
            },
        );
    }
    Ok(appended)
}

/// Puts an entry into the block, if there is room.
fn push_entry<D: Disk>(
    block: &mut BlockBuilder,
    group: GroupId,
    (entry, base_offset): (&Entry, Option<Offset>),
    large: Option<&SegmentSync<D>>,
) -> bool {
    let pieces = [entry.data.clone()];
    let payload = match large {
        Some(sync) => Payload::InSegment {
            bytes: sync.bytes,
            crc: sync.crc,
        },
        None => Payload::Inline(&pieces),
    };
    let fits = block.fits(payload.inline_bytes());
    if fits {
        block.push(&JournalEntry {
            group,
            index: entry.index,
            term: entry.term,
            kind: JournalKind::Append { base_offset },
            payload,
        });
    }
    fits
}

/// Offset of the first record of an entry's batches.
fn first_offset(data: &[u8]) -> Option<Offset> {
    BatchHeader::decode(data).map(|header| header.first_offset())
}

impl<D: Disk> Replica<D> {
    fn is_leading(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    fn has_pending(&self) -> bool {
        match &self.role {
            Role::Leader(leader) => !leader.pending.is_empty(),
            Role::Follower | Role::Candidate => false,
        }
    }

    /// Notes an entry that the group handed out; a leader's data is in the segment already.
    fn take_entry(&mut self, entry: Entry, now: Now) -> Result<(), String> {
        let base = match entry.kind {
            EntryKind::Data if self.is_leading() => first_offset(&entry.data),
            EntryKind::Data => Some(self.follow(&entry, now)?),
            EntryKind::Leader | EntryKind::Membership => {
                self.cut_conflict(entry.index)?;
                self.log
                    .append_internal(entry.index, entry.term, entry.data.clone());
                self.note_end(entry.index, 0);
                None
            }
        };
        self.unwritten.push_back(Unwritten::Entry(entry, base));
        Ok(())
    }

    /// Writes a leader's entry to this follower's segment.
    fn follow(&mut self, entry: &Entry, now: Now) -> Result<Offset, String> {
        self.cut_conflict(entry.index)?;
        let mut rest = entry.data.clone();
        let mut batches = Vec::new();
        while !rest.is_empty() {
            batches.push(StoredBatch::split_first(&mut rest).map_err(|error| error.to_string())?);
        }
        let log_entry = LogEntry {
            index: entry.index,
            term: entry.term,
            batches: &batches,
        };
        let appended = append_to_log(&mut self.log, &mut self.large, &log_entry, now)
            .map_err(|error| error.to_string())?;
        self.note_end(entry.index, entry.data.len());
        Ok(appended.first)
    }

    /// A new leader's entry replaces what this replica has from its index on.
    fn cut_conflict(&mut self, index: LogIndex) -> Result<(), String> {
        if index > self.log.last_entry().index {
            return Ok(());
        }
        assert!(
            index > self.group.committed(),
            "committed entries are never replaced"
        );
        self.tail.clear();
        self.uncommitted.retain(|end| end.index < index);
        self.log
            .truncate_to(LogIndex(index.0 - 1))
            .map_err(|error| error.to_string())
    }

    fn note_end(&mut self, index: LogIndex, bytes: usize) {
        self.uncommitted.push_back(EntryEnd {
            index,
            end: self.log.log_end(),
            bytes,
        });
    }

    /// Puts unwritten things into the block, in order.
    fn write_to(&mut self, block: &mut BlockBuilder, cargo: &mut Cargo<D>) -> Filled {
        let (group, log_end) = (self.id, self.log.log_end());
        while let Some(next) = self.unwritten.front() {
            match next {
                Unwritten::HardState(state) => {
                    if !block.fits(0) {
                        return Filled::BlockFull;
                    }
                    block.push(&JournalEntry::hard_state(group, durable_form(state)));
                }
                Unwritten::Created(spec) => {
                    if !block.fits(spec.len()) {
                        return Filled::BlockFull;
                    }
                    let pieces = [spec.clone()];
                    block.push(&JournalEntry {
                        group,
                        index: LogIndex(0),
                        term: Term(0),
                        kind: JournalKind::Membership,
                        payload: Payload::Inline(&pieces),
                    });
                }
                Unwritten::Entry(entry, base) => {
                    if !push_entry(block, group, (entry, *base), self.large.get(&entry.index)) {
                        return Filled::BlockFull;
                    }
                    cargo.syncs.extend(self.large.remove(&entry.index));
                }
                Unwritten::Ready(ready, _) => {
                    let ready = *ready;
                    let Some(Unwritten::Ready(_, messages)) = self.unwritten.pop_front() else {
                        continue;
                    };
                    cargo.arrivals.push(Arrival {
                        group,
                        ready,
                        messages,
                        log_end,
                    });
                    continue;
                }
            }
            self.unwritten.pop_front();
        }
        Filled::All
    }
}

impl Leader {
    /// The bytes and batches of the next entry, which stay pending until [`Self::proposed`].
    fn next_entry(&self) -> Option<(Bytes, Vec<StoredBatch>)> {
        let first = &self.pending.front()?.batch;
        if first.bytes().len() >= COALESCE_BELOW_BYTES {
            return Some((first.bytes().clone(), vec![first.clone()]));
        }
        let mut bytes = 0;
        let small: Vec<_> = self
            .pending
            .iter()
            .map(|pending| &pending.batch)
            .take_while(|batch| {
                bytes += batch.bytes().len();
                batch.bytes().len() < COALESCE_BELOW_BYTES && bytes <= COALESCED_ENTRY_BYTES_MAX
            })
            .cloned()
            .collect();
        Some(StoredBatch::concat(&small))
    }

    /// The first `batches` pending ones are in the log: their senders wait for commit now.
    fn proposed(&mut self, batches: usize) {
        for pending in self.pending.drain(..batches).collect::<Vec<_>>() {
            if let Some((ticket, acks)) = pending.waiting {
                let header = pending.batch.header();
                self.wait(header.first_offset(), header.next_offset(), ticket, acks);
            }
        }
    }
}
