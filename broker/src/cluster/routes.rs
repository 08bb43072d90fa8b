//! From a topic's name or id to the groups and rules of its partitions: what the hot paths look up.

use std::collections::BTreeMap;
use std::rc::Rc;

use thalweg_log::GroupId;
use thalweg_metadata::config::{RecordValidation, TimestampType, TopicCompression, TopicConfig};
use thalweg_model::compression::{Compression, Level};
use thalweg_model::{Timestamp, Uuid};

/// Where requests for a topic go, and what its records must keep to.
#[derive(Debug)]
pub(crate) struct TopicRoute {
    pub(crate) id: Uuid,
    pub(crate) name: Rc<str>,
    pub(crate) is_internal: bool,
    /// The group of each partition.
    pub(crate) groups: Vec<GroupId>,
    pub(crate) rules: TopicRules,
}

/// What a topic's settings ask of a batch.
#[derive(Clone, Debug)]
pub(crate) struct TopicRules {
    pub(crate) max_message_bytes: usize,
    /// Every record needs a key.
    pub(crate) compacted: bool,
    /// Old records may be deleted.
    pub(crate) deletable: bool,
    /// The broker stamps records.
    pub(crate) log_append_time: bool,
    /// The codec in which batches are stored; none keeps the producer's.
    pub(crate) compression: Option<Compression>,
    pub(crate) compression_level: Level,
    /// How much of a compressed batch is looked at.
    pub(crate) validation: RecordValidation,
    timestamp_before_ms_max: Option<u64>,
    timestamp_after_ms_max: Option<u64>,
}

impl TopicRoute {
    /// The group of a partition, if there is such a partition.
    pub(crate) fn group(&self, partition: i32) -> Option<GroupId> {
        self.groups.get(usize::try_from(partition).ok()?).copied()
    }
}

impl TopicRules {
    pub(crate) fn of(config: &TopicConfig) -> Self {
        Self {
            max_message_bytes: usize::try_from(config.max_message_bytes)
                .expect("32 bits fit an address"),
            compacted: config.cleanup.compact,
            deletable: config.cleanup.delete,
            log_append_time: config.timestamp_type == TimestampType::LogAppendTime,
            compression: match config.compression {
                TopicCompression::Producer => None,
                TopicCompression::Codec(codec) => Some(codec),
            },
            compression_level: config.compression_level,
            validation: config.record_validation,
            timestamp_before_ms_max: config.timestamp_before_max_ms,
            timestamp_after_ms_max: config.timestamp_after_max_ms,
        }
    }

    /// Whether a producer's timestamp is near enough to the broker's clock. Records without one are.
    pub(crate) fn is_timely(&self, timestamp: i64, now: Timestamp) -> bool {
        if timestamp == Timestamp::NONE.0 {
            return true;
        }
        let (distance, limit) = if timestamp < now.0 {
            (now.0.abs_diff(timestamp), self.timestamp_before_ms_max)
        } else {
            (timestamp.abs_diff(now.0), self.timestamp_after_ms_max)
        };
        limit.is_none_or(|limit| distance <= limit)
    }
}

/// All routes of a node.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_name: BTreeMap<Rc<str>, Rc<TopicRoute>>,
    by_id: BTreeMap<Uuid, Rc<TopicRoute>>,
}

impl Routes {
    pub(super) fn by_name(&self, name: &str) -> Option<Rc<TopicRoute>> {
        self.by_name.get(name).cloned()
    }

    pub(super) fn by_id(&self, id: Uuid) -> Option<Rc<TopicRoute>> {
        self.by_id.get(&id).cloned()
    }

    pub(super) fn insert(&mut self, route: TopicRoute) {
        let route = Rc::new(route);
        self.by_name
            .insert(Rc::clone(&route.name), Rc::clone(&route));
        self.by_id.insert(route.id, route);
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Option<Rc<TopicRoute>> {
        let route = self.by_id.remove(&id)?;
        // The name may have been taken by the topic's next incarnation already.
        if self
            .by_name
            .get(&route.name)
            .is_some_and(|holder| holder.id == id)
        {
            self.by_name.remove(&route.name);
        }
        Some(route)
    }
}
