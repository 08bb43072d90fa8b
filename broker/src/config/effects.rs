//! Which of Kafka's settings change something here.

use thalweg_metadata::config::topic_keys;

/// Settings of the broker that have an effect, beside those that are the defaults of topics.
const EFFECTIVE: &[&str] = &[
    "advertised.listeners",
    "auto.create.topics.enable",
    "broker.id",
    "broker.rack",
    "connections.max.idle.ms",
    "controller.listener.names",
    "controller.quorum.voters",
    "default.replication.factor",
    "delete.topic.enable",
    "fetch.max.bytes",
    "group.initial.rebalance.delay.ms",
    "group.max.session.timeout.ms",
    "group.max.size",
    "group.min.session.timeout.ms",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "log.retention.check.interval.ms",
    "max.incremental.fetch.session.cache.slots",
    "max.request.partition.size.limit",
    "node.id",
    "num.partitions",
    "offset.metadata.max.bytes",
    "offsets.commit.timeout.ms",
    "offsets.retention.check.interval.ms",
    "offsets.retention.minutes",
    "offsets.topic.num.partitions",
    "offsets.topic.replication.factor",
    "offsets.topic.segment.bytes",
    "process.roles",
    "producer.id.expiration.ms",
    "socket.request.max.bytes",
];

/// Settings of topics that nothing uses: nothing is compacted or kept elsewhere, every acknowledged record is synced,
/// and a deleted file goes at once.
const UNUSED_TOPIC_KEYS: &[&str] = &[
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "preallocate",
    "unclean.leader.election.enable",
];

/// Whether a setting changes something.
pub(super) fn has_effect(key: &str) -> bool {
    EFFECTIVE.contains(&key) || gives_a_default(key)
}

fn gives_a_default(key: &str) -> bool {
    let topics = topic_keys().iter();
    let mut used = topics.filter(|topic| !UNUSED_TOPIC_KEYS.contains(&topic.name));
    used.any(|topic| topic.synonyms.iter().any(|synonym| synonym.name == key))
}

#[cfg(test)]
mod tests {
    use thalweg_metadata::config::broker_keys;

    use super::*;

    #[test]
    fn effects_are_those_of_settings_that_exist() {
        for key in EFFECTIVE {
            assert!(broker_keys().get(key).is_some(), "{key}");
        }
        for key in UNUSED_TOPIC_KEYS {
            assert!(topic_keys().get(key).is_some(), "{key}");
        }
        assert!(has_effect("log.retention.hours") && has_effect("message.max.bytes"));
        assert!(!has_effect("num.io.threads") && !has_effect("log.flush.interval.messages"));
    }
}
