//! One step from image to image: records are folded into what they change, everything else is shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use thalweg_model::defect::{self, Defect};
use thalweg_model::{BrokerId, PartitionIndex, ProducerId, Uuid};

use super::MetadataImage;
use super::parts::{BrokerImage, ConfigMap, PartitionImage, TopicImage};
use crate::config::ConfigResource;
use crate::record::{
    ConfigRemoved, ConfigSet, FeatureLevelSet, MetadataRecord, PartitionLed, PartitionPlaced, Text,
    TopicCreated,
};

/// A record that contradicts the image it is applied to. Only a damaged log has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A topic is created whose name or id is taken.
    #[error("metadata log: topic {0} is created a second time")]
    TopicExists(Text),
    /// A record is about a topic that does not exist.
    #[error("metadata log: no topic has the id {0}")]
    NoTopic(Uuid),
    /// A partition is placed out of order.
    #[error(
        "metadata log: partition {partition} of topic {topic} is placed after {count} partitions"
    )]
    PartitionOrder {
        /// The topic's name.
        topic: Text,
        /// The partition.
        partition: PartitionIndex,
        /// Partitions the topic has.
        count: usize,
    },
    /// A record is about a partition that does not exist.
    #[error("metadata log: topic {0} has no partition {1}")]
    NoPartition(Text, PartitionIndex),
    /// A record is about a broker that is not registered.
    #[error("metadata log: broker {0} is not registered")]
    NoBroker(BrokerId),
    /// Producer ids that somebody has are given out again.
    #[error("metadata log: producer ids go back from {from} to {to}")]
    ProducerIds {
        /// The first free id so far.
        from: ProducerId,
        /// The first free id after the record.
        to: ProducerId,
    },
}

/// What a step changed, for those who must act on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChanges {
    /// Topics that exist now and did not before.
    pub topics_created: Vec<Arc<TopicImage>>,
    /// Topics that were there before, with more partitions or other leaders.
    pub topics_changed: Vec<Arc<TopicImage>>,
    /// Topics that are gone.
    pub topics_removed: Vec<Arc<TopicImage>>,
    /// Resources with other settings than before; a topic that is gone is not among them.
    pub configs: Vec<ConfigResource>,
    /// Brokers that came, went or have other addresses.
    pub brokers: Vec<BrokerId>,
}

/// An image being changed.
#[derive(Clone, Debug)]
pub struct MetadataDelta {
    base: MetadataImage,
    cluster_id: Option<Text>,
    features: BTreeMap<Text, i16>,
    brokers: BTreeMap<BrokerId, Option<BrokerImage>>,
    /// Topics touched by this step; `None` is removed.
    topics: BTreeMap<Uuid, Option<TopicImage>>,
    /// Names taken or given up by this step.
    names: BTreeMap<Text, Option<Uuid>>,
    configs: BTreeMap<ConfigResource, ConfigMap>,
    producer_id_next: ProducerId,
}

impl MetadataDelta {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(base: &MetadataImage) -> Self {
        Self {
            base: base.clone(),
            cluster_id: base.cluster_id.clone(),
            features: BTreeMap::new(),
            brokers: BTreeMap::new(),
            topics: BTreeMap::new(),
            names: BTreeMap::new(),
            configs: BTreeMap::new(),
            producer_id_next: base.producer_id_next,
        }
    }

    /// Folds one record in.
    ///
    /// # Errors
    /// The record contradicts what was before it.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::ClusterIdSet(record) => {
                self.cluster_id = Some(Arc::clone(&record.id));
                Ok(())
            }
            MetadataRecord::FeatureLevelSet(FeatureLevelSet { name, level }) => {
                self.features.insert(Arc::clone(name), *level);
                Ok(())
            }
            MetadataRecord::BrokerRegistered(record) => {
                let broker = BrokerImage::of(record);
                self.brokers.insert(record.id, Some(broker));
                Ok(())
            }
            MetadataRecord::BrokerUnregistered(record) => self.unregister(record.id),
            MetadataRecord::TopicCreated(record) => self.create_topic(record),
            MetadataRecord::PartitionPlaced(record) => self.place_partition(record),
            MetadataRecord::PartitionLed(record) => self.lead_partition(record),
            MetadataRecord::TopicRemoved(record) => self.remove_topic(record.id),
            MetadataRecord::ConfigSet(ConfigSet {
                resource,
                key,
                value,
            }) => {
                let configs = self.configs_mut(resource);
                configs.insert(Arc::clone(key), Arc::clone(value));
                Ok(())
            }
            MetadataRecord::ConfigRemoved(ConfigRemoved { resource, key }) => {
                self.configs_mut(resource).remove(key);
                Ok(())
            }
            MetadataRecord::ProducerIdsAllocated(record) => self.allocate(record.next),
        }
    }

    /// The image after the step, and what the step changed.
    #[must_use]
    pub fn finish(self) -> (MetadataImage, MetadataChanges) {
        let mut image = self.base.clone();
        let mut changes = MetadataChanges::default();
        image.cluster_id = self.cluster_id;
        image.producer_id_next = self.producer_id_next;
        if !self.features.is_empty() {
            let features = Arc::make_mut(&mut image.features);
            features.extend(self.features);
            features.retain(|_, level| *level != 0);
        }
        if !self.brokers.is_empty() {
            let brokers = Arc::make_mut(&mut image.brokers);
            for (id, broker) in self.brokers {
                changes.brokers.push(id);
                match broker {
                    Some(broker) => brokers.insert(id, Arc::new(broker)),
                    None => brokers.remove(&id),
                };
            }
        }
        finish_topics(&mut image, &mut changes, self.topics);
        if !self.configs.is_empty() {
            let configs = Arc::make_mut(&mut image.configs);
            for (resource, map) in self.configs {
                let gone = matches!(&resource, ConfigResource::Topic(name) if !image.topics.contains_key(name));
                if !gone {
                    changes.configs.push(resource.clone());
                }
                if map.is_empty() {
                    configs.remove(&resource);
                } else {
                    configs.insert(resource, Arc::new(map));
                }
            }
        }
        (image, changes)
    }

    fn unregister(&mut self, id: BrokerId) -> Result<(), ReplayError> {
        let known = match self.brokers.get(&id) {
            Some(broker) => broker.is_some(),
            None => self.base.brokers.contains_key(&id),
        };
        if !known {
            return Err(ReplayError::NoBroker(id));
        }
        self.brokers.insert(id, None);
        Ok(())
    }

    fn create_topic(&mut self, record: &TopicCreated) -> Result<(), ReplayError> {
        let name_taken = match self.names.get(&record.name) {
            Some(holder) => holder.is_some(),
            None => self.base.topics.contains_key(&record.name),
        };
        // An id is never used again, not even after its topic is gone.
        let id_taken =
            self.topics.contains_key(&record.id) || self.base.topics_by_id.contains_key(&record.id);
        if name_taken || id_taken {
            return Err(ReplayError::TopicExists(Arc::clone(&record.name)));
        }
        let topic = TopicImage {
            name: Arc::clone(&record.name),
            id: record.id,
            partitions: Vec::new(),
        };
        self.names.insert(Arc::clone(&record.name), Some(record.id));
        self.topics.insert(record.id, Some(topic));
        Ok(())
    }

    fn place_partition(&mut self, record: &PartitionPlaced) -> Result<(), ReplayError> {
        let topic = self.topic_mut(record.topic)?;
        let count = topic.partitions.len();
        if usize::try_from(record.partition.0) != Ok(count) {
            return Err(ReplayError::PartitionOrder {
                topic: Arc::clone(&topic.name),
                partition: record.partition,
                count,
            });
        }
        topic.partitions.push(PartitionImage::of(record));
        Ok(())
    }

    fn lead_partition(&mut self, record: &PartitionLed) -> Result<(), ReplayError> {
        let topic = self.topic_mut(record.topic)?;
        let position = usize::try_from(record.partition.0).ok();
        let found = position.and_then(|position| topic.partitions.get_mut(position));
        let Some(partition) = found else {
            let name = Arc::clone(&topic.name);
            return Err(ReplayError::NoPartition(name, record.partition));
        };
        // Reports travel without order: an older leader's must not undo a newer one's.
        if record.epoch >= partition.leader_epoch {
            partition.leader = record.leader;
            partition.leader_epoch = record.epoch;
            partition.in_sync.clone_from(&record.in_sync);
        }
        Ok(())
    }

    fn remove_topic(&mut self, id: Uuid) -> Result<(), ReplayError> {
        let name = Arc::clone(&self.topic_mut(id)?.name);
        self.topics.insert(id, None);
        self.configs_mut(&ConfigResource::Topic(Arc::clone(&name)))
            .clear();
        self.names.insert(name, None);
        Ok(())
    }

    fn allocate(&mut self, next: ProducerId) -> Result<(), ReplayError> {
        if next < self.producer_id_next {
            return Err(ReplayError::ProducerIds {
                from: self.producer_id_next,
                to: next,
            });
        }
        self.producer_id_next = next;
        Ok(())
    }

    fn topic_mut(&mut self, id: Uuid) -> Result<&mut TopicImage, ReplayError> {
        let base = &self.base;
        let topic = self
            .topics
            .entry(id)
            .or_insert_with(|| base.topics_by_id.get(&id).map(|topic| (**topic).clone()));
        topic.as_mut().ok_or(ReplayError::NoTopic(id))
    }

    fn configs_mut(&mut self, resource: &ConfigResource) -> &mut ConfigMap {
        let base = &self.base;
        self.configs
            .entry(resource.clone())
            .or_insert_with(|| base.configs(resource).clone())
    }
}

fn finish_topics(
    image: &mut MetadataImage,
    changes: &mut MetadataChanges,
    topics: BTreeMap<Uuid, Option<TopicImage>>,
) {
    if topics.is_empty() {
        return;
    }
    let by_name = Arc::make_mut(&mut image.topics);
    let by_id = Arc::make_mut(&mut image.topics_by_id);
    // Removals first: a name may be given up and taken again in one step.
    let (present, gone): (Vec<_>, Vec<_>) =
        topics.into_iter().partition(|(_, topic)| topic.is_some());
    for (id, _) in gone {
        if let Some(topic) = by_id.remove(&id) {
            if !defect::is_on(Defect::RemovedTopicStays) {
                by_name.remove(&topic.name);
            }
            changes.topics_removed.push(topic);
        }
    }
    for (id, topic) in present {
        let topic = Arc::new(topic.expect("partitioned by presence"));
        by_name.insert(Arc::clone(&topic.name), Arc::clone(&topic));
        let list = match by_id.insert(id, Arc::clone(&topic)) {
            None => &mut changes.topics_created,
            Some(_) => &mut changes.topics_changed,
        };
        list.push(topic);
    }
}
