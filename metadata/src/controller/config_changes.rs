//! Changes of one resource's settings, applied to what it has.

use std::collections::BTreeSet;
use std::sync::Arc;

use thalweg_model::ErrorCode;

use super::Refusal;
use super::alter_configs::{ConfigChange, ConfigUpdates};
use super::create_topics::check_length;
use crate::config::list;
use crate::config::{ConfigResource, ConfigType};
use crate::image::ConfigMap;
use crate::record::{ConfigRemoved, ConfigSet, MetadataRecord};

/// What a change does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigOp {
    /// Gives it a value.
    Set,
    /// Takes its value away.
    Delete,
    /// Adds elements to its list.
    Append,
    /// Takes elements from its list.
    Subtract,
    /// None of these.
    Unknown(i8),
}

impl ConfigOp {
    /// Reads the wire form.
    #[must_use]
    pub const fn from_wire(op: i8) -> Self {
        match op {
            0 => Self::Set,
            1 => Self::Delete,
            2 => Self::Append,
            3 => Self::Subtract,
            other => Self::Unknown(other),
        }
    }
}

/// Refuses what no resource takes: a key twice, a value that is missing or too long.
pub(super) fn check_form(updates: &ConfigUpdates) -> Result<(), Refusal> {
    let entries: Vec<(&str, Option<&str>, ConfigOp)> = match updates {
        ConfigUpdates::Incremental(changes) => changes
            .iter()
            .map(|change| (change.key.as_str(), change.value.as_deref(), change.op))
            .collect(),
        ConfigUpdates::ReplaceAll(values) => values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref(), ConfigOp::Set))
            .collect(),
    };
    let mut keys = BTreeSet::new();
    if !entries.iter().all(|(key, ..)| keys.insert(*key)) {
        return Err(Refusal::request("Error due to duplicate config keys"));
    }
    let missing =
        |entry: &&(&str, Option<&str>, ConfigOp)| entry.1.is_none() && entry.2 != ConfigOp::Delete;
    let nulls: Vec<&str> = entries
        .iter()
        .filter(missing)
        .map(|entry| entry.0)
        .collect();
    if !nulls.is_empty() {
        let nulls = nulls.join(",");
        return Err(Refusal::request(format!(
            "Null value not supported for : {nulls}"
        )));
    }
    for (_, value, op) in entries {
        if let ConfigOp::Unknown(op) = op {
            return Err(Refusal::request(format!("Unknown config operation {op}")));
        }
        check_length(value.unwrap_or_default())?;
    }
    Ok(())
}

/// What the resource's kind says about a key.
pub(super) trait KeyFacts {
    /// The key's type; `None` if there is no such key.
    fn kind(&self, key: &str) -> Option<ConfigType>;

    /// The value that a list has when the resource sets none.
    fn inherited(&self, key: &str) -> String;

    /// The refusal of adding to, or taking from, what is no list.
    fn not_a_list(&self, key: &str, op: ConfigOp) -> Refusal;
}

/// The settings after the updates.
pub(super) fn updated(
    current: &ConfigMap,
    updates: &ConfigUpdates,
    facts: &impl KeyFacts,
) -> Result<ConfigMap, Refusal> {
    let changes = match updates {
        ConfigUpdates::ReplaceAll(values) => {
            let given = values.iter();
            return Ok(given
                .filter_map(|(key, value)| Some((key.as_str().into(), value.as_deref()?.into())))
                .collect());
        }
        ConfigUpdates::Incremental(changes) => changes,
    };
    let mut after = current.clone();
    for ConfigChange { key, op, value } in changes {
        let value = value.as_deref().unwrap_or_default();
        let merge = |merge: fn(&str, &str) -> String| {
            if facts.kind(key) != Some(ConfigType::List) {
                return Err(facts.not_a_list(key, *op));
            }
            let own = current.get(key.as_str()).map(|value| (**value).to_owned());
            let merged = merge(&own.unwrap_or_else(|| facts.inherited(key)), value);
            check_length(&merged).map(|()| merged)
        };
        let new = match op {
            ConfigOp::Set => Some(value.to_owned()),
            ConfigOp::Append => Some(merge(list::append)?),
            ConfigOp::Subtract => Some(merge(list::subtract)?),
            ConfigOp::Delete | ConfigOp::Unknown(_) => None,
        };
        match new {
            Some(new) => after.insert(key.as_str().into(), new.into()),
            None => after.remove(key.as_str()),
        };
    }
    Ok(after)
}

/// The records that lead from one state to the other.
pub(super) fn records(
    resource: &ConfigResource,
    before: &ConfigMap,
    after: &ConfigMap,
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        records.push(MetadataRecord::ConfigRemoved(ConfigRemoved {
            resource: resource.clone(),
            key: Arc::clone(key),
        }));
    }
    for (key, value) in after {
        if before.get(key) != Some(value) {
            records.push(MetadataRecord::ConfigSet(ConfigSet {
                resource: resource.clone(),
                key: Arc::clone(key),
                value: Arc::clone(value),
            }));
        }
    }
    records
}

/// Kafka's refusal outside of brokers.
pub(super) fn cannot(key: &str, op: ConfigOp) -> Refusal {
    let word = match op {
        ConfigOp::Subtract => "SUBTRACT",
        ConfigOp::Append | ConfigOp::Set | ConfigOp::Delete | ConfigOp::Unknown(_) => "APPEND",
    };
    Refusal::new(
        ErrorCode::InvalidConfig,
        format!("Can't {word} to key {key} because its type is not LIST."),
    )
}
