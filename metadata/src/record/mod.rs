//! What the metadata log holds: facts about the cluster, one record each.
//!
//! On disk a record is a kind, a version and the fields of that version, in the flexible encoding of the protocol. A
//! field that a later release adds goes into the tagged suffix, which older releases skip; a change that older
//! releases must not skip raises the version, and they refuse the record rather than misread it.

mod batch;
mod bodies;
mod codec;

use std::sync::Arc;

pub use batch::BatchError;
pub use bodies::{
    BrokerRegistered, BrokerUnregistered, ClusterIdSet, ConfigRemoved, ConfigSet, Endpoint,
    FeatureLevelSet, PartitionLed, PartitionPlaced, ProducerIdsAllocated, Replica, TopicCreated,
    TopicRemoved,
};
pub use codec::RecordError;

/// A fact about the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataRecord {
    /// The cluster has this id.
    ClusterIdSet(ClusterIdSet),
    /// A feature has this level.
    FeatureLevelSet(FeatureLevelSet),
    /// A broker is part of the cluster; repeated when it comes back with other addresses.
    BrokerRegistered(BrokerRegistered),
    /// A broker is no longer part of the cluster.
    BrokerUnregistered(BrokerUnregistered),
    /// A topic exists; its partitions follow.
    TopicCreated(TopicCreated),
    /// A partition exists, with these replicas.
    PartitionPlaced(PartitionPlaced),
    /// A partition has this leader.
    PartitionLed(PartitionLed),
    /// A topic, its partitions and its settings are gone.
    TopicRemoved(TopicRemoved),
    /// A setting has this value.
    ConfigSet(ConfigSet),
    /// A setting has its default again.
    ConfigRemoved(ConfigRemoved),
    /// A broker took the producer ids before this one.
    ProducerIdsAllocated(ProducerIdsAllocated),
}

/// Text that is shared, not copied, between images.
pub type Text = Arc<str>;
