//! Group commit: whenever the journal has room for a block, everything pending goes into it.

use std::collections::BTreeMap;

use thalweg_consensus::{Entry, HardState, Message, ReadRequest, ReadyNumber, Work};
use thalweg_log::disk::Disk;
use thalweg_log::journal::{
    BlockBuilder, BlockSequence, EntryKind as JournalKind, JournalEntry, Payload,
};
use thalweg_log::partition::{AppendError as LogAppendError, Appended as LogAppended, LogEntry};
use thalweg_log::{GroupId, PartitionLog};
use thalweg_model::batch::BatchHeader;
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, Now, Offset, Term};

use crate::block_job::{BlockJob, BlockWritten, SegmentSync};
use crate::limits::{BLOCKS_IN_FLIGHT_MAX, INLINE_ENTRY_BYTES_MAX, SECOND_BLOCK_BYTES_MIN};
use crate::partition::{EntryEnd, Replica, Role, Unwritten};
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
    pub(crate) news: News,
}

/// What is true when a block is durable.
#[derive(Debug)]
pub(crate) enum News {
    /// The group is told, and the messages may go.
    Persisted {
        ready: ReadyNumber,
        messages: Vec<Message>,
        log_end: Offset,
    },
    /// The log's files may be cut.
    CutIsSafe,
    /// The log may be given up for its new beginning.
    BeginIsSafe,
}

/// What goes with a block besides its entries.
pub(crate) struct Cargo<D: Disk> {
    pub(crate) arrivals: Vec<Arrival>,
    syncs: Vec<SegmentSync<D>>,
    /// Ends and sizes of entries that were put into a follower's log.
    pub(crate) followed: Vec<(Offset, usize)>,
    /// What is to be said of it.
    pub(crate) notices: Vec<Effect<D>>,
}

/// Whether all of a replica's work found room in the block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    All,
    BlockFull,
}

impl<D: Disk> Shard<D> {
    /// Starts journal blocks as long as something is pending and the disk is not busy enough.
    /// The shell calls it once per turn, after all events of the turn, so that they share a block; or a
    /// while later, if it expects more that is to share it.
    pub fn flush(&mut self, now: Now) {
        while self.may_begin_block() && !self.queue.is_empty() && self.failed.is_none() {
            let Some(mut block) = self.journal.begin_block() else {
                break;
            };
            let mut cargo = Cargo {
                arrivals: Vec::new(),
                syncs: Vec::new(),
                followed: Vec::new(),
                notices: Vec::new(),
            };
            let mut filled = Filled::All;
            while let Some(&group) = self.queue.front() {
                filled = self.fill(group, &mut block, &mut cargo, now);
                if filled == Filled::BlockFull {
                    break;
                }
                self.queue.pop_front();
                if let Some(replica) = self.replicas.get_mut(&group) {
                    replica.queued = false;
                }
            }
            if block.is_empty() {
                self.nothing_to_write(cargo.arrivals);
                if filled == Filled::BlockFull {
                    break; // There is no room for what comes next, and there will be later.
                }
                continue;
            }
            self.newest_is_vouched_for = false;
            self.write(block, cargo);
        }
        self.write_stretches();
        self.housekeep();
    }

    fn write(&mut self, block: BlockBuilder, cargo: Cargo<D>) {
        let write = self.journal.seal(block);
        let Cargo {
            mut arrivals,
            syncs,
            ..
        } = cargo;
        if defect::is_on(Defect::AckBeforeJournal) {
            for arrival in std::mem::take(&mut arrivals) {
                self.on_durable(arrival);
            }
        }
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
                followed: Vec::new(),
                notices: Vec::new(),
            };
            self.write(block, cargo);
        }
    }

    /// News that needs no block of its own: it is true with the last one under way.
    fn nothing_to_write(&mut self, arrivals: Vec<Arrival>) {
        if let Some(last) = self.in_flight.back_mut() {
            last.arrivals.extend(arrivals);
            return;
        }
        for arrival in arrivals {
            self.on_durable(arrival);
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

    /// A block write came back; [`Self::flush`] starts the next. An error is the end: see `Disk` on failed syncs.
    ///
    /// # Panics
    /// If the block is not under way.
    pub fn block_written(&mut self, written: BlockWritten) {
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
                self.on_durable(arrival);
            }
        }
    }

    fn on_durable(&mut self, arrival: Arrival) {
        let group = arrival.group;
        let Some(replica) = self.replicas.get_mut(&group) else {
            return;
        };
        match arrival.news {
            News::Persisted {
                ready,
                messages,
                log_end,
            } => {
                replica.group.persisted(ready);
                replica.durable_end = replica.durable_end.max(log_end);
                self.send_all(group, messages);
                self.complete_durable(group);
            }
            News::CutIsSafe => replica.cut_is_safe(),
            News::BeginIsSafe => self.begun(group),
        }
        self.work(group);
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
            let room = self.make_room_for(group);
            let Some(replica) = self.replicas.get_mut(&group) else {
                return Filled::All;
            };
            let written = match room {
                Ok(()) => replica.write_to(block, cargo, now),
                Err(full @ LogAppendError::StorageFull(_)) => {
                    replica.wait_for_room(&full, cargo);
                    Ok(Filled::All)
                }
                Err(error) => Err(error.to_string()),
            };
            self.effects.append(&mut cargo.notices);
            if !cargo.followed.is_empty() {
                for (end, bytes) in cargo.followed.drain(..) {
                    self.behind.note(group, end, bytes);
                }
                self.look_for_stretch(group);
            }
            match written {
                Ok(Filled::All) => {}
                Ok(Filled::BlockFull) => return Filled::BlockFull,
                Err(error) => {
                    self.fail(format!(
                        "an entry of group {group} was not written: {error}"
                    ));
                    return Filled::All;
                }
            }
            let Some(replica) = self.replicas.get_mut(&group) else {
                return Filled::All;
            };
            if !replica.has_pending() {
                return Filled::All;
            }
            // Not more than the block can take: what is proposed is in the segment already.
            self.propose(group, block, now);
            self.work(group);
        }
    }

    /// What a leader sends goes into memory at first, of which there is only so much.
    fn make_room_for(&mut self, group: GroupId) -> Result<(), LogAppendError> {
        let replica = self.replicas.get(&group);
        if replica.is_some_and(Replica::follows_next) {
            self.write_oldest()?;
        }
        Ok(())
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
            if std::mem::take(&mut replica.refuses) {
                let notice = format!("the disk takes batches of {} again", replica.dir);
                self.effects.push(Effect::Notice(notice));
            }
            proposed += data.len();
            self.pending_bytes -= data.len();
            leader.proposed(batches.len());
            replica.note_end(index, data.len());
            self.behind.note(group, replica.log.log_end(), data.len());
            for batch in &batches {
                let cost = replica.tail.push(batch);
                self.tail_order.push_back((group, cost));
                self.tail_bytes += cost;
            }
            replica.proposed = (term, index);
            proposals.push(data);
        }
        if let Some(replica) = self.replicas.get_mut(&group) {
            replica
                .group
                .propose(proposals.into_iter())
                .expect("a leader that was not stepped takes proposals");
        }
        self.look_for_stretch(group);
        self.evict_tail();
    }

    /// Collects what the group wants done, until it wants nothing more.
    pub(crate) fn work(&mut self, group: GroupId) {
        loop {
            let reads = self.work_once(group);
            if reads.is_empty() {
                break;
            }
            for read in reads {
                self.read_back(group, read);
            }
        }
        let pending = |replica: &Replica<D>| !replica.unwritten.is_empty() || replica.has_pending();
        if self.replicas.get(&group).is_some_and(pending) {
            self.queue(group);
        }
    }

    fn work_once(&mut self, group: GroupId) -> Vec<ReadRequest> {
        let Some(replica) = self.replicas.get_mut(&group) else {
            return Vec::new();
        };
        let Work {
            ready,
            begin,
            hard_state,
            append,
            messages,
            messages_after_persist,
            committed,
            membership: _,
            reads,
            wants_beginning,
        } = replica.group.work();
        if !append.is_empty() && begin.is_none() {
            self.give_up_copy(group); // It is not behind any more.
        }
        // Before the hard state, which may tell that what comes before the beginning is committed.
        if let Some(snapshot) = begin {
            self.plan_beginning(group, snapshot);
        }
        let Some(replica) = self.replicas.get_mut(&group) else {
            return Vec::new();
        };
        if let Some(state) = hard_state
            && !defect::is_on(Defect::HardStateNotStored)
        {
            replica.unwritten.push_back(Unwritten::HardState(state));
        }
        for entry in append {
            replica.take_entry(entry);
        }
        match ready {
            Some(ready) if defect::is_on(Defect::PromisesBeforePersist) => {
                let unwritten = Unwritten::Ready(ready, Vec::new());
                replica.unwritten.push_back(unwritten);
                self.send_all(group, [messages, messages_after_persist].concat());
            }
            Some(ready) => {
                let unwritten = Unwritten::Ready(ready, messages_after_persist);
                replica.unwritten.push_back(unwritten);
                self.send_all(group, messages);
            }
            // Nothing is on its way to the disk that they would have to wait for.
            None => self.send_all(group, [messages, messages_after_persist].concat()),
        }
        self.on_role(group);
        if let Some(index) = committed {
            self.on_committed(group, index);
        }
        if wants_beginning {
            self.offer_beginning(group);
        }
        reads
    }
}

/// The journal's form of a hard state.
pub(crate) fn durable_form(state: &HardState) -> thalweg_log::journal::HardState {
    thalweg_log::journal::HardState {
        term: state.term,
        vote: state.vote.filter(|_| !defect::is_on(Defect::VoteNotStored)),
        commit: state.commit,
    }
}

/// Appends, and notes what makes the entry durable if it is too large for the journal.
pub(crate) fn append_to_log<D: Disk>(
    log: &mut PartitionLog<D>,
    large: &mut BTreeMap<LogIndex, SegmentSync<D>>,
    entry: &LogEntry<'_>,
    now: Now,
) -> Result<LogAppended, LogAppendError> {
    let lengths = entry.batches.iter().map(|batch| batch.bytes().len());
    let is_large = u32::try_from(lengths.sum::<usize>())
        .ok()
        .filter(|&bytes| u64::from(bytes) > INLINE_ENTRY_BYTES_MAX);
    let Some(bytes) = is_large else {
        return log.append(entry, now);
    };
    let appended = log.append_to_file(entry, now)?;
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
    Ok(appended)
}

/// Puts an entry into the block, if there is room.
fn push_entry<D: Disk>(
    block: &mut BlockBuilder,
    group: GroupId,
    (entry, base_offset): (&Entry, Option<Offset>),
    (large, checksum): (Option<&SegmentSync<D>>, Option<u32>),
) -> bool {
    let pieces = std::slice::from_ref(&entry.data);
    let payload = match (large, checksum) {
        (Some(sync), _) => Payload::InSegment {
            bytes: sync.bytes,
            crc: sync.crc,
        },
        (None, Some(crc)) => Payload::Summed {
            bytes: &entry.data,
            crc,
        },
        (None, None) => Payload::Inline(pieces),
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
pub(crate) fn first_offset(data: &[u8]) -> Option<Offset> {
    BatchHeader::decode(data).map(|header| header.first_offset())
}

impl<D: Disk> Replica<D> {
    fn has_pending(&self) -> bool {
        match &self.role {
            Role::Leader(leader) => !leader.pending.is_empty(),
            Role::Follower | Role::Candidate => false,
        }
    }

    pub(crate) fn note_end(&mut self, index: LogIndex, bytes: usize) {
        self.uncommitted.push_back(EntryEnd {
            index,
            end: self.log.log_end(),
            bytes,
        });
    }

    /// Puts unwritten things into the block, in order.
    fn write_to(
        &mut self,
        block: &mut BlockBuilder,
        cargo: &mut Cargo<D>,
        now: Now,
    ) -> Result<Filled, String> {
        while let Some(next) = self.unwritten.pop_front() {
            let left = self.write_one(next, block, cargo, now)?;
            if let Some((next, filled)) = left {
                self.unwritten.push_front(next);
                return Ok(filled);
            }
        }
        Ok(Filled::All)
    }

    /// Puts one thing into the block; gives it back if that has to wait, and for what.
    fn write_one(
        &mut self,
        next: Unwritten,
        block: &mut BlockBuilder,
        cargo: &mut Cargo<D>,
        now: Now,
    ) -> Result<Option<(Unwritten, Filled)>, String> {
        let group = self.id;
        match next {
            Unwritten::HardState(state) if block.fits(0) => {
                block.push(&JournalEntry::hard_state(group, durable_form(&state)));
            }
            Unwritten::Created(spec) if block.fits(spec.len()) => {
                block.push(&JournalEntry {
                    group,
                    index: LogIndex(0),
                    term: Term(0),
                    kind: JournalKind::Membership,
                    payload: Payload::Inline(&[spec]),
                });
            }
            Unwritten::Follow(entry) => {
                let left = self.try_follow(entry, cargo, now);
                if let Some(entry) = left.map_err(|error| error.to_string())? {
                    return Ok(Some((Unwritten::Follow(entry), Filled::All)));
                }
            }
            Unwritten::Entry(entry, base) => {
                let large = self.large.get(&entry.index);
                let checksum = self.log.checksum_of_newest(entry.index, entry.term);
                if !push_entry(block, group, (&entry, base), (large, checksum)) {
                    return Ok(Some((Unwritten::Entry(entry, base), Filled::BlockFull)));
                }
                cargo.syncs.extend(self.large.remove(&entry.index));
            }
            Unwritten::Cut { last, step } => return self.write_cut((last, step), block, cargo),
            Unwritten::Ready(ready, messages) => {
                let log_end = self.log.log_end();
                let news = News::Persisted {
                    ready,
                    messages,
                    log_end,
                };
                cargo.arrivals.push(Arrival { group, news });
            }
            Unwritten::Begin(beginning) => {
                return Ok(Some(self.write_beginning(beginning, block, cargo)));
            }
            Unwritten::HardState(_) | Unwritten::Created(_) => {
                return Ok(Some((next, Filled::BlockFull)));
            }
        }
        Ok(None)
    }
}
