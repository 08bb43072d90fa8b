//! An image as the fewest records that make it: what a snapshot of the metadata log holds.

use std::sync::Arc;

use super::MetadataImage;
use crate::record::{
    ClusterIdSet, ConfigSet, FeatureLevelSet, MetadataRecord, PartitionLed, PartitionPlaced,
    ProducerIdsAllocated, TopicCreated,
};
use thalweg_model::{BrokerId, ProducerId};

impl MetadataImage {
    /// Records that, applied to an empty image, make this one.
    #[must_use]
    pub fn to_records(&self) -> Vec<MetadataRecord> {
        let mut records = Vec::new();
        if let Some(id) = &self.cluster_id {
            let id = Arc::clone(id);
            records.push(MetadataRecord::ClusterIdSet(ClusterIdSet { id }));
        }
        for (name, &level) in self.features.iter() {
            let name = Arc::clone(name);
            let feature = FeatureLevelSet { name, level };
            records.push(MetadataRecord::FeatureLevelSet(feature));
        }
        let brokers = self.brokers.values();
        records.extend(brokers.map(|broker| MetadataRecord::BrokerRegistered(broker.record())));
        self.push_topics(&mut records);
        for (resource, configs) in self.configs.iter() {
            records.extend(configs.iter().map(|(key, value)| {
                MetadataRecord::ConfigSet(ConfigSet {
                    resource: resource.clone(),
                    key: Arc::clone(key),
                    value: Arc::clone(value),
                })
            }));
        }
        if self.producer_id_next > ProducerId(0) {
            let next = self.producer_id_next;
            // Who took the last block does not matter any more.
            let broker = BrokerId(-1);
            let allocated = ProducerIdsAllocated { broker, next };
            records.push(MetadataRecord::ProducerIdsAllocated(allocated));
        }
        records
    }

    fn push_topics(&self, records: &mut Vec<MetadataRecord>) {
        for topic in self.topics() {
            records.push(MetadataRecord::TopicCreated(TopicCreated {
                name: Arc::clone(&topic.name),
                id: topic.id,
            }));
            for (index, partition) in topic.indexed() {
                records.push(MetadataRecord::PartitionPlaced(PartitionPlaced {
                    topic: topic.id,
                    partition: index,
                    replicas: partition.replicas.clone(),
                }));
                records.push(MetadataRecord::PartitionLed(PartitionLed {
                    topic: topic.id,
                    partition: index,
                    leader: partition.leader,
                    epoch: partition.leader_epoch,
                    in_sync: partition.in_sync.clone(),
                }));
            }
        }
    }
}
