//! The tables of `metadata/configs`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::check::Check;
use super::definition::{ConfigKey, ConfigType, DefaultValue, Importance, Synonym, UpdateMode};

/// All keys of one kind of resource.
#[derive(Clone, Debug)]
pub struct ConfigTable {
    keys: Vec<ConfigKey>,
    by_name: BTreeMap<&'static str, usize>,
}

impl ConfigTable {
    /// The key of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ConfigKey> {
        self.by_name.get(name).map(|&position| &self.keys[position])
    }

    /// All keys in the order in which Kafka checks them.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigKey> {
        self.keys.iter()
    }

    fn of(table: &'static str) -> Self {
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let keys: Vec<ConfigKey> = lines.map(key).collect();
        let by_name = keys
            .iter()
            .enumerate()
            .map(|(position, key)| (key.name, position))
            .collect();
        Self { keys, by_name }
    }
}

static TOPIC: LazyLock<ConfigTable> =
    LazyLock::new(|| ConfigTable::of(include_str!("../../configs/topic.txt")));
static BROKER: LazyLock<ConfigTable> =
    LazyLock::new(|| ConfigTable::of(include_str!("../../configs/broker.txt")));
static GROUP: LazyLock<ConfigTable> =
    LazyLock::new(|| ConfigTable::of(include_str!("../../configs/group.txt")));
static CLIENT_METRICS: LazyLock<ConfigTable> =
    LazyLock::new(|| ConfigTable::of(include_str!("../../configs/client_metrics.txt")));

/// Settings of topics.
#[must_use]
pub fn topic_keys() -> &'static ConfigTable {
    &TOPIC
}

/// Settings of brokers.
#[must_use]
pub fn broker_keys() -> &'static ConfigTable {
    &BROKER
}

/// Settings of groups.
#[must_use]
pub fn group_keys() -> &'static ConfigTable {
    &GROUP
}

/// Settings of client metrics subscriptions.
#[must_use]
pub fn client_metrics_keys() -> &'static ConfigTable {
    &CLIENT_METRICS
}

/// Reads one line; the tables are part of the program, so a line that cannot be read is a fault of the program.
fn key(line: &'static str) -> ConfigKey {
    let mut words = line.split(' ');
    let mut word = || {
        words
            .next()
            .unwrap_or_else(|| panic!("too few words: {line}"))
    };
    let name = word();
    let kind = ConfigType::from_name(word()).unwrap_or_else(|| panic!("no such type: {line}"));
    let default = match word() {
        "!" => DefaultValue::Required,
        "null" => DefaultValue::Null,
        "\"\"" => DefaultValue::Text(""),
        text => DefaultValue::Text(text),
    };
    let importance = match word() {
        "low" => Importance::Low,
        "medium" => Importance::Medium,
        "high" => Importance::High,
        other => panic!("no such importance: {other}"),
    };
    let (mode, synonyms) = match word() {
        "read-only" => (UpdateMode::ReadOnly, Vec::new()),
        "per-broker" => (UpdateMode::PerBroker, Vec::new()),
        "cluster-wide" | "-" => (UpdateMode::ClusterWide, Vec::new()),
        names => (
            UpdateMode::ClusterWide,
            names.split('|').map(synonym).collect(),
        ),
    };
    let check = check(word());
    let flag = words.next();
    ConfigKey {
        name,
        kind,
        default,
        importance,
        mode,
        synonyms,
        check,
        internal: flag == Some("internal"),
        dynamic_only: flag == Some("dynamic-only"),
    }
}

fn synonym(text: &'static str) -> Synonym {
    let (name, factor) = text.split_once('*').unwrap_or((text, "1"));
    let factor = factor
        .parse()
        .unwrap_or_else(|_| panic!("no factor: {text}"));
    Synonym { name, factor }
}

fn check(text: &'static str) -> Check {
    let words = |list: &'static str| list.split(',').collect();
    let bound = |text: &'static str| (!text.is_empty()).then_some(text);
    match text {
        "-" => Check::Any,
        "list" | "list!" => Check::List {
            required: text == "list!",
            elements: Vec::new(),
        },
        "non-empty" => Check::NonEmpty,
        "gzip-level" => Check::GzipLevel,
        "throttled-replicas" => Check::ThrottledReplicas,
        "voters" => Check::QuorumVoters,
        "servers" => Check::BootstrapServers,
        "offset-reset" => Check::ShareOffsetReset,
        _ => match text.split_once(':') {
            Some(("in", list)) => Check::OneOf(words(list)),
            Some(("in-any-case", list)) => Check::OneOfAnyCase(words(list)),
            Some((kind @ ("list" | "list!"), list)) => Check::List {
                required: kind == "list!",
                elements: words(list),
            },
            Some(_) | None => {
                let (min, max) = text
                    .split_once("..")
                    .unwrap_or_else(|| panic!("no such check: {text}"));
                Check::Range {
                    min: bound(min),
                    max: bound(max),
                }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_hold_every_key_and_their_defaults_pass_their_checks() {
        assert_eq!(topic_keys().iter().count(), 35);
        assert_eq!(broker_keys().iter().count(), 364);
        assert_eq!(group_keys().iter().count(), 17);
        assert_eq!(client_metrics_keys().iter().count(), 3);
        for table in [
            topic_keys(),
            broker_keys(),
            group_keys(),
            client_metrics_keys(),
        ] {
            for key in table.iter() {
                if let Some(default) = key.default.text() {
                    let value = key.parse(default);
                    assert_eq!(
                        value.map(|value| value.to_string()).as_deref(),
                        Ok(default),
                        "{}",
                        key.name
                    );
                }
            }
        }
    }

    #[test]
    fn synonyms_are_broker_keys_whose_defaults_agree() {
        for key in topic_keys().iter().chain(group_keys().iter()) {
            for synonym in &key.synonyms {
                let broker = broker_keys().get(synonym.name).expect(synonym.name);
                if let Some(default) = broker.default.text() {
                    let converted = synonym.convert(default);
                    assert_eq!(Some(converted.as_str()), key.default.text(), "{}", key.name);
                }
            }
        }
    }
}
