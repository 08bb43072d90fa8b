//! Leaders that partitions have elected.

use thalweg_model::BrokerId;

use super::{Controller, Outcome};
use crate::record::{MetadataRecord, PartitionLed};

impl Controller<'_> {
    /// Takes over reports of leaders; what the image knows already, or knows better, makes no record.
    #[must_use]
    pub fn report_leaders(&self, reports: Vec<PartitionLed>) -> Outcome<()> {
        let mut records = Vec::new();
        for report in reports {
            let topic = self.image.topic_by_id(report.topic);
            let Some(known) = topic.and_then(|topic| topic.partition(report.partition)) else {
                continue;
            };
            let as_known = known.leader == report.leader
                && known.leader_epoch == report.epoch
                && known.in_sync == report.in_sync;
            let replicas: Vec<BrokerId> = known.brokers().collect();
            let holds = |broker: &BrokerId| replicas.contains(broker);
            let plausible =
                report.leader.as_ref().is_none_or(holds) && report.in_sync.iter().all(holds);
            if !as_known && plausible && report.epoch >= known.leader_epoch {
                records.push(MetadataRecord::PartitionLed(report));
            }
        }
        Outcome { records, reply: () }
    }
}
