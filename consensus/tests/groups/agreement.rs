//! Groups of one and of three voters.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use thalweg_consensus::{EntryKind, Message, Role};
use thalweg_model::{LogIndex, ReplicaId, Term};

use crate::node::{Dice, Node, Stable};

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
