//! The settings of a topic as the broker uses them.

use thalweg_model::compression::{Compression, Level};

use super::definition::ConfigKey;
use super::describe::ConfigSource;
use super::layers::ConfigLayers;
use super::resource::ConfigResource;
use super::table::topic_keys;
use super::value::ConfigValue;
use crate::image::ConfigMap;

/// What happens to old records. Neither keeps them for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanup {
    /// Keep the last record of each key.
    pub compact: bool,
    /// Delete by time and size.
    pub delete: bool,
}

/// Whose time records carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's.
    LogAppendTime,
}

/// How batches are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicCompression {
    /// As they came.
    Producer,
    /// With this codec, whatever they came with.
    Codec(Compression),
}

/// How much of a compressed batch is looked at before it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordValidation {
    /// Every record.
    Full,
    /// The header, where nothing is asked of single records.
    Header,
}

/// The settings of a topic, each from its strongest layer.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// `cleanup.policy`.
    pub cleanup: Cleanup,
    /// `compression.type`.
    pub compression: TopicCompression,
    /// The level of that codec: `compression.gzip.level`, `compression.lz4.level` or `compression.zstd.level`.
    pub compression_level: Level,
    /// `delete.retention.ms`: how long tombstones are kept.
    pub delete_retention_ms: u64,
    /// `file.delete.delay.ms`.
    pub file_delete_delay_ms: u64,
    /// `flush.messages`: `None` leaves syncing to the broker, which syncs before it acknowledges.
    pub flush_messages: Option<u64>,
    /// `flush.ms`: `None` as above.
    pub flush_ms: Option<u64>,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u32,
    /// `max.compaction.lag.ms`; `None` for no bound.
    pub max_compaction_lag_ms: Option<u64>,
    /// `max.message.bytes`: the largest batch that is accepted.
    pub max_message_bytes: u32,
    /// `message.timestamp.after.max.ms`: how far ahead of the broker's clock a record may be; `None` for any.
    pub timestamp_after_max_ms: Option<u64>,
    /// `message.timestamp.before.max.ms`: how far behind it may be; `None` for any.
    pub timestamp_before_max_ms: Option<u64>,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `min.cleanable.dirty.ratio`.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`.
    pub min_compaction_lag_ms: u64,
    /// `min.insync.replicas`.
    pub min_insync_replicas: u32,
    /// `preallocate`.
    pub preallocate: bool,
    /// `record.validation`.
    pub record_validation: RecordValidation,
    /// `retention.bytes`; `None` keeps any number.
    pub retention_bytes: Option<u64>,
    /// `retention.ms`; `None` keeps records for ever.
    pub retention_ms: Option<u64>,
    /// `segment.bytes`.
    pub segment_bytes: u32,
    /// `segment.index.bytes`.
    pub segment_index_bytes: u32,
    /// `segment.jitter.ms`.
    pub segment_jitter_ms: u64,
    /// `segment.ms`; `None` for no bound.
    pub segment_ms: Option<u64>,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election: bool,
}

impl ConfigLayers<'_> {
    /// The settings of a topic, whether it exists or not.
    #[must_use]
    pub fn topic_config(&self, name: &str) -> TopicConfig {
        let own = self.image().configs(&ConfigResource::Topic(name.into()));
        self.topic_config_of(own)
    }

    /// The settings of a topic that sets `own`.
    #[must_use]
    pub fn topic_config_of(&self, own: &ConfigMap) -> TopicConfig {
        let values = Values { layers: self, own };
        let compression = values.compression();
        TopicConfig {
            cleanup: values.cleanup(),
            compression,
            compression_level: values.level(compression),
            delete_retention_ms: values.unsigned("delete.retention.ms"),
            file_delete_delay_ms: values.unsigned("file.delete.delay.ms"),
            flush_messages: values.bounded("flush.messages"),
            flush_ms: values.bounded("flush.ms"),
            index_interval_bytes: values.int("index.interval.bytes"),
            max_compaction_lag_ms: values.bounded("max.compaction.lag.ms"),
            max_message_bytes: values.int("max.message.bytes"),
            timestamp_after_max_ms: values.bounded("message.timestamp.after.max.ms"),
            timestamp_before_max_ms: values.bounded("message.timestamp.before.max.ms"),
            timestamp_type: values.timestamp_type(),
            min_cleanable_dirty_ratio: values.double("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: values.unsigned("min.compaction.lag.ms"),
            min_insync_replicas: values.int("min.insync.replicas"),
            preallocate: values.flag("preallocate"),
            record_validation: values.record_validation(),
            retention_bytes: values.bounded("retention.bytes"),
            retention_ms: values.bounded("retention.ms"),
            segment_bytes: values.segment_bytes(),
            segment_index_bytes: values.int("segment.index.bytes"),
            segment_jitter_ms: values.unsigned("segment.jitter.ms"),
            segment_ms: values.bounded("segment.ms"),
            unclean_leader_election: values.flag("unclean.leader.election.enable"),
        }
    }
}

/// Typed look-ups. Every setting was checked when it was made; what is wrong all the same (a broker key that was given
/// at the start and only warned about) counts as not given.
struct Values<'a> {
    layers: &'a ConfigLayers<'a>,
    own: &'a ConfigMap,
}

impl Values<'_> {
    fn get(&self, name: &str) -> ConfigValue {
        let key = topic_keys()
            .get(name)
            .expect("the names here are topic keys");
        let found = self.layers.resolve(key, self.own, ConfigSource::Topic);
        let parsed = found.and_then(|found| key.parse(&found.value).ok());
        parsed.unwrap_or_else(|| default_of(key))
    }

    fn integer(&self, name: &str) -> i64 {
        match self.get(name) {
            ConfigValue::Integer(number) => number,
            ConfigValue::Boolean(_)
            | ConfigValue::Double(_)
            | ConfigValue::List(_)
            | ConfigValue::Text(_) => unreachable!("{name} is an integer"),
        }
    }

    /// A number that is never negative: the key's check says so.
    fn unsigned(&self, name: &str) -> u64 {
        u64::try_from(self.integer(name)).unwrap_or(0)
    }

    /// A number where a negative value, or the largest one, means "no bound".
    fn bounded(&self, name: &str) -> Option<u64> {
        let number = self.integer(name);
        u64::try_from(number).ok().filter(|_| number != i64::MAX)
    }

    /// An int key; all of those used here are positive.
    fn int(&self, name: &str) -> u32 {
        u32::try_from(self.integer(name)).unwrap_or(0)
    }

    /// Tests of Kafka set tiny segments by a key of their own.
    fn segment_bytes(&self) -> u32 {
        let internal = self.own.get("internal.segment.bytes");
        let given = internal.and_then(|text| text.trim().parse().ok());
        given.unwrap_or_else(|| self.int("segment.bytes"))
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name) == ConfigValue::Boolean(true)
    }

    fn double(&self, name: &str) -> f64 {
        match self.get(name) {
            ConfigValue::Double(number) => number,
            ConfigValue::Boolean(_)
            | ConfigValue::Integer(_)
            | ConfigValue::List(_)
            | ConfigValue::Text(_) => unreachable!("{name} is a double"),
        }
    }

    fn cleanup(&self) -> Cleanup {
        let policies = self.get("cleanup.policy").to_string();
        Cleanup {
            compact: policies.split(',').any(|policy| policy == "compact"),
            delete: policies.split(',').any(|policy| policy == "delete"),
        }
    }

    fn compression(&self) -> TopicCompression {
        match self.get("compression.type").to_string().as_str() {
            "uncompressed" => TopicCompression::Codec(Compression::None),
            name => Compression::ALL
                .into_iter()
                .find(|codec| *codec != Compression::None && codec.name() == name)
                .map_or(TopicCompression::Producer, TopicCompression::Codec),
        }
    }

    fn level(&self, compression: TopicCompression) -> Level {
        let name = match compression {
            TopicCompression::Codec(Compression::Gzip) => "compression.gzip.level",
            TopicCompression::Codec(Compression::Lz4) => "compression.lz4.level",
            TopicCompression::Codec(Compression::Zstd) => "compression.zstd.level",
            TopicCompression::Producer
            | TopicCompression::Codec(Compression::None | Compression::Snappy) => {
                return Level::Default;
            }
        };
        let key = topic_keys().get(name).expect("the level is a topic key");
        match self.get(name) {
            ConfigValue::Integer(level)
                if Some(level.to_string().as_str()) != key.default.text() =>
            {
                i32::try_from(level).map_or(Level::Default, Level::Exact)
            }
            ConfigValue::Integer(_)
            | ConfigValue::Boolean(_)
            | ConfigValue::Double(_)
            | ConfigValue::List(_)
            | ConfigValue::Text(_) => Level::Default,
        }
    }

    fn timestamp_type(&self) -> TimestampType {
        match self.get("message.timestamp.type").to_string().as_str() {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        }
    }

    fn record_validation(&self) -> RecordValidation {
        match self.get("record.validation").to_string().as_str() {
            "header" => RecordValidation::Header,
            _ => RecordValidation::Full,
        }
    }
}

fn default_of(key: &ConfigKey) -> ConfigValue {
    let text = key
        .default
        .text()
        .expect("the keys used here have defaults");
    key.parse(text).expect("a test parses every default")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use thalweg_model::BrokerId;

    use super::*;
    use crate::config::StaticConfigs;
    use crate::image::MetadataImage;

    fn config(start: &[(&str, &str)], own: &[(&str, &str)]) -> TopicConfig {
        let given = start
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let start = StaticConfigs::new(given.collect::<BTreeMap<_, _>>());
        let own = own
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        let image = MetadataImage::default();
        ConfigLayers::new(&image, BrokerId(1), &start).topic_config_of(&own.collect())
    }

    #[test]
    fn a_topic_takes_its_own_then_the_brokers_then_the_default() {
        let plain = config(&[], &[]);
        assert_eq!(plain.retention_ms, Some(604_800_000));
        assert_eq!(plain.segment_bytes, 1 << 30);
        assert_eq!(plain.flush_messages, None);
        assert_eq!(plain.timestamp_before_max_ms, None);
        assert_eq!(plain.compression, TopicCompression::Producer);
        assert!(plain.cleanup.delete && !plain.cleanup.compact);
        let start = [
            ("log.retention.hours", "24"),
            ("log.retention.minutes", "5"),
            ("log.roll.hours", "1"),
        ];
        let broker = config(&start, &[]);
        assert_eq!(broker.retention_ms, Some(300_000), "minutes win over hours");
        assert_eq!(broker.segment_ms, Some(3_600_000));
        let own = [
            ("retention.ms", "-1"),
            ("flush.messages", "1"),
            ("cleanup.policy", ""),
        ];
        let topic = config(&start, &own);
        assert_eq!(topic.retention_ms, None);
        assert_eq!(topic.flush_messages, Some(1));
        assert!(!topic.cleanup.delete && !topic.cleanup.compact);
        assert_eq!(
            config(&[("log.retention.hours", "-1")], &[]).retention_ms,
            None
        );
    }

    #[test]
    fn records_are_looked_at_unless_somebody_chose_otherwise() {
        let validation = |start, own| config(start, own).record_validation;
        let broker: &[(&str, &str)] = &[("log.record.validation", "header")];
        assert_eq!(validation(&[], &[]), RecordValidation::Full);
        assert_eq!(validation(broker, &[]), RecordValidation::Header);
        let own = &[("record.validation", "full")];
        assert_eq!(validation(broker, own), RecordValidation::Full);
        let own = &[("record.validation", "header")];
        assert_eq!(validation(&[], own), RecordValidation::Header);
    }

    #[test]
    fn the_level_is_that_of_the_codec() {
        let zstd = [
            ("compression.type", "zstd"),
            ("compression.zstd.level", "19"),
            ("compression.gzip.level", "2"),
        ];
        let config_of = |own| config(&[], own);
        let zstd = config_of(&zstd);
        assert_eq!(zstd.compression, TopicCompression::Codec(Compression::Zstd));
        assert_eq!(zstd.compression_level, Level::Exact(19));
        assert_eq!(
            config_of(&[("compression.type", "gzip")]).compression_level,
            Level::Default
        );
        let plain = config_of(&[("compression.type", "uncompressed")]);
        assert_eq!(
            plain.compression,
            TopicCompression::Codec(Compression::None)
        );
    }
}
