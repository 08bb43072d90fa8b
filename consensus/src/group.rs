//! One Raft group.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use raft::eraftpb::{self, MessageType};
use raft::{Config, ProgressState, RawNode, SnapshotStatus, StateRole};
use thalweg_model::defect::{self, Defect};
use thalweg_model::{LogIndex, ReplicaId, Term};

use crate::election::timeout_ticks;
use crate::entry::membership_change;
use crate::limits::{
    ELECTION_TICKS, HEARTBEAT_TICKS, INFLIGHT_MESSAGES_MAX, MESSAGE_BYTES_MAX, SNAPSHOT_TICKS_MAX,
};
use crate::storage::GroupStorage;
use crate::{Entry, HardState, Membership, Message, ReadRequest, Snapshot};

/// What a group is told once.
#[derive(Clone, Copy, Debug)]
pub struct GroupConfig {
    /// This replica's id in the group.
    pub replica: ReplicaId,
    /// Seed of the election timeouts.
    pub seed: u64,
}

/// What a group was when the process last stopped, or is at its creation.
#[derive(Clone, Debug, Default)]
pub struct GroupState {
    /// Durable term and vote.
    pub hard_state: HardState,
    /// Members as of the entry `membership_index`.
    pub membership: Membership,
    /// The entry that made them so; 0 for the members that the group began with.
    pub membership_index: LogIndex,
    /// Membership entries of the log after that one.
    pub changes: Vec<Entry>,
    /// Index and term of the entry before the first one in the log.
    pub start: (LogIndex, Term),
    /// First index of each term in the log, ascending.
    pub terms: Vec<(LogIndex, Term)>,
    /// Last index in the log.
    pub last: LogIndex,
}

/// What this replica is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Orders the log.
    Leader,
    /// Follows the leader, if it knows one.
    Follower {
        /// The leader, if known.
        leader: Option<ReplicaId>,
    },
    /// Asks to become leader.
    Candidate,
}

/// Names a set of things to persist; higher numbers include lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadyNumber(u64);

/// What a group wants done, in this order: hand `begin`, `hard_state` and `append` to stable storage,
/// send `messages` at once and `messages_after_persist` when that is durable, then say `persisted`.
#[derive(Debug, Default)]
pub struct Work {
    /// Set if there is something to persist, or a message that waits for what was handed out before.
    pub ready: Option<ReadyNumber>,
    /// The log is void; it goes on where this says.
    pub begin: Option<Snapshot>,
    /// Term and vote changed: durable before any message that depends on them. What it says to be
    /// committed is in the log already, or before its beginning.
    pub hard_state: Option<HardState>,
    /// Entries to persist; what the log has from the first one's index on is replaced.
    pub append: Vec<Entry>,
    /// May leave now.
    pub messages: Vec<Message>,
    /// May leave when `ready` is durable.
    pub messages_after_persist: Vec<Message>,
    /// Everything up to here is now committed.
    pub committed: Option<LogIndex>,
    /// The group's members changed.
    pub membership: Option<Membership>,
    /// Entries to read back for a lagging follower.
    pub reads: Vec<ReadRequest>,
    /// A follower lacks what the log does not have any more: it wants [`Group::offer`].
    pub wants_beginning: bool,
}

/// A proposal came to the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this replica does not lead its group")]
pub struct ProposeError;

/// A message that the group cannot take; it changed nothing.
#[derive(Debug, thiserror::Error)]
#[error("the message does not fit the group: {0}")]
pub struct StepError(String);

/// One Raft group.
pub struct Group {
    pub(crate) node: RawNode<GroupStorage>,
    pub(crate) config: GroupConfig,
    committed: LogIndex,
    handed_out: ReadyNumber,
    persisted: ReadyNumber,
    /// The entry by which the members became what they are.
    pub(crate) membership_index: LogIndex,
    /// With this it is durable that they did.
    membership_ready: ReadyNumber,
    /// The log was given up for one that begins after this entry, which is not durable yet.
    beginning: Option<(ReadyNumber, LogIndex)>,
    /// How long followers that were sent the log's beginning did not say that they have it.
    beginning_ticks: BTreeMap<u64, u32>,
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("replica", &self.config.replica)
            .field("term", &self.term())
            .field("role", &self.role())
            .field("committed", &self.committed)
            .field("last", &self.last_index())
            .finish_non_exhaustive()
    }
}

impl Group {
    /// A group as it was.
    ///
    /// # Panics
    /// If the state contradicts itself: a commit index beyond the log.
    #[must_use]
    pub fn new(config: GroupConfig, mut state: GroupState) -> Self {
        // A tail that was known to be committed and is gone would make the raft crate panic later,
        // in the middle of a message; here it has a name.
        assert!(
            state.hard_state.commit <= state.last,
            "the log ends at {} below its commit index {}",
            state.last,
            state.hard_state.commit
        );
        let applied = state.hard_state.commit.max(state.start.0);
        state.hard_state.commit = applied;
        let raft_config = Config {
            id: config.replica.0,
            election_tick: ELECTION_TICKS,
            heartbeat_tick: HEARTBEAT_TICKS,
            applied: applied.0,
            max_size_per_msg: MESSAGE_BYTES_MAX,
            max_inflight_msgs: INFLIGHT_MESSAGES_MAX,
            check_quorum: true,
            pre_vote: true,
            ..Config::default()
        };
        let storage = GroupStorage::new(
            state.hard_state,
            state.membership,
            state.start,
            &state.terms,
            state.last,
        );
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&raft_config, storage, &logger)
            .expect("the configuration is constant and the storage answers from memory");
        let mut group = Self {
            node,
            config,
            committed: applied,
            handed_out: ReadyNumber(0),
            persisted: ReadyNumber(0),
            membership_index: state.membership_index,
            membership_ready: ReadyNumber(0),
            beginning: None,
            beginning_ticks: BTreeMap::new(),
        };
        for change in state.changes {
            group.note_old_change(&change);
        }
        group.fix_timeout();
        group
    }

    /// A membership entry that was in the log when the process stopped.
    fn note_old_change(&mut self, entry: &Entry) {
        let entry = entry.to_raft();
        if entry.index <= self.committed.0 {
            self.apply_change(&entry);
        } else {
            let storage = self.node.mut_store();
            storage.old_changes.insert(entry.index, entry);
        }
    }

    /// What this replica is.
    #[must_use]
    pub fn role(&self) -> Role {
        let raft = &self.node.raft;
        match raft.state {
            StateRole::Leader => Role::Leader,
            StateRole::Follower => Role::Follower {
                leader: (raft.leader_id != 0).then_some(ReplicaId(raft.leader_id)),
            },
            StateRole::Candidate | StateRole::PreCandidate => Role::Candidate,
        }
    }

    /// Current term.
    #[must_use]
    pub fn term(&self) -> Term {
        Term(self.node.raft.term)
    }

    /// Index of the last entry.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.node.raft.raft_log.last_index())
    }

    /// Everything up to here is committed.
    #[must_use]
    pub fn committed(&self) -> LogIndex {
        self.committed
    }

    /// Term and vote as Raft holds them now, durable only once persisted, and what is known to be
    /// committed of the entries that are durable here: it must never be taken for more of a log that
    /// is to be cut.
    #[must_use]
    pub fn hard_state(&self) -> HardState {
        HardState {
            commit: self.committed,
            ..HardState::from_raft(&self.node.raft.hard_state())
        }
    }

    /// Whether the log has this entry.
    #[must_use]
    pub fn has(&self, index: LogIndex, term: Term) -> bool {
        self.node.raft.raft_log.match_term(index.0, term.0)
    }

    /// The members as they are stored: with the entry that made them so.
    #[must_use]
    pub fn stored_membership(&self) -> (LogIndex, &Membership) {
        (self.membership_index, &self.node.store().membership)
    }

    /// The members.
    #[must_use]
    pub fn membership(&self) -> Membership {
        Membership::from_raft(&self.node.raft.prs().conf().to_conf_state())
    }

    /// Whether this replica is the only voter: then it elects itself at once.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        let membership = self.membership();
        membership.voters == [self.config.replica] && membership.voters_outgoing.is_empty()
    }

    /// Asks to become leader now.
    pub fn campaign(&mut self) {
        if self.beginning.is_some() {
            return;
        }
        // The only failure is a pending membership change, which a later timeout tries again.
        let _pending = self.node.campaign();
        self.fix_timeout();
    }

    /// Lets one tick pass.
    pub fn tick(&mut self) {
        // The raft crate cannot campaign between two logs.
        if self.beginning.is_none() {
            self.node.tick();
        }
        self.give_up_beginnings();
        self.fix_timeout();
    }

    /// A beginning that was sent and did not arrive is sent again: the raft crate waits for ever.
    fn give_up_beginnings(&mut self) {
        let all = self.node.raft.prs().iter();
        let waiting = all.filter(|(_, progress)| progress.state == ProgressState::Snapshot);
        let waiting: Vec<_> = waiting.map(|(&id, _)| id).collect();
        self.beginning_ticks.retain(|id, _| waiting.contains(id));
        for id in waiting {
            let ticks = self.beginning_ticks.entry(id).or_default();
            *ticks += 1;
            if *ticks > SNAPSHOT_TICKS_MAX {
                *ticks = 0;
                self.node.report_snapshot(id, SnapshotStatus::Failure);
            }
        }
    }

    /// Appends entries to the leader's log; they take the indexes after [`Self::last_index`].
    ///
    /// # Errors
    /// This replica does not lead, or leadership is being transferred.
    pub fn propose(&mut self, entries: impl Iterator<Item = Bytes>) -> Result<(), ProposeError> {
        if self.node.raft.state != StateRole::Leader {
            return Err(ProposeError);
        }
        // `RawNode::propose` takes a `Vec` and would copy: a proposal message carries `Bytes`.
        let entries: Vec<_> = entries
            .map(|data| eraftpb::Entry {
                data,
                ..eraftpb::Entry::default()
            })
            .collect();
        if entries.is_empty() {
            return Ok(());
        }
        let message = eraftpb::Message {
            msg_type: MessageType::MsgPropose,
            from: self.config.replica.0,
            entries: entries.into(),
            ..eraftpb::Message::default()
        };
        self.node
            .raft
            .step(message)
            .map_err(|_dropped| ProposeError)
    }

    /// Takes a message of another replica.
    ///
    /// # Errors
    /// The message makes no sense here.
    pub fn step(&mut self, mut message: Message) -> Result<(), StepError> {
        let commit_beyond_log = message.0.msg_type == MessageType::MsgHeartbeat
            && message.0.commit > self.last_index().0;
        if commit_beyond_log {
            // The raft crate panics on this: a replica that lost a synced tail must not follow on.
            return Err(StepError(
                "it commits entries that this replica does not have".to_owned(),
            ));
        }
        if message.is_snapshot() && message.snapshot().is_none() {
            return Err(StepError("its snapshot cannot be understood".to_owned()));
        }
        let is_election = message.0.msg_type == MessageType::MsgTimeoutNow;
        if is_election && self.beginning.is_some() {
            return Ok(()); // As in `tick`.
        }
        if defect::is_on(Defect::LogMatchingSkipped)
            && message.0.msg_type == MessageType::MsgAppend
            && let Ok(term) = self.node.raft.raft_log.term(message.0.index)
        {
            message.0.log_term = term;
        }
        let result = self.node.step(message.0);
        self.fix_timeout();
        result.map_err(|error| StepError(error.to_string()))
    }

    /// Everything handed out up to `ready` is on stable storage.
    pub fn persisted(&mut self, ready: ReadyNumber) {
        self.persisted = self.persisted.max(ready);
        self.node.on_persist_ready(ready.0);
        if let Some((number, index)) = self.beginning
            && number <= ready
        {
            self.beginning = None;
            self.node.advance_apply_to(index.0);
        }
    }

    /// Entries that were asked for by [`Work::reads`] were read back.
    pub fn read_back(&mut self, request: ReadRequest, entries: &[Entry]) {
        self.node.mut_store().fetched(entries);
        self.node.on_entries_fetched(request.context);
    }

    /// The log lost everything up to and including `start` to retention.
    pub fn compacted(&mut self, start: LogIndex) {
        self.node.mut_store().compacted(start.min(self.committed));
    }

    /// What [`Work::wants_beginning`] asked for: a follower may begin with a log that ends with this entry, of
    /// which the owner has `data` to say. No other entry before that one may be missing here.
    pub fn offer(&mut self, (index, term): (LogIndex, Term), data: Bytes) {
        let snapshot = Snapshot {
            index,
            term,
            membership: self.node.store().membership.clone(),
            membership_index: self.membership_index,
            data,
        };
        if index > LogIndex(0) && index >= self.known_from() {
            self.node.mut_store().offer(&snapshot);
        }
    }

    /// Collects what is to be done; empty if there is nothing.
    #[must_use]
    pub fn work(&mut self) -> Work {
        let mut work = Work::default();
        while self.node.has_ready() {
            self.collect(&mut work);
        }
        work.reads = self.node.store().take_requests();
        work.wants_beginning = self.node.store().take_wanted();
        work
    }

    fn collect(&mut self, work: &mut Work) {
        let members_before = self.membership_index;
        let mut ready = self.node.ready();
        let number = ReadyNumber(ready.number());
        // Confirming a number confirms all before it, so one that needs nothing durable itself
        // still waits for those that do, if a message rides on it.
        let outstanding =
            self.handed_out > self.persisted && !ready.persisted_messages().is_empty();
        if ready.must_sync() || outstanding {
            work.ready = Some(number);
            self.handed_out = number;
        }
        if !ready.snapshot().is_empty() {
            self.begin_at(ready.snapshot(), number, work);
        }
        if let Some(state) = ready.hs() {
            let state = HardState::from_raft(state);
            self.node.mut_store().hard_state = state;
            if ready.must_sync() || work.hard_state.is_some() {
                let commit = self.committed;
                work.hard_state = Some(HardState { commit, ..state });
            }
        }
        let entries = ready.take_entries();
        work.append.extend(entries.iter().map(Entry::from_raft));
        self.node.mut_store().append(&entries);
        let messages = ready.take_messages().into_iter();
        work.messages
            .extend(messages.map(|message| self.outgoing(message)));
        let messages = ready.take_persisted_messages().into_iter();
        work.messages_after_persist
            .extend(messages.map(|message| self.outgoing(message)));
        let committed = ready.take_committed_entries();
        self.node.advance_append_async(ready);
        self.apply(&committed, work);
        let is_forgotten = defect::is_on(Defect::ChangeOverWhenCommitted);
        if self.membership_index > members_before && !is_forgotten {
            // What is committed need not be durable, but a change of the members has to: who forgets
            // it asks those for votes who are gone.
            work.hard_state = Some(self.hard_state());
            work.ready = Some(number);
            self.handed_out = number;
            self.membership_ready = number;
        }
    }

    /// A follower's answer tells the leader what it knows to be committed, for which the raft crate has
    /// no use: here it is what it still knows after a crash as far as the members go, see
    /// [`Self::settled_voters`].
    fn outgoing(&self, mut message: eraftpb::Message) -> Message {
        let is_answer = matches!(
            message.msg_type,
            MessageType::MsgAppendResponse | MessageType::MsgHeartbeatResponse
        );
        if is_answer {
            let remembered = if self.remembers_members() {
                self.committed
            } else {
                LogIndex(0)
            };
            message.commit = message.commit.min(remembered.0);
        }
        Message(message)
    }

    /// Whether it is durable here who the members are.
    pub(crate) fn remembers_members(&self) -> bool {
        self.persisted >= self.membership_ready
    }

    /// The log is given up for the beginning of the leader's.
    fn begin_at(&mut self, snapshot: &eraftpb::Snapshot, number: ReadyNumber, work: &mut Work) {
        let snapshot = Snapshot::from_raft(snapshot).expect("it was understood when it arrived");
        // What came before it in the same work is void.
        work.append.clear();
        work.committed = None;
        self.committed = snapshot.index;
        self.membership_index = snapshot.membership_index;
        self.beginning = Some((number, snapshot.index));
        self.node.mut_store().begin_at(&snapshot);
        work.membership = Some(snapshot.membership.clone());
        work.begin = Some(snapshot);
    }

    /// Changes the members, unless they are already as of a later entry.
    fn apply_change(&mut self, entry: &eraftpb::Entry) -> Option<Membership> {
        if entry.index <= self.membership_index.0 {
            return None;
        }
        let change = membership_change(entry);
        let state = self.node.apply_conf_change(&change).ok()?;
        let membership = Membership::from_raft(&state);
        self.membership_index = LogIndex(entry.index);
        self.node.mut_store().membership = membership.clone();
        let raft = &mut self.node.raft;
        if raft.state == StateRole::Leader && !raft.promotable() {
            // The raft crate would go on leading a group that it is no voter of.
            raft.become_follower(raft.term, 0);
            self.fix_timeout();
        }
        Some(membership)
    }

    fn apply(&mut self, committed: &[eraftpb::Entry], work: &mut Work) {
        let Some(last) = committed.last() else { return };
        for entry in committed {
            match entry.entry_type {
                eraftpb::EntryType::EntryNormal => {}
                eraftpb::EntryType::EntryConfChange | eraftpb::EntryType::EntryConfChangeV2 => {
                    if let Some(membership) = self.apply_change(entry) {
                        work.membership = Some(membership);
                    }
                }
            }
        }
        let index = LogIndex(last.index);
        assert!(index >= self.committed, "a commit index never goes back");
        self.committed = index;
        work.committed = Some(index);
        self.node.advance_apply_to(index.0);
        self.node.mut_store().applied(index);
    }

    /// The raft crate draws a new timeout from a thread's generator whenever it likes; ours replaces it.
    fn fix_timeout(&mut self) {
        let raft = &mut self.node.raft;
        let ticks = timeout_ticks(self.config.seed, self.config.replica, Term(raft.term));
        raft.set_randomized_election_timeout(ticks);
    }
}
