//! Settings as `DescribeConfigs` and `CreateTopics` show them.
//!
//! What was set is shown in its normal form, with the layer it comes from. The synonyms of a broker-wide default are
//! listed from the key itself on: a default that comes from `log.retention.hours` alone shows none, as in Kafka.

use std::collections::BTreeSet;

use super::definition::{ConfigKey, ConfigType, UpdateMode};
use super::layers::{BROKER_LAYERS, ConfigLayers};
use super::resource::ConfigResource;
use super::table::{ConfigTable, broker_keys, client_metrics_keys, group_keys, topic_keys};
use crate::image::ConfigMap;

/// The layer a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on the broker while it runs.
    DynamicBroker,
    /// Set for all brokers.
    DynamicDefaultBroker,
    /// Given when the broker was started.
    StaticBroker,
    /// Nobody set it.
    Default,
    /// Set on the client metrics subscription.
    ClientMetrics,
    /// Set on the group.
    Group,
}

impl ConfigSource {
    /// The number in a response.
    #[must_use]
    pub const fn wire(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefaultBroker => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
            Self::ClientMetrics => 7,
            Self::Group => 8,
        }
    }
}

/// A value that a setting has in one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key in that layer.
    pub name: String,
    /// Its value; `None` if it is never shown.
    pub value: Option<String>,
    /// The layer.
    pub source: ConfigSource,
}

/// A setting as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConfig {
    /// The key.
    pub name: String,
    /// Its value; `None` if it has none or is never shown.
    pub value: Option<String>,
    /// The layer the value comes from.
    pub source: ConfigSource,
    /// The type; `None` for a key that is not known.
    pub kind: Option<ConfigType>,
    /// Whether it can change only by a restart.
    pub read_only: bool,
    /// Whether its value is never shown.
    pub sensitive: bool,
    /// The layers that have a value, the strongest first.
    pub synonyms: Vec<ConfigSynonym>,
}

impl ConfigLayers<'_> {
    /// The settings of a topic.
    #[must_use]
    pub fn describe_topic(&self, name: &str) -> Vec<DescribedConfig> {
        let own = self.image().configs(&ConfigResource::Topic(name.into()));
        self.describe_own(topic_keys(), own, ConfigSource::Topic)
    }

    /// The settings of a group, whether it exists or not.
    #[must_use]
    pub fn describe_group(&self, name: &str) -> Vec<DescribedConfig> {
        let own = self.image().configs(&ConfigResource::Group(name.into()));
        let mut described = self.describe_own(group_keys(), own, ConfigSource::Group);
        for config in &mut described {
            let key = group_keys().get(&config.name);
            let alone = key.is_some_and(|key| key.synonyms.is_empty());
            if alone && let Some(default) = key.and_then(|key| key.default.text()) {
                config.synonyms.push(ConfigSynonym {
                    name: config.name.clone(),
                    value: Some(default.to_owned()),
                    source: ConfigSource::Default,
                });
            }
        }
        described
    }

    /// The settings of a client metrics subscription, whether it exists or not.
    #[must_use]
    pub fn describe_client_metrics(&self, name: &str) -> Vec<DescribedConfig> {
        let resource = ConfigResource::ClientMetrics(name.into());
        let own = self.image().configs(&resource);
        self.describe_own(client_metrics_keys(), own, ConfigSource::ClientMetrics)
    }

    /// The settings of the broker itself.
    #[must_use]
    pub fn describe_broker(&self) -> Vec<DescribedConfig> {
        let own = ConfigResource::Broker(self.broker());
        let dynamic = [&own, &ConfigResource::AllBrokers];
        let given = dynamic.into_iter().flat_map(|resource| {
            let configs = self.image().configs(resource);
            configs.keys().map(|key| &**key)
        });
        let known = broker_keys().iter();
        let shown = known.filter(|key| !key.internal && !key.dynamic_only);
        let names: BTreeSet<&str> = shown
            .map(|key| key.name)
            .chain(given)
            .chain(self.start().iter().map(|(key, _)| key))
            .collect();
        names
            .into_iter()
            .map(|name| self.describe_broker_key(name, false))
            .collect()
    }

    /// The settings that were given for all brokers.
    #[must_use]
    pub fn describe_all_brokers(&self) -> Vec<DescribedConfig> {
        let configs = self.image().configs(&ConfigResource::AllBrokers);
        configs
            .keys()
            .map(|name| self.describe_broker_key(name, true))
            .collect()
    }

    /// The settings a new topic will have, as `CreateTopics` shows them: the values as they were given.
    #[must_use]
    pub fn describe_new_topic(&self, own: &ConfigMap) -> Vec<DescribedConfig> {
        let keys = topic_keys().iter();
        let shown = keys.filter(|key| !key.internal || own.contains_key(key.name));
        let mut described: Vec<DescribedConfig> = shown
            .filter_map(|key| {
                let found = self.resolve(key, own, ConfigSource::Topic)?;
                Some(DescribedConfig {
                    name: key.name.to_owned(),
                    value: Some(found.value),
                    source: found.source,
                    kind: Some(key.kind),
                    read_only: false,
                    sensitive: false,
                    synonyms: Vec::new(),
                })
            })
            .collect();
        described.sort_by(|a, b| a.name.cmp(&b.name));
        described
    }

    fn describe_own(
        &self,
        table: &ConfigTable,
        own: &ConfigMap,
        source: ConfigSource,
    ) -> Vec<DescribedConfig> {
        let shown = table
            .iter()
            .filter(|key| !key.internal || own.contains_key(key.name));
        let mut described: Vec<DescribedConfig> = shown
            .map(|key| self.describe_own_key(key, own, source))
            .collect();
        described.sort_by(|a, b| a.name.cmp(&b.name));
        described
    }

    fn describe_own_key(
        &self,
        key: &ConfigKey,
        own: &ConfigMap,
        source: ConfigSource,
    ) -> DescribedConfig {
        let found = self.resolve(key, own, source);
        let value = found.map(|found| key.normal_form(&found.value));
        let names: Vec<&str> = key.synonyms.iter().map(|synonym| synonym.name).collect();
        let mut synonyms = match names.first() {
            Some(first) => self.broker_synonyms(first, &names),
            None => Vec::new(),
        };
        if own.contains_key(key.name) {
            let own = ConfigSynonym {
                name: key.name.to_owned(),
                value: value.clone(),
                source,
            };
            synonyms.insert(0, own);
        }
        let first = synonyms.first();
        DescribedConfig {
            name: key.name.to_owned(),
            value,
            source: first.map_or(ConfigSource::Default, |synonym| synonym.source),
            kind: Some(key.kind),
            read_only: false,
            sensitive: key.is_sensitive(),
            synonyms,
        }
    }

    fn describe_broker_key(&self, name: &str, all_brokers: bool) -> DescribedConfig {
        let key = base_key(name);
        // A key that is not known may be a password: it is shown as one.
        let sensitive = key.is_none_or(ConfigKey::is_sensitive);
        let mut synonyms = self.broker_synonyms(name, &family(name));
        if all_brokers {
            synonyms.retain(|synonym| synonym.source == ConfigSource::DynamicDefaultBroker);
        }
        let given = if all_brokers {
            self.in_layer(ConfigSource::DynamicDefaultBroker, name)
        } else {
            self.broker_value(name)
        };
        let shown = given.filter(|_| !sensitive);
        DescribedConfig {
            name: name.to_owned(),
            value: shown
                .map(|value| key.map_or_else(|| value.to_owned(), |key| key.normal_form(value))),
            source: synonyms
                .first()
                .map_or(ConfigSource::Default, |synonym| synonym.source),
            kind: key.map(|key| key.kind),
            // A key of one listener counts as read-only, as in Kafka, although it can be set.
            read_only: broker_keys()
                .get(name)
                .is_none_or(|key| key.mode == UpdateMode::ReadOnly),
            sensitive,
            synonyms,
        }
    }

    /// What each layer says under any of `names`, from the first that is `name` itself.
    fn broker_synonyms(&self, name: &str, names: &[&str]) -> Vec<ConfigSynonym> {
        let layers = BROKER_LAYERS.iter().chain(&[ConfigSource::Default]);
        let all = layers.flat_map(|&layer| {
            names.iter().filter_map(move |&synonym| {
                let value = self.in_layer(layer, synonym)?;
                let hidden = base_key(synonym).is_none_or(ConfigKey::is_sensitive);
                Some(ConfigSynonym {
                    name: synonym.to_owned(),
                    value: (!hidden).then(|| value.to_owned()),
                    source: layer,
                })
            })
        });
        all.skip_while(|synonym| synonym.name != name).collect()
    }
}

/// The definition of a broker key; `listener.name.<listener>.` before a key sets it for one listener.
#[must_use]
pub(super) fn base_key(name: &str) -> Option<&'static ConfigKey> {
    broker_keys().get(name).or_else(|| {
        let (_, base) = name.strip_prefix("listener.name.")?.split_once('.')?;
        let mechanism = || broker_keys().get(base.split_once('.')?.1);
        broker_keys().get(base).or_else(mechanism)
    })
}

/// Broker keys that say the same in other units, and the base of a listener's key.
fn family(name: &str) -> Vec<&str> {
    const FAMILIES: &[&[&str]] = &[
        &["log.roll.ms", "log.roll.hours"],
        &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        &[
            "log.retention.ms",
            "log.retention.minutes",
            "log.retention.hours",
        ],
    ];
    if let Some(family) = FAMILIES.iter().find(|family| family.contains(&name)) {
        return family.to_vec();
    }
    if name == "log.flush.interval.ms" {
        return vec![name, "log.flush.scheduler.interval.ms"];
    }
    let base = base_key(name).map(|key| key.name);
    match base {
        Some(base) if base != name => vec![name, base],
        Some(_) | None => vec![name],
    }
}
