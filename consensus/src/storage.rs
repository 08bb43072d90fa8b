//! The log as the `raft` crate sees it: terms by run, a window of recent entries, and a way to ask
//! for older ones without blocking.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use raft::eraftpb;
use raft::{GetEntriesContext, RaftState, Storage, StorageError};
use thalweg_model::{LogIndex, Term};

use crate::{Entry, HardState, Membership, Snapshot};

/// Entries that a lagging follower needs and that are no longer in memory.
#[derive(Debug)]
pub struct ReadRequest {
    /// The first one.
    pub from: LogIndex,
    /// The one after the last.
    pub to: LogIndex,
    pub(crate) context: GetEntriesContext,
}

/// A run of entries of one term.
#[derive(Clone, Copy, Debug)]
struct TermRun {
    first: LogIndex,
    term: Term,
}

#[derive(Debug)]
pub(crate) struct GroupStorage {
    pub(crate) hard_state: HardState,
    pub(crate) membership: Membership,
    /// The entry before the first one that the log still has.
    start: (LogIndex, Term),
    last: LogIndex,
    /// Ascending; the first run begins at or before the first entry.
    runs: VecDeque<TermRun>,
    /// Entries handed over for persisting and not yet known to be applied, without gaps, up to `last`.
    recent: VecDeque<eraftpb::Entry>,
    /// Entries read back on request.
    fetched: Vec<eraftpb::Entry>,
    requests: RefCell<Vec<ReadRequest>>,
    /// Membership entries that were in the log when the group was opened: what they carry matters
    /// when they are committed.
    pub(crate) old_changes: BTreeMap<u64, eraftpb::Entry>,
    /// The log's beginning, for a follower that lacks what came before.
    offered: RefCell<Option<eraftpb::Snapshot>>,
    /// Such a follower waits for it.
    wanted: Cell<bool>,
}

impl GroupStorage {
    pub(crate) fn new(
        hard_state: HardState,
        membership: Membership,
        start: (LogIndex, Term),
        terms: &[(LogIndex, Term)],
        last: LogIndex,
    ) -> Self {
        let runs = terms
            .iter()
            .map(|&(first, term)| TermRun { first, term })
            .collect();
        Self {
            hard_state,
            membership,
            start,
            last,
            runs,
            recent: VecDeque::new(),
            fetched: Vec::new(),
            requests: RefCell::new(Vec::new()),
            old_changes: BTreeMap::new(),
            offered: RefCell::new(None),
            wanted: Cell::new(false),
        }
    }

    /// Takes entries that are on their way to stable storage, replacing what they overwrite.
    pub(crate) fn append(&mut self, entries: &[eraftpb::Entry]) {
        let Some(first) = entries.first().map(|entry| LogIndex(entry.index)) else {
            return;
        };
        assert!(
            first > self.start.0,
            "entries below the log's start are never overwritten"
        );
        assert!(
            first <= self.last.next(),
            "entries follow the log without a gap"
        );
        while self
            .recent
            .back()
            .is_some_and(|entry| entry.index >= first.0)
        {
            self.recent.pop_back();
        }
        while self.runs.back().is_some_and(|run| run.first >= first) {
            self.runs.pop_back();
        }
        self.fetched.clear();
        self.old_changes.retain(|&index, _| index < first.0);
        for entry in entries {
            let term = Term(entry.term);
            if self.runs.back().is_none_or(|run| run.term != term) {
                self.runs.push_back(TermRun {
                    first: LogIndex(entry.index),
                    term,
                });
            }
            self.recent.push_back(entry.clone());
            self.last = LogIndex(entry.index);
        }
    }

    /// Forgets the memory of entries up to `index`: they are applied.
    pub(crate) fn applied(&mut self, index: LogIndex) {
        while self
            .recent
            .front()
            .is_some_and(|entry| entry.index <= index.0)
        {
            self.recent.pop_front();
        }
    }

    /// The log now begins after `start`: retention took what came before.
    pub(crate) fn compacted(&mut self, start: LogIndex) {
        if start <= self.start.0 {
            return;
        }
        let term = self
            .term_of(start)
            .expect("compaction stays inside the log");
        while self.runs.len() > 1 && self.runs[1].first <= start.next() {
            self.runs.pop_front();
        }
        self.start = (start, term);
        self.offered.take();
    }

    /// The log begins earlier than was told at first.
    pub(crate) fn reveal(&mut self, start: (LogIndex, Term), terms: &[(LogIndex, Term)]) {
        if start.0 >= self.start.0 {
            return;
        }
        for &(first, term) in terms.iter().rev() {
            self.runs.push_front(TermRun { first, term });
        }
        self.start = start;
    }

    /// The log is given up for the beginning of another one.
    pub(crate) fn begin_at(&mut self, snapshot: &Snapshot) {
        self.start = (snapshot.index, snapshot.term);
        self.last = snapshot.index;
        self.membership = snapshot.membership.clone();
        self.runs.clear();
        self.recent.clear();
        self.fetched.clear();
        self.old_changes.clear();
        self.offered.take();
    }

    /// Whether a follower lacks what the log does not have any more; asked once.
    pub(crate) fn take_wanted(&self) -> bool {
        self.wanted.take()
    }

    /// The entry before the first one of the log.
    pub(crate) fn start(&self) -> (LogIndex, Term) {
        self.start
    }

    /// Takes the log's beginning, for the follower that wants it.
    pub(crate) fn offer(&mut self, snapshot: &Snapshot) {
        self.offered.replace(Some(snapshot.to_raft()));
    }

    pub(crate) fn take_requests(&self) -> Vec<ReadRequest> {
        self.requests.take()
    }

    pub(crate) fn fetched(&mut self, entries: &[Entry]) {
        self.fetched = entries.iter().map(Entry::to_raft).collect();
    }

    fn term_of(&self, index: LogIndex) -> Option<Term> {
        if index == self.start.0 {
            return Some(self.start.1);
        }
        if index < self.start.0 || index > self.last {
            return None;
        }
        let after = self.runs.partition_point(|run| run.first <= index);
        after.checked_sub(1).map(|at| self.runs[at].term)
    }

    fn entry(&self, index: u64, with_data: bool) -> Option<eraftpb::Entry> {
        if let Some(front) = self.recent.front()
            && let Some(at) = index.checked_sub(front.index)
        {
            return usize::try_from(at)
                .ok()
                .and_then(|at| self.recent.get(at))
                .cloned();
        }
        if let Some(entry) = self.fetched.iter().find(|entry| entry.index == index) {
            return Some(entry.clone());
        }
        if with_data {
            return None;
        }
        if let Some(change) = self.old_changes.get(&index) {
            return Some(change.clone());
        }
        // Applied long ago or recovered: only that it is there matters, not what it carries.
        let term = self.term_of(LogIndex(index))?;
        Some(eraftpb::Entry {
            index,
            term: term.0,
            ..eraftpb::Entry::default()
        })
    }
}

impl Storage for GroupStorage {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(
            self.hard_state.to_raft(),
            self.membership.to_raft(),
        ))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> raft::Result<Vec<eraftpb::Entry>> {
        if low <= self.start.0.0 {
            return Err(raft::Error::Store(StorageError::Compacted));
        }
        let with_data = context.can_async();
        let max_size = max_size.into().unwrap_or(u64::MAX);
        let mut size = 0;
        let mut entries = Vec::new();
        for index in low..high {
            let Some(entry) = self.entry(index, with_data) else {
                break;
            };
            size += u64::try_from(entry.data.len()).unwrap_or(u64::MAX);
            if !entries.is_empty() && size > max_size {
                break;
            }
            entries.push(entry);
        }
        if entries.is_empty() && low < high {
            let (from, to) = (LogIndex(low), LogIndex(high));
            self.requests
                .borrow_mut()
                .push(ReadRequest { from, to, context });
            return Err(raft::Error::Store(StorageError::LogTemporarilyUnavailable));
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        let index = LogIndex(index);
        if index < self.start.0 {
            return Err(raft::Error::Store(StorageError::Compacted));
        }
        let term = self
            .term_of(index)
            .ok_or(raft::Error::Store(StorageError::Unavailable))?;
        Ok(term.0)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.start.0.next().0)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last.0)
    }

    fn snapshot(&self, _request_index: u64, _to: u64) -> raft::Result<eraftpb::Snapshot> {
        // Each is given to one follower: it may be large, and is seldom needed.
        let offered = self.offered.take();
        offered.ok_or_else(|| {
            self.wanted.set(true);
            raft::Error::Store(StorageError::SnapshotTemporarilyUnavailable)
        })
    }
}
