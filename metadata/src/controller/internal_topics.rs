//! The coordinators' own topics, as they are created when first needed.

use super::Controller;
use super::create_topics::{NewTopic, ReplicationFactor};
use crate::config::ConfigLayers;

impl Controller<'_> {
    /// The topic that a client's first question for `name` creates: an internal one as its coordinator needs it, any
    /// other with the broker's defaults.
    #[must_use]
    pub fn automatic_topic(&self, name: &str) -> NewTopic {
        internal_topic(name, &self.layers).unwrap_or_else(|| NewTopic {
            name: name.to_owned(),
            partitions: None,
            replication: ReplicationFactor::Default,
            assignments: Vec::new(),
            configs: Vec::new(),
        })
    }
}

/// The definition of an internal topic; `None` if the name is none of theirs.
fn internal_topic(name: &str, layers: &ConfigLayers<'_>) -> Option<NewTopic> {
    let value = |key: &str| layers.broker_integer(key).to_string();
    // More in-sync replicas than brokers would refuse every write.
    let min_isr = |key: &str| {
        let brokers = i64::try_from(layers.image().brokers().len()).unwrap_or(i64::MAX);
        layers.broker_integer(key).min(brokers.max(1)).to_string()
    };
    let (prefix, configs) = match name {
        "__consumer_offsets" => (
            "offsets.topic",
            vec![
                ("cleanup.policy", "compact".to_owned()),
                ("compression.type", "producer".to_owned()),
                ("segment.bytes", value("offsets.topic.segment.bytes")),
            ],
        ),
        "__transaction_state" => (
            "transaction.state.log",
            vec![
                ("cleanup.policy", "compact".to_owned()),
                ("compression.type", "uncompressed".to_owned()),
                ("unclean.leader.election.enable", "false".to_owned()),
                (
                    "min.insync.replicas",
                    min_isr("transaction.state.log.min.isr"),
                ),
                (
                    "segment.bytes",
                    value("transaction.state.log.segment.bytes"),
                ),
            ],
        ),
        "__share_group_state" => (
            "share.coordinator.state.topic",
            vec![
                ("cleanup.policy", "delete".to_owned()),
                ("compression.type", "producer".to_owned()),
                (
                    "min.insync.replicas",
                    min_isr("share.coordinator.state.topic.min.isr"),
                ),
                ("retention.ms", "-1".to_owned()),
                (
                    "segment.bytes",
                    value("share.coordinator.state.topic.segment.bytes"),
                ),
            ],
        ),
        _ => return None,
    };
    let integer = |suffix: &str| layers.broker_integer(&format!("{prefix}.{suffix}"));
    let factor = i16::try_from(integer("replication.factor")).unwrap_or(i16::MAX);
    Some(NewTopic {
        name: name.to_owned(),
        partitions: Some(i32::try_from(integer("num.partitions")).unwrap_or(i32::MAX)),
        replication: ReplicationFactor::AtMost(factor),
        assignments: Vec::new(),
        configs: configs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Some(value)))
            .collect(),
    })
}
