//! The first records of a cluster.

use super::{Controller, Outcome};
use crate::config::ConfigResource;
use crate::record::{ClusterIdSet, ConfigSet, FeatureLevelSet, MetadataRecord};

/// A cluster begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Its id.
    pub cluster_id: String,
    /// Its features and their levels.
    pub features: Vec<(String, i16)>,
}

impl Controller<'_> {
    /// The first records of a cluster; none if it has begun.
    #[must_use]
    pub fn bootstrap(&self, command: &Bootstrap) -> Outcome<()> {
        let mut records = Vec::new();
        if self.image.cluster_id().is_none() {
            let id = command.cluster_id.as_str().into();
            records.push(MetadataRecord::ClusterIdSet(ClusterIdSet { id }));
            for (name, level) in &command.features {
                records.push(MetadataRecord::FeatureLevelSet(FeatureLevelSet {
                    name: name.as_str().into(),
                    level: *level,
                }));
            }
            let features = command.features.iter();
            let eligible_leaders = features
                .filter(|(name, _)| name == "eligible.leader.replicas.version")
                .any(|(_, level)| *level > 0);
            if eligible_leaders {
                records.push(self.cluster_min_isr());
            }
        }
        Outcome { records, reply: () }
    }

    /// KIP-966: with eligible leader replicas the cluster has one minimum, so it is made explicit at once.
    fn cluster_min_isr(&self) -> MetadataRecord {
        let value = self.layers.broker_integer("min.insync.replicas");
        MetadataRecord::ConfigSet(ConfigSet {
            resource: ConfigResource::AllBrokers,
            key: "min.insync.replicas".into(),
            value: value.to_string().into(),
        })
    }
}
