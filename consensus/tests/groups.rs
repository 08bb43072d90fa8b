//! Groups of one and of three voters on one thread, with lost messages and slow disks.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use thalweg_consensus::{
    Entry, EntryKind, Group, GroupConfig, GroupState, HardState, Membership, Message, ReadyNumber,
    Role,
};
use thalweg_model::{LogIndex, ReplicaId, Term};

/// A replica's stable storage: what would survive a power cut.
#[derive(Clone, Debug, Default)]
struct Stable {
    hard_state: HardState,
    log: Vec<Entry>,
}

/// What was handed out and is not yet durable.
struct Write {
    ready: ReadyNumber,
    hard_state: Option<HardState>,
    entries: Vec<Entry>,
    messages: Vec<Message>,
}

struct Node {
    group: Group,
    stable: Stable,
    writing: VecDeque<Write>,
    committed: Vec<(LogIndex, Term)>,
}

fn state(voters: u64, stable: &Stable) -> GroupState {
    let mut terms: Vec<(LogIndex, Term)> = Vec::new();
    for entry in &stable.log {
        if terms.last().is_none_or(|(_, term)| *term != entry.term) {
            terms.push((entry.index, entry.term));
        }
    }
    GroupState {
        hard_state: stable.hard_state,
        membership: Membership {
            voters: (1..=voters).map(ReplicaId).collect(),
            ..Membership::default()
        },
        membership_index: LogIndex(0),
        changes: Vec::new(),
        start: (LogIndex(0), Term(0)),
        terms,
        last: stable.log.last().map_or(LogIndex(0), |entry| entry.index),
    }
}

impl Node {
    fn new(id: u64, voters: u64, stable: Stable) -> Self {
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
    fn turn(&mut self) -> Vec<Message> {
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
    fn disk(&mut self) -> Vec<Message> {
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

fn data(n: u64) -> Bytes {
    Bytes::from(n.to_be_bytes().to_vec())
}

#[test]
fn a_single_voter_leads_at_once_and_commits_only_what_is_durable() {
    let mut node = Node::new(1, 1, Stable::default());
    node.group.campaign();
    assert_eq!(node.group.role(), Role::Leader);
    node.turn();
    assert_eq!(
        node.group.committed(),
        LogIndex(0),
        "the leader's entry is not durable yet"
    );
    node.disk();
    node.turn();
    assert_eq!(node.group.committed(), LogIndex(1));

    node.group.propose([data(1), data(2)].into_iter()).unwrap();
    node.turn();
    node.group.propose([data(3)].into_iter()).unwrap();
    node.turn();
    assert_eq!(node.group.committed(), LogIndex(1));
    node.disk();
    node.turn();
    assert_eq!(
        node.group.committed(),
        LogIndex(3),
        "the first write holds two entries"
    );
    node.disk();
    node.turn();
    assert_eq!(node.group.committed(), LogIndex(4));
    let kinds: Vec<_> = node.stable.log.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds[0], EntryKind::Leader);
    assert!(kinds[1..].iter().all(|kind| *kind == EntryKind::Data));
}

#[test]
fn a_restart_commits_the_whole_durable_log_in_a_higher_term() {
    let mut node = Node::new(1, 1, Stable::default());
    node.group.campaign();
    node.turn();
    node.disk();
    node.turn();
    node.group.propose([data(1)].into_iter()).unwrap();
    node.turn();
    node.disk();
    let (term, stable) = (node.group.term(), node.stable);

    let mut node = Node::new(1, 1, stable);
    node.group.campaign();
    node.turn();
    node.disk();
    node.turn();
    assert!(node.group.term() > term);
    assert_eq!(node.group.committed(), LogIndex(3));
}

#[test]
fn a_follower_takes_no_proposal() {
    let mut node = Node::new(1, 3, Stable::default());
    assert!(node.group.propose([data(1)].into_iter()).is_err());
}

/// SplitMix64: the test's own dice, so that a failure replays.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

struct Cluster {
    nodes: Vec<Node>,
    wire: VecDeque<Message>,
    dice: Dice,
    proposed: u64,
    leaders: BTreeMap<Term, ReplicaId>,
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let nodes = (1..=3)
            .map(|id| Node::new(id, 3, Stable::default()))
            .collect();
        let (wire, leaders) = (VecDeque::new(), BTreeMap::new());
        Self {
            nodes,
            wire,
            dice: Dice(seed),
            proposed: 0,
            leaders,
        }
    }

    fn step(&mut self, faults: bool) {
        let at = usize::try_from(self.dice.roll(3)).unwrap();
        match self.dice.roll(10) {
            0..=1 => self.nodes[at].group.tick(),
            2..=4 => {
                let sent = self.nodes[at].disk();
                self.wire.extend(sent);
            }
            5 => {
                self.proposed += 1;
                let n = self.proposed;
                if self.nodes[at].group.propose([data(n)].into_iter()).is_err() {
                    self.proposed -= 1;
                }
            }
            6 if faults && self.dice.roll(40) == 0 => {
                // Power is lost: what was not durable is gone, whatever was sent stays sent.
                let stable = self.nodes[at].stable.clone();
                let id = u64::try_from(at).unwrap() + 1;
                self.nodes[at] = Node::new(id, 3, stable);
            }
            _ => self.deliver(faults),
        }
        for node in &mut self.nodes {
            let sent = node.turn();
            self.wire.extend(sent);
        }
        self.check_leaders();
    }

    fn deliver(&mut self, faults: bool) {
        if self.wire.is_empty() {
            return;
        }
        let length = u64::try_from(self.wire.len()).unwrap();
        let pick = if faults {
            self.dice.roll(length.min(8))
        } else {
            0
        };
        let message = self.wire.remove(usize::try_from(pick).unwrap()).unwrap();
        if faults && self.dice.roll(10) == 0 {
            return;
        }
        let to = usize::try_from(message.to().0).unwrap() - 1;
        // A refused message changed nothing: the sender tries again.
        let _refused = self.nodes[to].group.step(message);
    }

    fn check_leaders(&mut self) {
        for (id, node) in (1..).map(ReplicaId).zip(&self.nodes) {
            if node.group.role() == Role::Leader {
                let leader = *self.leaders.entry(node.group.term()).or_insert(id);
                assert_eq!(leader, id, "two leaders in term {}", node.group.term());
            }
        }
    }

    fn check_commits(&self) {
        let mut agreed: BTreeMap<LogIndex, Term> = BTreeMap::new();
        for node in &self.nodes {
            for &(index, term) in &node.committed {
                let first = *agreed.entry(index).or_insert(term);
                assert_eq!(first, term, "two entries committed at {index}");
            }
        }
    }
}

#[test]
fn three_voters_agree_under_loss_reordering_and_power_cuts() {
    for seed in 0..40 {
        let mut cluster = Cluster::new(seed);
        for _ in 0..4_000 {
            cluster.step(true);
        }
        cluster.check_commits();
        // Healed: everybody must arrive at the same place.
        for _ in 0..6_000 {
            cluster.step(false);
        }
        cluster.check_commits();
        let commits: Vec<_> = cluster
            .nodes
            .iter()
            .map(|node| node.group.committed())
            .collect();
        assert!(
            commits.iter().all(|commit| commit.0 > 10),
            "seed {seed}: {commits:?}"
        );
    }
}
