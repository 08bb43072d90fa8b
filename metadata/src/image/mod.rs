//! The cluster as the records say it is: immutable, cheap to clone.

mod delta;
mod parts;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use thalweg_model::{BrokerId, PartitionIndex, ProducerId, TopicPartition, Uuid};

pub use delta::{MetadataChanges, MetadataDelta, ReplayError};
pub use parts::{BrokerImage, ConfigMap, PartitionImage, TopicImage};

use crate::config::ConfigResource;
use crate::record::{MetadataRecord, Text};

/// The cluster at one moment. A clone copies a few reference counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    cluster_id: Option<Text>,
    features: Arc<BTreeMap<Text, i16>>,
    brokers: Arc<BTreeMap<BrokerId, Arc<BrokerImage>>>,
    topics: Arc<BTreeMap<Text, Arc<TopicImage>>>,
    topics_by_id: Arc<BTreeMap<Uuid, Arc<TopicImage>>>,
    configs: Arc<BTreeMap<ConfigResource, Arc<ConfigMap>>>,
    producer_id_next: ProducerId,
}

impl MetadataImage {
    /// The next image: this one and `records` in their order.
    ///
    /// # Errors
    /// A record contradicts the image: the log is damaged, and the node must stop.
    pub fn apply<'r>(
        &self,
        records: impl IntoIterator<Item = &'r MetadataRecord>,
    ) -> Result<(Self, MetadataChanges), ReplayError> {
        let mut delta = MetadataDelta::new(self);
        for record in records {
            delta.replay(record)?;
        }
        Ok(delta.finish())
    }

    /// The cluster's id; none before the first records.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// Level of a feature; 0 if it is off.
    #[must_use]
    pub fn feature_level(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// Features that are on.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        self.features.iter().map(|(name, &level)| (&**name, level))
    }

    /// A broker of the cluster.
    #[must_use]
    pub fn broker(&self, id: BrokerId) -> Option<&BrokerImage> {
        self.brokers.get(&id).map(|broker| &**broker)
    }

    /// Brokers of the cluster in the order of their ids.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &BrokerImage> {
        self.brokers.values().map(|broker| &**broker)
    }

    /// The topic of this name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(name)
    }

    /// The topic of this id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topics_by_id.get(&id)
    }

    /// Topics in the order of their names.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &Arc<TopicImage>> {
        self.topics.values()
    }

    /// Topics from `name` on, in the order of their names: where a page of a listing begins.
    pub fn topics_from<'i>(&'i self, name: &str) -> impl Iterator<Item = &'i Arc<TopicImage>> {
        self.topics
            .range(Text::from(name)..)
            .map(|(_, topic)| topic)
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, of: TopicPartition) -> Option<&PartitionImage> {
        self.topic_by_id(of.topic)?.partition(of.partition)
    }

    /// A partition of the topic of this name, with the topic's id.
    #[must_use]
    pub fn topic_partition(&self, name: &str, index: PartitionIndex) -> Option<TopicPartition> {
        let topic = self.topic(name)?;
        topic.partition(index)?;
        Some(TopicPartition {
            topic: topic.id,
            partition: index,
        })
    }

    /// Settings that were given for a resource.
    #[must_use]
    pub fn configs(&self, resource: &ConfigResource) -> &ConfigMap {
        static EMPTY: ConfigMap = ConfigMap::new();
        self.configs
            .get(resource)
            .map_or(&EMPTY, |configs| &**configs)
    }

    /// Resources that have settings of their own.
    pub fn configured(&self) -> impl Iterator<Item = &ConfigResource> {
        self.configs.keys()
    }

    /// The first producer id that nobody has.
    #[must_use]
    pub fn producer_id_next(&self) -> ProducerId {
        self.producer_id_next
    }
}
