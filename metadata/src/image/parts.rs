//! The parts of the image.

use std::collections::BTreeMap;

use thalweg_model::{BrokerId, LeaderEpoch, PartitionIndex, Uuid, is_internal_topic};

use crate::record::{BrokerRegistered, Endpoint, PartitionPlaced, Replica, Text};

/// Settings of one resource.
pub type ConfigMap = BTreeMap<Text, Text>;

/// A broker of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    /// Its id.
    pub id: BrokerId,
    /// Tells two starts of the broker apart.
    pub incarnation: Uuid,
    /// Where clients reach it.
    pub endpoints: Vec<Endpoint>,
    /// Its rack.
    pub rack: Option<Text>,
    /// Ids of its data directories.
    pub directories: Vec<Uuid>,
}

impl BrokerImage {
    /// Where clients of a listener reach the broker.
    #[must_use]
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| &*endpoint.listener == listener)
    }

    pub(super) fn of(record: &BrokerRegistered) -> Self {
        Self {
            id: record.id,
            incarnation: record.incarnation,
            endpoints: record.endpoints.clone(),
            rack: record.rack.clone(),
            directories: record.directories.clone(),
        }
    }

    pub(super) fn record(&self) -> BrokerRegistered {
        BrokerRegistered {
            id: self.id,
            incarnation: self.incarnation,
            endpoints: self.endpoints.clone(),
            rack: self.rack.clone(),
            directories: self.directories.clone(),
        }
    }
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Its name.
    pub name: Text,
    /// Id of this incarnation.
    pub id: Uuid,
    /// Its partitions; the position is the index.
    pub partitions: Vec<PartitionImage>,
}

impl TopicImage {
    /// A partition.
    #[must_use]
    pub fn partition(&self, index: PartitionIndex) -> Option<&PartitionImage> {
        self.partitions.get(usize::try_from(index.0).ok()?)
    }

    /// Partitions with their indexes.
    ///
    /// # Panics
    /// Never: replay bounds the partitions of a topic.
    pub fn indexed(&self) -> impl ExactSizeIterator<Item = (PartitionIndex, &PartitionImage)> {
        self.partitions
            .iter()
            .enumerate()
            .map(|(position, partition)| {
                let index =
                    i32::try_from(position).expect("replay bounds the partitions of a topic");
                (PartitionIndex(index), partition)
            })
    }

    /// Whether the topic is a coordinator's own log.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        is_internal_topic(&self.name)
    }
}

/// A partition. Whether its leader serves yet is known to that broker alone: Metadata must ask there before naming it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// Its replicas; the first is the preferred leader.
    pub replicas: Vec<Replica>,
    /// The leader as last reported; at first the preferred one.
    pub leader: Option<BrokerId>,
    /// The leader's epoch; 0 until a leader was reported.
    pub leader_epoch: LeaderEpoch,
    /// Replicas that are caught up, as last reported; at first all.
    pub in_sync: Vec<BrokerId>,
}

impl PartitionImage {
    /// The brokers that hold a replica, the preferred leader first.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = BrokerId> {
        self.replicas.iter().map(|replica| replica.broker)
    }

    pub(super) fn of(record: &PartitionPlaced) -> Self {
        Self {
            leader: record.replicas.first().map(|replica| replica.broker),
            leader_epoch: LeaderEpoch::ZERO,
            in_sync: record
                .replicas
                .iter()
                .map(|replica| replica.broker)
                .collect(),
            replicas: record.replicas.clone(),
        }
    }
}
