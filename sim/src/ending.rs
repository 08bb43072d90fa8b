//! The end of a run: no more faults, everything settles, and all is read.

use std::collections::BTreeSet;

use thalweg_model::{BrokerId, TopicPartition};

use crate::clients::{Consumer, PositionReader};
use crate::directory::Directory;
use crate::node::SimNode;
use crate::run::groups;
use crate::violation::Violation;
use crate::world::World;

/// How long after the last fault everything must be well again, in simulated time.
const SETTLE_US: u64 = 120_000_000;

impl World {
    /// Heals all, waits until it is well again, and compares what everybody has.
    pub(crate) fn end(&mut self) -> Result<(), Violation> {
        self.heal();
        self.ending = true;
        self.wake_all();
        let settled = self.schedule.now().0 + SETTLE_US;
        self.until_idle(settled, "producers come to an end when all is healed")?;
        self.until_none(
            settled,
            "replicas are where they are to be when all is healed",
            |world| world.directory.unsettled(),
        )?;
        // One that was cut off answers as a leader until it misses its quorum.
        self.until_none(
            settled,
            "a partition has one leader when all is healed",
            Self::contested,
        )?;
        self.drain(|_, _| vec![None])?;
        // Now that all marks are told, every replica must come to have the same.
        self.drain(|directory, partition| {
            let nodes = directory.nodes_of(partition).into_iter();
            nodes.map(Some).collect()
        })?;
        self.compare_groups(settled)?;
        self.compare_images(settled)
    }

    /// Every node comes to know the same cluster, which is what operators were told.
    fn compare_images(&mut self, settled: u64) -> Result<(), Violation> {
        while let Some(seen) = self.images_differ() {
            self.step()?;
            if self.schedule.now().0 > settled + 3 * SETTLE_US {
                return Err(Violation::new("topics are what was made of them", seen));
            }
        }
        Ok(())
    }

    /// Positions are read once more, and what a coordinator has is what every replica's log says.
    fn compare_groups(&mut self, settled: u64) -> Result<(), Violation> {
        for group in groups(&self.swarm) {
            self.add(Box::new(PositionReader::new(group)));
        }
        let read = self.schedule.now().0 + SETTLE_US;
        self.until_idle(read, "positions of groups can be read when all is healed")?;
        let rule = "a coordinator has what its log says, as every replica has it";
        while let Some(seen) = self.groups_differ() {
            self.step()?;
            if self.schedule.now().0 > settled + 2 * SETTLE_US {
                return Err(Violation::new(rule, seen));
            }
        }
        Ok(())
    }

    fn groups_differ(&mut self) -> Option<String> {
        for partition in self.directory.offsets() {
            let of_nodes = self.nodes.iter();
            let mut coordinator = of_nodes.filter_map(|node| node.groups_of_coordinator(partition));
            let Some(stored) = coordinator.next().cloned() else {
                return Some(format!("{partition} has no coordinator"));
            };
            let replicas = self.directory.nodes_of(partition);
            for id in replicas {
                if self.node(id).groups_of_log(partition).as_ref() != Some(&stored) {
                    return Some(format!("{partition}: {id} has other records"));
                }
            }
        }
        None
    }

    /// Lets clients read everything from some nodes, or from whoever leads.
    fn drain(
        &mut self,
        from: fn(&Directory, TopicPartition) -> Vec<Option<BrokerId>>,
    ) -> Result<(), Violation> {
        let mut readers = Vec::new();
        for partition in self.directory.partitions() {
            for node in from(&self.directory, partition) {
                let reader = self.add(Box::new(Consumer::draining(partition, node)));
                self.recorder.follow(reader, self.schedule.now());
                readers.push((reader, partition));
            }
        }
        let drained = self.schedule.now().0 + SETTLE_US;
        self.until_idle(drained, "everything can be read when all is healed")?;
        // A command of before may have removed a topic only now.
        readers.retain(|&(_, partition)| self.directory.exists(partition));
        for (reader, partition) in readers {
            let now = self.schedule.now();
            self.recorder.drained(reader, partition, now);
        }
        Ok(())
    }

    /// Goes on until no partition is left of which something is not true yet.
    fn until_none(
        &mut self,
        end_us: u64,
        rule: &'static str,
        left: impl Fn(&Self) -> Vec<TopicPartition>,
    ) -> Result<(), Violation> {
        while !left(self).is_empty() {
            self.step()?;
            if self.schedule.now().0 > end_us {
                return Err(Violation::new(rule, format!("{:?}", left(self))));
            }
        }
        Ok(())
    }

    /// Partitions that several nodes lead, each in an epoch of its own.
    fn contested(&self) -> Vec<TopicPartition> {
        let mut led = BTreeSet::new();
        let all = self.nodes.iter().flat_map(SimNode::led);
        all.map(|(partition, _)| partition)
            .filter(|&partition| !led.insert(partition))
            .collect()
    }

    fn until_idle(&mut self, end_us: u64, rule: &'static str) -> Result<(), Violation> {
        while self
            .clients
            .values()
            .any(|client| client.waits_for().is_some())
        {
            self.step()?;
            if self.schedule.now().0 > end_us {
                let waiting = self
                    .clients
                    .values()
                    .filter_map(|client| client.waits_for());
                return Err(Violation::new(rule, waiting.collect::<Vec<_>>().join("; ")));
            }
        }
        Ok(())
    }

    fn wake_all(&mut self) {
        for client in self.clients.keys().copied().collect::<Vec<_>>() {
            self.wake(client, 0);
        }
    }
}
