//! The faults of a run, and their end.

use std::collections::BTreeMap;

use thalweg_model::BrokerId;

use crate::node::Crash;
use crate::violation::Violation;
use crate::world::{Event, World};

/// Most changes of the disk until a planned power cut: a turn has a handful, a recovery dozens.
const CUT_AFTER_MAX: u64 = 60;

/// Most bytes that a disk has left when it is about to be full: a few segments or commits of the manifest.
const FREE_BYTES_MAX: u64 = 60_000;

/// Longest time that a leader is cut off: a few elections.
const HUNT_US_MAX: u64 = 800_000;

/// Longest time that a replica is cut off to lag: thousands of records.
const LAG_US_MAX: u64 = 2_000_000;

/// Longest time that a disk is full.
const FULL_US_MAX: u64 = 1_500_000;

impl World {
    /// One fault, and the plan for the next.
    pub(crate) fn fault(&mut self) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        let pause = self.swarm.fault_every_us;
        let next = self.random.between(pause / 4, pause * 2);
        self.schedule.after(next, Event::Fault);
        let ids: Vec<_> = self.nodes.iter().map(|node| node.id).collect();
        let Some(&id) = self.random.pick(&ids) else {
            return Ok(());
        };
        if self.swarm.disk_losses && self.random.percent(15) && self.directory.may_lose(id) {
            return self.lose_disk(id);
        }
        if self.swarm.fills && self.random.percent(25) {
            self.fill_disk(id);
            return Ok(());
        }
        if self.swarm.hunts && self.random.percent(60) {
            self.hunt(&ids);
            return Ok(());
        }
        if self.swarm.lags && self.random.percent(60) {
            return self.let_lag(id, &ids);
        }
        match self.random.below(7) {
            0 if self.swarm.kills => self.down(id, Crash::Kill),
            1 if self.swarm.power_losses => self.down(id, Crash::PowerLoss),
            2 if self.swarm.cuts => {
                let after = self.random.below(CUT_AFTER_MAX);
                self.node(id).disk().cut_power_after(after);
            }
            3 if self.swarm.checkpoints => {
                let now = self.schedule.now();
                self.node(id).retain(now);
                self.node(id).checkpoint();
                return self.turn(id);
            }
            4 if self.swarm.net_cuts => self.cut_network(id, &ids),
            6 if self.swarm.blackouts => {
                for id in ids {
                    self.down(id, Crash::PowerLoss);
                }
            }
            5 => self.network.join(),
            _ => {}
        }
        Ok(())
    }

    /// A fault for whoever leads, or did until it was cut off: clients still reach it then, and what it takes is not
    /// what its successor takes.
    fn hunt(&mut self, all: &[BrokerId]) {
        let Some(leader) = self.some_leader() else {
            return;
        };
        let prey = self.prey.unwrap_or(leader);
        let now = self.schedule.now();
        match self.random.below(10) {
            0..=3 => {
                self.trace.note(now, || format!("{leader} is cut off"));
                self.prey = Some(leader);
                self.network.isolate(leader, all);
                let delay = self.random.between(50_000, HUNT_US_MAX);
                self.schedule.after(delay, Event::Join);
            }
            4 | 5 => {
                let over = self.random.pick(all).copied().unwrap_or(leader);
                self.trace
                    .note(now, || format!("halves of the nodes meet only at {over}"));
                self.network.bridge(over, all);
                if self.random.percent(50) {
                    self.down(leader, Crash::Kill);
                }
                let delay = self.random.between(50_000, 2 * HUNT_US_MAX);
                self.schedule.after(delay, Event::Join);
            }
            6 => self.down(leader, Crash::Kill),
            7 => self.down(prey, Crash::Kill),
            8 if self.swarm.power_losses => self.down(prey, Crash::PowerLoss),
            _ => self.network.join(),
        }
    }

    /// A node hears nothing for a while, or the others remove what they need not keep.
    fn let_lag(&mut self, id: BrokerId, all: &[BrokerId]) -> Result<(), Violation> {
        let now = self.schedule.now();
        if self.network.cut.is_empty() && self.random.percent(50) {
            self.trace.note(now, || format!("{id} is cut off"));
            self.network.isolate(id, all);
            let delay = self.random.between(LAG_US_MAX / 10, LAG_US_MAX);
            self.schedule.after(delay, Event::Join);
            return Ok(());
        }
        for &id in all {
            self.node(id).retain(now);
            self.node(id).checkpoint();
            self.turn(id)?;
        }
        Ok(())
    }

    /// The leader of a partition; of several the newest.
    fn some_leader(&mut self) -> Option<BrokerId> {
        let mut leaders = BTreeMap::new();
        for node in &self.nodes {
            for (partition, epoch) in node.led() {
                let leader = leaders.entry(partition).or_insert((epoch, node.id));
                *leader = (*leader).max((epoch, node.id));
            }
        }
        let leaders: Vec<_> = leaders.into_values().map(|(_, id)| id).collect();
        self.random.pick(&leaders).copied()
    }

    /// The members of a partition that `leader` leads have changed: now and then the power goes everywhere, and
    /// takes the leader's disk.
    pub(crate) fn after_change(&mut self, leader: BrokerId) -> Result<(), Violation> {
        let strikes = self.swarm.dies_after_change && !self.healed && self.random.percent(40);
        if !strikes {
            return Ok(());
        }
        if self.directory.may_lose(leader) {
            self.lose_disk(leader)?;
        }
        for at in 0..self.nodes.len() {
            let id = self.nodes[at].id;
            self.down(id, Crash::PowerLoss);
        }
        Ok(())
    }

    /// A node loses its disk with everything on it, and comes back with an empty one.
    fn lose_disk(&mut self, id: BrokerId) -> Result<(), Violation> {
        if self.node(id).start_is_planned {
            return Ok(());
        }
        self.down(id, Crash::PowerLoss);
        let now = self.schedule.now();
        self.trace.note(now, || format!("{id} loses its disk"));
        self.node(id).lose_disk();
        self.directory.lost(id);
        self.tell_metadata()
    }

    /// A disk has little room left for a while.
    fn fill_disk(&mut self, id: BrokerId) {
        let now = self.schedule.now();
        let free = self.random.below(FREE_BYTES_MAX);
        self.trace
            .note(now, || format!("{id} has {free} bytes left on its disk"));
        let free = usize::try_from(free).expect("it is small");
        self.node(id).disk().set_free_bytes(Some(free));
        let delay = self.random.between(1_000, FULL_US_MAX);
        self.schedule.after(delay, Event::Room(id));
    }

    fn cut_network(&mut self, id: BrokerId, all: &[BrokerId]) {
        let now = self.schedule.now();
        if self.random.percent(50) {
            self.trace.note(now, || format!("{id} is cut off"));
            self.network.isolate(id, all);
        } else if let Some(&to) = self.random.pick(all) {
            self.trace.note(now, || format!("{id} does not reach {to}"));
            self.network.cut(id, to);
        }
    }

    /// A node goes down, and is planned to come back.
    pub(crate) fn down(&mut self, id: BrokerId, crash: Crash) {
        if self.node(id).start_is_planned {
            return;
        }
        let now = self.schedule.now();
        self.trace
            .note(now, || format!("{id} goes down: {crash:?}"));
        self.crashes += 1;
        self.node(id).crash(crash);
        self.node(id).start_is_planned = true;
        let longest = if self.random.percent(50) {
            30_000
        } else {
            1_000_000
        };
        let delay = self.random.between(1_000, longest);
        self.schedule.after(delay, Event::Start(id));
        // Sometimes it does not come far.
        if self.swarm.cuts && !self.healed && self.random.percent(30) {
            let after = self.random.below(CUT_AFTER_MAX);
            self.node(id).disk().cut_power_after(after);
        }
    }

    /// No more faults; what is down comes back.
    pub(crate) fn heal(&mut self) {
        let now = self.schedule.now();
        self.trace.note(now, || "healed".to_owned());
        self.healed = true;
        self.network.heal();
        let ids: Vec<_> = self.nodes.iter().map(|node| node.id).collect();
        for id in ids {
            self.node(id).disk().keep_power();
            self.node(id).disk().set_free_bytes(None);
        }
    }
}
