//! Where a value comes from: topic > broker > all brokers > start of the broker > default.

use std::collections::BTreeMap;

use thalweg_model::BrokerId;

use super::definition::ConfigKey;
use super::describe::ConfigSource;
use super::resource::ConfigResource;
use super::table::{broker_keys, topic_keys};
use crate::image::{ConfigMap, MetadataImage};

/// The settings a broker was started with, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticConfigs {
    values: BTreeMap<String, String>,
}

impl StaticConfigs {
    /// Settings by key. `broker.id` and `node.id` are one: either gives the other its value.
    #[must_use]
    pub fn new(mut values: BTreeMap<String, String>) -> Self {
        for (given, other) in [("node.id", "broker.id"), ("broker.id", "node.id")] {
            if let Some(id) = values.get(given).cloned() {
                values.entry(other.to_owned()).or_insert(id);
            }
        }
        Self { values }
    }

    /// The value that was given for a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Keys and values that were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// All layers, as one broker sees them.
#[derive(Clone, Copy, Debug)]
pub struct ConfigLayers<'a> {
    image: &'a MetadataImage,
    broker: BrokerId,
    start: &'a StaticConfigs,
}

/// A value and the layer and key it was found under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: String,
    pub(super) source: ConfigSource,
    pub(super) key: &'static str,
}

impl<'a> ConfigLayers<'a> {
    /// The layers of `broker`, which was started with `start`.
    #[must_use]
    pub fn new(image: &'a MetadataImage, broker: BrokerId, start: &'a StaticConfigs) -> Self {
        Self {
            image,
            broker,
            start,
        }
    }

    /// The broker whose layers these are.
    #[must_use]
    pub fn broker(&self) -> BrokerId {
        self.broker
    }

    /// The settings it was started with.
    #[must_use]
    pub fn start(&self) -> &'a StaticConfigs {
        self.start
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> &'a MetadataImage {
        self.image
    }

    /// The value of a broker key; `None` if it has none.
    #[must_use]
    pub fn broker_value(&self, key: &str) -> Option<&'a str> {
        let given = BROKER_LAYERS
            .iter()
            .find_map(|&layer| self.in_layer(layer, key));
        given.or_else(|| broker_keys().get(key)?.default.text())
    }

    /// The value of an integer broker key; its default if what was given is none.
    ///
    /// # Panics
    /// The key is none of Kafka's integer keys.
    #[must_use]
    pub fn broker_integer(&self, key: &str) -> i64 {
        let given = self.broker_value(key);
        let parsed = given.and_then(|text| text.trim().parse().ok());
        parsed.unwrap_or_else(|| {
            let known = broker_keys().get(key).and_then(|key| key.default.text());
            known
                .and_then(|text| text.parse().ok())
                .expect("the key is an integer with a default")
        })
    }

    /// What `log.retention.ms`, or a key that says the same in other units, comes to with `own` settings; -1 for ever.
    pub(super) fn retention_ms(&self, own: &ConfigMap) -> i64 {
        let given = own
            .get("log.retention.ms")
            .map(|value| value.trim().to_owned());
        let resolved = || {
            let key = topic_keys().get("retention.ms")?;
            let found = self.resolve(key, &ConfigMap::new(), ConfigSource::Topic)?;
            Some(found.value.trim().to_owned())
        };
        let text = given.or_else(resolved);
        text.and_then(|text| text.parse().ok()).unwrap_or(-1)
    }

    /// Whether a boolean broker key says true.
    #[must_use]
    pub fn broker_flag(&self, key: &str) -> bool {
        self.broker_value(key)
            .is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    pub(super) fn in_layer(&self, layer: ConfigSource, key: &str) -> Option<&'a str> {
        let dynamic = |resource| self.image.configs(&resource).get(key).map(|value| &**value);
        match layer {
            ConfigSource::DynamicBroker => dynamic(ConfigResource::Broker(self.broker)),
            ConfigSource::DynamicDefaultBroker => dynamic(ConfigResource::AllBrokers),
            ConfigSource::StaticBroker => self.start.get(key),
            // A throttle that exists only while it is set has a default inside the broker, not in the listing.
            ConfigSource::Default => broker_keys()
                .get(key)
                .filter(|key| !key.dynamic_only)?
                .default
                .text(),
            ConfigSource::Topic | ConfigSource::ClientMetrics | ConfigSource::Group => None,
        }
    }

    /// The value of a topic or group key: its own setting, else the first broker synonym that is set, else its default.
    pub(super) fn resolve(
        &self,
        key: &ConfigKey,
        own: &ConfigMap,
        own_source: ConfigSource,
    ) -> Option<Found> {
        if let Some(value) = own.get(key.name) {
            return Some(Found {
                value: (**value).to_owned(),
                source: own_source,
                key: key.name,
            });
        }
        for &layer in BROKER_LAYERS {
            for synonym in &key.synonyms {
                if let Some(value) = self.in_layer(layer, synonym.name) {
                    return Some(Found {
                        value: synonym.convert(value),
                        source: layer,
                        key: synonym.name,
                    });
                }
            }
        }
        key.default.text().map(|value| Found {
            value: value.to_owned(),
            source: ConfigSource::Default,
            key: key.name,
        })
    }
}

/// The layers a broker setting may be given in, the strongest first.
pub(super) const BROKER_LAYERS: &[ConfigSource] = &[
    ConfigSource::DynamicBroker,
    ConfigSource::DynamicDefaultBroker,
    ConfigSource::StaticBroker,
];
