//! What the cluster's metadata says: which partitions there are and where their replicas live.

use std::collections::BTreeMap;

use thalweg_log::LogConfig;
use thalweg_model::{BrokerId, PartitionIndex, ReplicaId, TopicPartition, Uuid};
use thalweg_replica::PartitionSpec;

/// One partition.
#[derive(Clone, Debug)]
struct Partition {
    topic_name: String,
    replicas: Vec<(ReplicaId, BrokerId)>,
    config: LogConfig,
}

/// All partitions.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    partitions: BTreeMap<TopicPartition, Partition>,
    topics_made: u64,
    replicas_made: u64,
    /// Moves with every change.
    pub(crate) version: u64,
}

impl Directory {
    /// Makes a topic of one partition with a replica on each of the nodes. Names are used again.
    pub(crate) fn create(&mut self, nodes: &[BrokerId], config: LogConfig) -> TopicPartition {
        self.topics_made += 1;
        self.version += 1;
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
        let mut replicas = Vec::new();
        for &node in nodes {
            self.replicas_made += 1;
            replicas.push((ReplicaId(self.replicas_made), node));
        }
        self.partitions.insert(
            partition,
            Partition {
                topic_name: name,
                replicas,
                config,
            },
        );
        partition
    }

    pub(crate) fn delete(&mut self, partition: TopicPartition) {
        self.version += 1;
        self.partitions.remove(&partition);
    }

    pub(crate) fn partitions(&self) -> Vec<TopicPartition> {
        self.partitions.keys().copied().collect()
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
                voters: of.replicas.clone(),
                config: of.config.clone(),
                min_insync_replicas: 1,
            })
        });
        here.collect()
    }
}
