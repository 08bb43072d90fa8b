//! The fields of each record.

use thalweg_model::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, ReplicaId, Uuid};

use super::Text;
use crate::config::ConfigResource;

/// See [`super::MetadataRecord::ClusterIdSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdSet {
    /// The id; by habit the text of a UUID, but any text is allowed.
    pub id: Text,
}

/// See [`super::MetadataRecord::FeatureLevelSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevelSet {
    /// The feature.
    pub name: Text,
    /// Its level; 0 switches it off.
    pub level: i16,
}

/// An address of a broker under one of its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub listener: Text,
    /// Host name or address that clients connect to.
    pub host: Text,
    /// Port that clients connect to.
    pub port: u16,
    /// Kafka's number of the security protocol: 0 plaintext, 1 SSL, 2 SASL plaintext, 3 SASL SSL.
    pub security_protocol: i16,
}

/// See [`super::MetadataRecord::BrokerRegistered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistered {
    /// The broker.
    pub id: BrokerId,
    /// Tells two starts of the same broker apart.
    pub incarnation: Uuid,
    /// Where clients reach it.
    pub endpoints: Vec<Endpoint>,
    /// Its rack.
    pub rack: Option<Text>,
    /// Ids of its data directories, in the order of `log.dirs`.
    pub directories: Vec<Uuid>,
}

/// See [`super::MetadataRecord::BrokerUnregistered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUnregistered {
    /// The broker.
    pub id: BrokerId,
}

/// See [`super::MetadataRecord::TopicCreated`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCreated {
    /// Its name.
    pub name: Text,
    /// Id of this incarnation; a topic created again under the name has another.
    pub id: Uuid,
}

/// One copy of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its identity in the partition's Raft group.
    pub id: ReplicaId,
    /// The broker that holds it.
    pub broker: BrokerId,
    /// The data directory that holds it; nil until the broker has chosen one.
    pub directory: Uuid,
}

/// See [`super::MetadataRecord::PartitionPlaced`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPlaced {
    /// The topic.
    pub topic: Uuid,
    /// The partition; partitions of a topic come in order, without gaps.
    pub partition: PartitionIndex,
    /// Its replicas; the first is the preferred leader.
    pub replicas: Vec<Replica>,
}

/// See [`super::MetadataRecord::PartitionLed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLed {
    /// The topic.
    pub topic: Uuid,
    /// The partition.
    pub partition: PartitionIndex,
    /// The leader; none while there is no majority.
    pub leader: Option<BrokerId>,
    /// The leader's epoch; a record of an older epoch changes nothing.
    pub epoch: LeaderEpoch,
    /// Replicas that are caught up.
    pub in_sync: Vec<BrokerId>,
}

/// See [`super::MetadataRecord::TopicRemoved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRemoved {
    /// The topic.
    pub id: Uuid,
}

/// See [`super::MetadataRecord::ConfigSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSet {
    /// What the setting belongs to.
    pub resource: ConfigResource,
    /// The key.
    pub key: Text,
    /// The value, as it was given.
    pub value: Text,
}

/// See [`super::MetadataRecord::ConfigRemoved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRemoved {
    /// What the setting belongs to.
    pub resource: ConfigResource,
    /// The key.
    pub key: Text,
}

/// See [`super::MetadataRecord::ProducerIdsAllocated`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerIdsAllocated {
    /// The broker that asked.
    pub broker: BrokerId,
    /// The first id that nobody has.
    pub next: ProducerId,
}
