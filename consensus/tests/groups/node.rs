//! One replica of a group over a disk that may be slow or lose its power, and the dice of the tests.

use std::collections::{BTreeMap, VecDeque};

use thalweg_consensus::{
    Entry, EntryKind, Group, GroupConfig, GroupState, HardState, Membership, Message, ReadyNumber,
};
use thalweg_model::{LogIndex, ReplicaId, Term};

/// A replica's stable storage: what would survive a power cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stable {
    pub(crate) hard_state: HardState,
    pub(crate) log: Vec<Entry>,
}

/// What was handed out and is not yet durable.
struct Write {
    ready: ReadyNumber,
    hard_state: Option<HardState>,
    entries: Vec<Entry>,
    messages: Vec<Message>,
}

pub(crate) struct Node {
    pub(crate) group: Group,
    pub(crate) stable: Stable,
    writing: VecDeque<Write>,
    pub(crate) committed: Vec<(LogIndex, Term)>,
}

fn state(voters: u64, stable: &Stable) -> GroupState {
    let mut terms: Vec<(LogIndex, Term)> = Vec::new();
    for entry in &stable.log {
        if terms.last().is_none_or(|(_, term)| *term != entry.term) {
            terms.push((entry.index, entry.term));
        }
    }
    let changes = stable.log.iter();
    let changes = changes.filter(|entry| entry.kind == EntryKind::Membership);
    GroupState {
        hard_state: stable.hard_state,
        membership: Membership {
            voters: (1..=voters).map(ReplicaId).collect(),
            ..Membership::default()
        },
        membership_index: LogIndex(0),
        changes: changes.cloned().collect(),
        start: (LogIndex(0), Term(0)),
        terms,
        last: stable.log.last().map_or(LogIndex(0), |entry| entry.index),
    }
}

impl Node {
    pub(crate) fn new(id: u64, voters: u64, stable: Stable) -> Self {
        let config = GroupConfig {
            replica: ReplicaId(id),
            seed: 42,
        };
        let group = Group::new(config, state(voters, &stable));
        Self {
            group,
            stable,
            writing: VecDeque::new(),
            committed: Vec::new(),
        }
    }

    /// Takes the group's work; returns what may leave at once.
    pub(crate) fn turn(&mut self) -> Vec<Message> {
        let work = self.group.work();
        for request in work.reads {
            let read: Vec<_> = self
                .stable
                .log
                .iter()
                .filter(|entry| (request.from..request.to).contains(&entry.index))
                .cloned()
                .collect();
            self.group.read_back(request, &read);
        }
        if let Some(index) = work.committed {
            self.note_commit(index);
        }
        // It may become durable alone: what it tells to be committed must not be taken for entries
        // that the log has in their place, which are about to be cut off.
        let told = work.hard_state.map_or(LogIndex(0), |state| state.commit);
        let last = self.stable.log.last().map(|entry| entry.index);
        assert!(told <= last.unwrap_or(LogIndex(0)), "{told} is not durable");
        let mut now = work.messages;
        match work.ready {
            Some(ready) => self.writing.push_back(Write {
                ready,
                hard_state: work.hard_state,
                entries: work.append,
                messages: work.messages_after_persist,
            }),
            None => now.extend(work.messages_after_persist),
        }
        now
    }

    fn note_commit(&mut self, index: LogIndex) {
        let from = self
            .committed
            .last()
            .map_or(LogIndex(0), |(index, _)| *index);
        let writing = self.writing.iter().flat_map(|write| &write.entries);
        let mut all: BTreeMap<LogIndex, Term> = BTreeMap::new();
        for entry in self.stable.log.iter().chain(writing) {
            all.insert(entry.index, entry.term);
        }
        self.committed
            .extend(all.into_iter().filter(|(i, _)| *i > from && *i <= index));
    }

    /// The disk finishes its oldest write; returns what may leave now.
    pub(crate) fn disk(&mut self) -> Vec<Message> {
        let Some(write) = self.writing.pop_front() else {
            return Vec::new();
        };
        let Write {
            ready,
            hard_state,
            entries,
            messages,
        } = write;
        if let Some(state) = hard_state {
            self.stable.hard_state = state;
        }
        if let Some(first) = entries.first() {
            self.stable.log.retain(|entry| entry.index < first.index);
        }
        self.stable.log.extend(entries);
        self.group.persisted(ready);
        messages
    }
}

/// SplitMix64: the test's own dice, so that a failure replays.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}
