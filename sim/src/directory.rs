//! What the cluster's metadata says: which partitions there are and where their replicas live.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_log::LogConfig;
use thalweg_metadata::image::TopicImage;
use thalweg_model::{BrokerId, PartitionIndex, ReplicaId, TopicPartition, Uuid};
use thalweg_replica::PartitionSpec;

/// One partition.
#[derive(Clone, Debug)]
struct Partition {
    topic_name: String,
    /// The voters that its group began with.
    founders: Vec<(ReplicaId, BrokerId)>,
    /// Replicas that live somewhere.
    replicas: Vec<(ReplicaId, BrokerId)>,
    /// Replicas that it is to have.
    wanted: Vec<(ReplicaId, BrokerId)>,
    /// A leader said that it has them and no others.
    is_settled: bool,
    config: LogConfig,
    kind: Kind,
}

/// Whose records a partition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Those of clients.
    Plain,
    /// Those of clients, and the metadata log has records of the topic itself.
    Recorded,
    /// Those of group coordinators.
    Groups,
    /// Those of the controller.
    Metadata,
}

/// All partitions.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    partitions: BTreeMap<TopicPartition, Partition>,
    /// Topics that records removed.
    removed: BTreeSet<Uuid>,
    topics_made: u64,
    replicas_made: u64,
    /// Moves with every change.
    pub(crate) version: u64,
}

impl Directory {
    /// Makes a topic of one partition with a replica on each of the nodes. Names are used again.
    pub(crate) fn create(&mut self, nodes: &[BrokerId], config: LogConfig) -> TopicPartition {
        self.topics_made += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.topics_made.to_be_bytes());
        let partition = TopicPartition {
            topic: Uuid::from_bytes(id),
            partition: PartitionIndex(0),
        };
        let name = (0..)
            .map(|number| format!("topic{number}"))
            .find(|name| self.partitions.values().all(|of| of.topic_name != *name))
            .expect("there are more names than partitions");
        self.place(partition, name, nodes, config, Kind::Plain);
        partition
    }

    /// Makes the topic that group coordinators keep their state in.
    pub(crate) fn create_offsets(
        &mut self,
        partitions: u8,
        nodes: &[BrokerId],
        config: &LogConfig,
    ) {
        for number in 0..partitions {
            let partition = TopicPartition {
                topic: Uuid::from_bytes([0xff; 16]),
                partition: PartitionIndex(number.into()),
            };
            let name = "__consumer_offsets".to_owned();
            self.place(partition, name, nodes, config.clone(), Kind::Groups);
        }
    }

    /// Makes the log of the metadata.
    pub(crate) fn create_metadata(&mut self, nodes: &[BrokerId], config: LogConfig) {
        let partition = TopicPartition {
            topic: Uuid::from_bytes([0xfe; 16]),
            partition: PartitionIndex(0),
        };
        let name = "__cluster_metadata".to_owned();
        self.place(partition, name, nodes, config, Kind::Metadata);
    }

    /// Takes over a topic that records made, unless it was removed meanwhile.
    pub(crate) fn adopt(&mut self, topic: &TopicImage, config: &LogConfig) {
        for (index, placed) in topic.indexed() {
            let partition = TopicPartition {
                topic: topic.id,
                partition: index,
            };
            if self.partitions.contains_key(&partition) || self.removed.contains(&topic.id) {
                continue;
            }
            let replicas = placed.replicas.iter().map(|of| (of.id, of.broker));
            let name = (*topic.name).to_owned();
            self.insert(
                partition,
                name,
                replicas.collect(),
                config.clone(),
                Kind::Recorded,
            );
        }
    }

    /// Forgets a topic that records removed.
    pub(crate) fn remove_topic(&mut self, topic: Uuid) {
        if self.removed.insert(topic) {
            self.version += 1;
            self.partitions.retain(|of, _| of.topic != topic);
        }
    }

    fn place(
        &mut self,
        partition: TopicPartition,
        topic_name: String,
        nodes: &[BrokerId],
        config: LogConfig,
        kind: Kind,
    ) {
        let mut replicas = Vec::new();
        for &node in nodes {
            self.replicas_made += 1;
            replicas.push((ReplicaId(self.replicas_made), node));
        }
        self.insert(partition, topic_name, replicas, config, kind);
    }

    fn insert(
        &mut self,
        partition: TopicPartition,
        topic_name: String,
        replicas: Vec<(ReplicaId, BrokerId)>,
        config: LogConfig,
        kind: Kind,
    ) {
        self.version += 1;
        self.partitions.insert(
            partition,
            Partition {
                topic_name,
                founders: replicas.clone(),
                wanted: replicas.clone(),
                is_settled: true,
                replicas,
                config,
                kind,
            },
        );
    }

    /// Moves a partition to these nodes: a node that has a replica keeps it, one that has none gets
    /// a new one. What is moved already is not moved again before that is done.
    pub(crate) fn reassign(&mut self, partition: TopicPartition, nodes: &[BrokerId]) {
        let Some(of) = self.partitions.get_mut(&partition) else {
            return;
        };
        if !of.is_settled {
            return;
        }
        of.is_settled = false;
        self.version += 1;
        let kept = of.replicas.iter().copied();
        of.wanted = kept.filter(|(_, at)| nodes.contains(at)).collect();
        for &node in nodes {
            if of.wanted.iter().all(|&(_, at)| at != node) {
                self.replicas_made += 1;
                of.wanted.push((ReplicaId(self.replicas_made), node));
                of.replicas.push((ReplicaId(self.replicas_made), node));
            }
        }
    }

    /// Whether nothing more can be lost of any partition of which this node has a replica.
    pub(crate) fn may_lose(&self, node: BrokerId) -> bool {
        let mut here = self.partitions.values();
        here.all(|of| of.is_settled && of.replicas.len() >= 3)
            && self
                .partitions
                .values()
                .any(|of| of.replicas.iter().any(|&(_, at)| at == node))
    }

    /// The disk of a node is gone: its replicas are no more, and others are to take their place.
    pub(crate) fn lost(&mut self, node: BrokerId) {
        self.version += 1;
        for of in self.partitions.values_mut() {
            let here = |replicas: &[(ReplicaId, BrokerId)]| {
                replicas.iter().position(|&(_, at)| at == node)
            };
            if let Some(at) = here(&of.wanted) {
                self.replicas_made += 1;
                let new = (ReplicaId(self.replicas_made), node);
                of.wanted[at] = new;
                of.is_settled = false;
                of.replicas.retain(|&(_, at)| at != node);
                of.replicas.push(new);
            }
        }
    }

    /// A leader says who the voters are; whether that is what was wanted, and is news.
    pub(crate) fn settled(&mut self, partition: TopicPartition, voters: &[ReplicaId]) -> bool {
        let Some(of) = self.partitions.get_mut(&partition) else {
            return false;
        };
        let mut wanted: Vec<_> = of.wanted.iter().map(|&(id, _)| id).collect();
        let mut voters = voters.to_vec();
        wanted.sort_unstable();
        voters.sort_unstable();
        if of.is_settled || wanted != voters {
            return false;
        }
        of.is_settled = true;
        of.replicas.clone_from(&of.wanted);
        self.version += 1;
        true
    }

    /// The replicas that a partition is to have.
    pub(crate) fn wanted(&self, partition: TopicPartition) -> Vec<ReplicaId> {
        let of = self.partitions.get(&partition).into_iter();
        of.flat_map(|of| &of.wanted).map(|&(id, _)| id).collect()
    }

    /// Where a partition's replicas live: those that it is to have, and those that are to go.
    pub(crate) fn living(&self, partition: TopicPartition) -> Vec<(ReplicaId, BrokerId)> {
        let of = self.partitions.get(&partition);
        of.map(|of| of.replicas.clone()).unwrap_or_default()
    }

    /// Partitions whose replicas are not those that they are to have.
    pub(crate) fn unsettled(&self) -> Vec<TopicPartition> {
        self.that(|of| !of.is_settled)
    }

    pub(crate) fn delete(&mut self, partition: TopicPartition) {
        self.version += 1;
        self.partitions.remove(&partition);
    }

    /// The partitions that clients write to and read.
    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        self.that(|of| matches!(of.kind, Kind::Plain | Kind::Recorded))
    }

    /// The partitions of group coordinators.
    pub(crate) fn offsets(&self) -> Vec<TopicPartition> {
        self.that(|of| of.kind == Kind::Groups)
    }

    /// The log of the metadata, if it has one.
    pub(crate) fn metadata(&self) -> Option<TopicPartition> {
        self.that(|of| of.kind == Kind::Metadata).pop()
    }

    fn that(&self, is: impl Fn(&Partition) -> bool) -> Vec<TopicPartition> {
        let some = self.partitions.iter().filter(|(_, of)| is(of));
        some.map(|(&partition, _)| partition).collect()
    }

    /// Whether a partition's records are those of group coordinators.
    pub(crate) fn keeps_groups(&self, partition: TopicPartition) -> bool {
        let of = self.partitions.get(&partition);
        of.is_some_and(|of| of.kind == Kind::Groups)
    }

    /// Whether nodes learn of the partition by the metadata log.
    pub(crate) fn is_recorded(&self, partition: TopicPartition) -> bool {
        let of = self.partitions.get(&partition);
        of.is_some_and(|of| of.kind == Kind::Recorded)
    }

    pub(crate) fn exists(&self, partition: TopicPartition) -> bool {
        self.partitions.contains_key(&partition)
    }

    /// The nodes that hold a replica.
    pub(crate) fn nodes_of(&self, partition: TopicPartition) -> Vec<BrokerId> {
        let of = self.partitions.get(&partition);
        of.map(|of| of.replicas.iter().map(|&(_, node)| node).collect())
            .unwrap_or_default()
    }

    /// What a node has to hold.
    pub(crate) fn specs_of(&self, node: BrokerId) -> Vec<PartitionSpec> {
        let here = self.partitions.iter().filter_map(|(&partition, of)| {
            let (replica, _) = *of.replicas.iter().find(|&&(_, at)| at == node)?;
            Some(PartitionSpec {
                topic: partition.topic,
                topic_name: of.topic_name.clone(),
                partition: partition.partition,
                replica,
                voters: of.founders.clone(),
                config: of.config.clone(),
                min_insync_replicas: 1,
            })
        });
        here.collect()
    }
}
