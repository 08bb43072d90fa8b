//! Settings of topics: given, changed, taken back and shown.

use std::collections::BTreeMap;

use thalweg_wire::messages::describe_configs_request::DescribeConfigsResource;
use thalweg_wire::messages::{
    AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    alter_configs_request, incremental_alter_configs_request,
};

use super::run::{Run, text};

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_CONFIG: i16 = 40;
const INVALID_REQUEST: i16 = 42;

const TOPIC: i8 = 2;
const SET: i8 = 0;
const DELETE: i8 = 1;

/// Where a value comes from.
const FROM_TOPIC: i8 = 1;
const FROM_DEFAULT: i8 = 5;

/// Settings, what they may say, and their defaults.
const SETTINGS: &[(&str, &[&str], &str)] = &[
    ("max.message.bytes", &["300", "2000", "1048588"], "1048588"),
    ("segment.ms", &["3600000", "604800001"], "604800000"),
    ("flush.ms", &["1", "100000"], "9223372036854775807"),
    ("index.interval.bytes", &["1", "300"], "4096"),
    ("file.delete.delay.ms", &["0", "1"], "60000"),
    ("retention.bytes", &["99999999999"], "-1"),
    ("preallocate", &["true"], "false"),
    (
        "compression.type",
        &["uncompressed", "gzip", "snappy", "lz4", "zstd"],
        "producer",
    ),
];

/// Exists only where it is given: a topic of many small segments.
const SMALL_SEGMENTS: (&str, &str) = ("internal.segment.bytes", "700");

/// What is done to a topic's settings.
#[derive(Clone, Debug)]
struct Change {
    topic: String,
    key: String,
    /// None takes the value back.
    value: Option<String>,
    only_says: bool,
    expected: i16,
}

impl Run {
    /// Some settings for a new topic.
    pub(super) fn settings_of_a_topic(&mut self) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::new();
        for _ in 0..self.below(3) {
            let (key, values, _) = self.pick(SETTINGS);
            settings.insert(key.to_owned(), self.pick(values).to_owned());
        }
        if self.once_in(2) {
            let (key, value) = SMALL_SEGMENTS;
            settings.insert(key.to_owned(), value.to_owned());
        }
        settings
    }

    pub(super) fn change_settings(&mut self) {
        let topic = self.name();
        let (key, values, _) = self.pick(SETTINGS);
        let mut value = (!self.once_in(3)).then(|| self.pick(values).to_owned());
        let mut key = key.to_owned();
        let mut expected = 0;
        match self.below(10) {
            0 => {
                key = "no.such.setting".to_owned();
                value = Some("1".to_owned());
                expected = INVALID_CONFIG;
            }
            1 => {
                value = Some("no value".to_owned());
                expected = INVALID_CONFIG;
            }
            _ => {}
        }
        if expected == 0 && !self.model.topics.contains_key(&topic) {
            expected = UNKNOWN_TOPIC_OR_PARTITION;
        }
        let change = Change {
            topic,
            key,
            value,
            only_says: self.once_in(5),
            expected,
        };
        let replaces = self.once_in(3);
        self.did(format!("{change:?} replaces all {replaces}"));
        if replaces {
            self.replace_settings(&change);
        } else {
            self.change_setting(&change);
        }
    }

    fn change_setting(&mut self, change: &Change) {
        let version = self.version(0, 1);
        let entry = incremental_alter_configs_request::AlterableConfig {
            name: text(&change.key),
            config_operation: if change.value.is_some() { SET } else { DELETE },
            value: change.value.as_deref().map(text),
        };
        let twice = self.once_in(10);
        let request = IncrementalAlterConfigsRequest {
            resources: vec![incremental_alter_configs_request::AlterConfigsResource {
                resource_type: TOPIC,
                resource_name: text(&change.topic),
                configs: vec![entry; if twice { 2 } else { 1 }],
            }],
            validate_only: change.only_says,
        };
        let answer = self.ask(&request, version);
        let expected = if twice {
            INVALID_REQUEST
        } else {
            change.expected
        };
        assert_eq!(answer.responses[0].error_code, expected, "{change:?}");
        if expected == 0 && !change.only_says {
            let own = &mut self.model.topics.get_mut(&change.topic).unwrap().configs;
            match &change.value {
                Some(value) => own.insert(change.key.clone(), value.clone()),
                None => own.remove(&change.key),
            };
        }
    }

    /// What is not named goes.
    fn replace_settings(&mut self, change: &Change) {
        let version = self.version(0, 2);
        let own = change.value.iter();
        let request = AlterConfigsRequest {
            resources: vec![alter_configs_request::AlterConfigsResource {
                resource_type: TOPIC,
                resource_name: text(&change.topic),
                configs: own
                    .map(|value| alter_configs_request::AlterableConfig {
                        name: text(&change.key),
                        value: Some(text(value)),
                    })
                    .collect(),
            }],
            validate_only: change.only_says,
        };
        let answer = self.ask(&request, version);
        assert_eq!(
            answer.responses[0].error_code, change.expected,
            "{change:?}"
        );
        if change.expected == 0 && !change.only_says {
            let topic = self.model.topics.get_mut(&change.topic).unwrap();
            let pairs = change.value.iter();
            let pairs = pairs.map(|value| (change.key.clone(), value.clone()));
            topic.configs = pairs.collect();
        }
    }

    /// The settings of a topic, all or some of them.
    pub(super) fn describe_settings(&mut self) {
        let version = self.version(1, 4);
        let name = self.name();
        let only = self
            .once_in(3)
            .then(|| vec![text("flush.ms"), text("no.such.setting")]);
        let request = DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type: TOPIC,
                resource_name: text(&name),
                configuration_keys: only.clone(),
            }],
            ..DescribeConfigsRequest::default()
        };
        self.did(format!(
            "settings of {name}, only {only:?} version {version}"
        ));
        let answer = self.ask(&request, version);
        let Some(topic) = self.model.topics.get(&name) else {
            assert_eq!(answer.results[0].error_code, UNKNOWN_TOPIC_OR_PARTITION);
            return;
        };
        assert_eq!(answer.results[0].error_code, 0);
        let shown: BTreeMap<&str, _> = {
            let configs = answer.results[0].configs.iter();
            configs
                .map(|config| (config.name.as_str(), config))
                .collect()
        };
        assert_eq!(only.is_some(), shown.len() == 1, "{name}");
        for (key, _, default) in SETTINGS {
            let Some(config) = shown.get(key) else {
                assert!(only.is_some(), "{name} has {key}");
                continue;
            };
            let own = topic.configs.get(*key);
            let expected = own.map_or(*default, String::as_str);
            let source = if own.is_some() {
                FROM_TOPIC
            } else {
                FROM_DEFAULT
            };
            assert_eq!(config.value.as_deref(), Some(expected), "{name} {key}");
            assert_eq!(config.config_source, source, "{name} {key}");
        }
    }
}
