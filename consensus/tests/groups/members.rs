//! Groups whose members change while replicas are lost for good.

use std::collections::{BTreeMap, VecDeque};

use thalweg_consensus::{MembershipChange, Message, Role};
use thalweg_model::ReplicaId;

use crate::node::{Dice, Node, Stable};

const STEPS_MAX: u32 = 20_000;

/// The replicas that live, by their ids; the first three made the group.
struct Replicas {
    nodes: BTreeMap<ReplicaId, Node>,
    wire: VecDeque<Message>,
    dice: Dice,
}

impl Replicas {
    fn new(seed: u64) -> Self {
        let mut replicas = Self {
            nodes: BTreeMap::new(),
            wire: VecDeque::new(),
            dice: Dice(seed),
        };
        for id in 1..=3 {
            replicas.start(id, Stable::default());
        }
        replicas
    }

    fn start(&mut self, id: u64, stable: Stable) {
        self.nodes.insert(ReplicaId(id), Node::new(id, 3, stable));
    }

    /// Lets steps pass until something is true of some replica; which one.
    fn until(&mut self, what: &str, mut is_true: impl FnMut(&mut Node) -> bool) -> ReplicaId {
        for _ in 0..STEPS_MAX {
            self.step();
            let found = self
                .nodes
                .iter_mut()
                .find_map(|(&id, node)| is_true(node).then_some(id));
            if let Some(found) = found {
                return found;
            }
        }
        panic!("{what}: never");
    }

    fn step(&mut self) {
        let count = u64::try_from(self.nodes.len()).unwrap();
        let at = usize::try_from(self.dice.roll(count)).unwrap();
        let node = self.nodes.values_mut().nth(at).unwrap();
        match self.dice.roll(10) {
            0 => node.group.tick(),
            1..=4 => self.wire.extend(node.disk()),
            _ => self.deliver(),
        }
        for node in self.nodes.values_mut() {
            self.wire.extend(node.turn());
        }
    }

    fn deliver(&mut self) {
        let waiting = u64::try_from(self.wire.len()).unwrap();
        if waiting == 0 {
            return;
        }
        let pick = usize::try_from(self.dice.roll(waiting.min(4))).unwrap();
        let message = self.wire.remove(pick).unwrap();
        if let Some(node) = self.nodes.get_mut(&message.to()) {
            // A refused message changed nothing: the sender tries again.
            let _refused = node.group.step(message);
        }
    }

    /// All that live lose their power, and start again with what is durable.
    fn blackout(&mut self) {
        self.wire.clear();
        for (id, node) in std::mem::take(&mut self.nodes) {
            self.start(id.0, node.stable);
        }
    }
}

/// Takes the next step to these voters; whether they are it.
fn lead_to(wanted: &[ReplicaId], node: &mut Node) -> bool {
    let group = &mut node.group;
    if group.role() != Role::Leader {
        return false;
    }
    let caught_up = |id| group.is_caught_up(id);
    match MembershipChange::toward(wanted, &group.membership(), caught_up) {
        Some(change) => {
            // One that is refused now is tried again.
            let _later = group.change_members(&change);
            false
        }
        None => group.settled_voters().is_some_and(|mut voters| {
            voters.sort_unstable();
            voters == wanted
        }),
    }
}

#[test]
fn whom_a_change_removed_is_needed_by_no_election() {
    for seed in 0..200 {
        let mut replicas = Replicas::new(seed);
        replicas.until("a leader", |node| node.group.role() == Role::Leader);
        // The third one's disk is gone; it comes back as the fourth.
        replicas.nodes.remove(&ReplicaId(3));
        replicas.start(4, Stable::default());
        let wanted = [1, 2, 4].map(ReplicaId);
        let leader = replicas.until("the new voters", |node| lead_to(&wanted, node));
        // The change is over, so another one may be lost.
        replicas.nodes.remove(&leader);
        replicas.blackout();
        replicas.until("a leader of those that are left", |node| {
            node.group.role() == Role::Leader
        });
    }
}
