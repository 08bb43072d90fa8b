//! Settings as Kafka defines them: which keys exist, what they may say, and where a value comes from.
//!
//! The tables in `metadata/configs` hold the facts (name, type, default, check); this module reads them once, checks
//! values with Kafka's words, and resolves a key over the layers topic > broker > cluster default > start > default.

mod broker_rules;
mod check;
mod client_metrics_rules;
mod definition;
mod describe;
mod error;
mod group_rules;
mod layers;
pub(crate) mod list;
mod resource;
mod table;
mod topic;
mod topic_rules;
mod value;

pub use broker_rules::check_broker;
pub use check::Check;
pub use client_metrics_rules::check_client_metrics;
pub use definition::{ConfigKey, ConfigType, DefaultValue, Importance, Synonym, UpdateMode};
pub use describe::{ConfigSource, ConfigSynonym, DescribedConfig};
pub use error::ConfigError;
pub use group_rules::check_group;
pub use layers::{ConfigLayers, StaticConfigs};
pub use resource::{ConfigResource, ResourceError};
pub use table::{ConfigTable, broker_keys, client_metrics_keys, group_keys, topic_keys};
pub use topic::{Cleanup, RecordValidation, TimestampType, TopicCompression, TopicConfig};
pub use topic_rules::check_topic;
pub use value::ConfigValue;
