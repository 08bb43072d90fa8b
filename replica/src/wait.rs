//! Fetches that wait for bytes or for their deadline.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_log::GroupId;
use thalweg_model::Tick;

/// Names a waiting fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaiterId(pub u64);

#[derive(Debug)]
struct Waiter {
    groups: Vec<GroupId>,
    bytes_needed: usize,
    deadline: Tick,
}

/// All waiting fetches of a shard.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    next_id: u64,
    waiters: BTreeMap<WaiterId, Waiter>,
    by_group: BTreeSet<(GroupId, WaiterId)>,
    by_deadline: BTreeSet<(Tick, WaiterId)>,
}

impl Waiters {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(crate) fn add(
        &mut self,
        groups: Vec<GroupId>,
        bytes_needed: usize,
        deadline: Tick,
    ) -> WaiterId {
        self.next_id += 1;
        let id = WaiterId(self.next_id);
        self.by_group
            .extend(groups.iter().map(|&group| (group, id)));
        self.by_deadline.insert((deadline, id));
        self.waiters.insert(
            id,
            Waiter {
                groups,
                bytes_needed,
                deadline,
            },
        );
        id
    }

    /// Forgets a waiter whose connection is gone or that was woken.
    pub(crate) fn remove(&mut self, id: WaiterId) {
        let Some(waiter) = self.waiters.remove(&id) else {
            return;
        };
        self.by_deadline.remove(&(waiter.deadline, id));
        for group in waiter.groups {
            self.by_group.remove(&(group, id));
        }
    }

    /// `bytes` more can be read from `group`: those who have enough are removed and named.
    pub(crate) fn on_bytes(&mut self, group: GroupId, bytes: usize) -> Vec<WaiterId> {
        let mut woken = Vec::new();
        for id in self.of_group(group) {
            let waiter = self.waiters.get_mut(&id).expect("an indexed waiter exists");
            waiter.bytes_needed = waiter.bytes_needed.saturating_sub(bytes);
            if waiter.bytes_needed == 0 {
                woken.push(id);
            }
        }
        self.remove_all(&woken);
        woken
    }

    /// Something other than bytes happened to `group`: all who wait for it are removed and named.
    pub(crate) fn on_change(&mut self, group: GroupId) -> Vec<WaiterId> {
        let woken = self.of_group(group);
        self.remove_all(&woken);
        woken
    }

    /// Those whose deadline has come are removed and named.
    pub(crate) fn on_tick(&mut self, now: Tick) -> Vec<WaiterId> {
        let due = self
            .by_deadline
            .iter()
            .take_while(|(deadline, _)| *deadline <= now);
        let woken: Vec<_> = due.map(|&(_, id)| id).collect();
        self.remove_all(&woken);
        woken
    }

    pub(crate) fn next_deadline(&self) -> Option<Tick> {
        self.by_deadline.first().map(|&(deadline, _)| deadline)
    }

    fn of_group(&self, group: GroupId) -> Vec<WaiterId> {
        let all = (group, WaiterId(0))..=(group, WaiterId(u64::MAX));
        self.by_group.range(all).map(|&(_, id)| id).collect()
    }

    fn remove_all(&mut self, ids: &[WaiterId]) {
        for &id in ids {
            self.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: GroupId = GroupId(1);
    const B: GroupId = GroupId(2);

    #[test]
    fn a_fetch_wakes_when_its_partitions_together_have_enough() {
        let mut waiters = Waiters::default();
        let fetch = waiters.add(vec![A, B], 100, Tick(1_000));
        assert!(waiters.on_bytes(A, 60).is_empty());
        assert_eq!(waiters.on_bytes(B, 40), [fetch]);
        assert_eq!(waiters.on_bytes(A, 1_000), []);
        assert_eq!(waiters.next_deadline(), None);
    }

    #[test]
    fn deadlines_come_in_order_and_changes_wake_everybody() {
        let mut waiters = Waiters::default();
        let late = waiters.add(vec![A], 1, Tick(20));
        let early = waiters.add(vec![A], 1, Tick(10));
        assert_eq!(waiters.next_deadline(), Some(Tick(10)));
        assert_eq!(waiters.on_tick(Tick(9)), []);
        assert_eq!(waiters.on_tick(Tick(10)), [early]);
        assert_eq!(waiters.on_change(B), []);
        assert_eq!(waiters.on_change(A), [late]);
        assert_eq!(waiters.len(), 0);
    }
}
