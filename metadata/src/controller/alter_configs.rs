//! `AlterConfigs` (all settings of a resource at once) and `IncrementalAlterConfigs` (one by one).

use std::collections::BTreeSet;

use thalweg_model::{BrokerId, ErrorCode, check_topic_name};

use super::config_changes::{self, ConfigOp, KeyFacts, cannot};
use super::{Controller, Outcome, Refusal};
use crate::config::{
    ConfigResource, ConfigTable, ConfigType, broker_keys, check_broker, check_client_metrics,
    check_group, check_topic, client_metrics_keys, group_keys, topic_keys,
};
use crate::image::ConfigMap;
use crate::record::MetadataRecord;

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The key.
    pub key: String,
    /// What is done to it.
    pub op: ConfigOp,
    /// The value, or the elements of a list.
    pub value: Option<String>,
}

/// Changes of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigUpdates {
    /// These keys change, the others stay.
    Incremental(Vec<ConfigChange>),
    /// These are all settings; the others go.
    ReplaceAll(Vec<(String, Option<String>)>),
}

/// A resource and its changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUpdate {
    /// Kafka's number of the resource's type, as it came: the reply repeats it.
    pub kind: i8,
    /// The resource's name; the empty name of a broker means all brokers.
    pub name: String,
    /// What changes.
    pub updates: ConfigUpdates,
}

/// Resources to be changed, each by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterConfigs {
    /// The resources.
    pub resources: Vec<ResourceUpdate>,
    /// Only say what would happen.
    pub validate_only: bool,
}

/// What became of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlteredResource {
    /// As in the command.
    pub kind: i8,
    /// As in the command.
    pub name: String,
    /// Why it was not changed.
    pub result: Result<(), Refusal>,
}

const MIN_ISR: &str = "min.insync.replicas";

impl Controller<'_> {
    /// Changes settings.
    #[must_use]
    pub fn alter_configs(&self, command: &AlterConfigs) -> Outcome<Vec<AlteredResource>> {
        let mut seen = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        for resource in &command.resources {
            let key = (resource.kind, resource.name.as_str());
            if !seen.insert(key) {
                repeated.insert(key);
            }
        }
        let mut records = Vec::new();
        let mut reply = Vec::new();
        for resource in &command.resources {
            let result = if repeated.contains(&(resource.kind, resource.name.as_str())) {
                let message = "Each resource must appear at most once.";
                Err(Refusal::request(message))
            } else {
                self.alter(resource).map(|made| records.extend(made))
            };
            reply.push(AlteredResource {
                kind: resource.kind,
                name: resource.name.clone(),
                result,
            });
        }
        if command.validate_only {
            records.clear();
        }
        Outcome { records, reply }
    }

    fn alter(&self, update: &ResourceUpdate) -> Result<Vec<MetadataRecord>, Refusal> {
        config_changes::check_form(&update.updates)?;
        let resource = ConfigResource::from_wire(update.kind, &update.name)
            .map_err(|error| Refusal::request(error.to_string()))?;
        let before = self.image.configs(&resource);
        let facts = Facts {
            controller: self,
            resource: &resource,
        };
        let updated = || config_changes::updated(before, &update.updates, &facts);
        let after = match &resource {
            ConfigResource::Topic(name) => {
                let after = updated()?;
                self.check_topic_settings(name, &after)?;
                after
            }
            ConfigResource::Broker(id) => {
                self.check_self(*id)?;
                let after = updated()?;
                self.check_broker_settings(before, &after, false)?;
                after
            }
            ConfigResource::AllBrokers => {
                let after = updated()?;
                self.check_broker_settings(before, &after, true)?;
                after
            }
            ConfigResource::ClientMetrics(name) => {
                let after = updated()?;
                required(name, "Subscription name can't be empty")?;
                check_client_metrics(&after)?;
                after
            }
            ConfigResource::Group(name) => {
                let after = updated()?;
                required(name, "Default group resources are not allowed.")?;
                check_group(&after, &self.layers)?;
                after
            }
        };
        Ok(config_changes::records(&resource, before, &after))
    }

    fn check_topic_settings(&self, name: &str, after: &ConfigMap) -> Result<(), Refusal> {
        required(name, "Default topic resources are not allowed.")?;
        check_topic_name(name)?;
        check_topic(after, &self.layers)?;
        if self.image.topic(name).is_none() {
            return Err(Refusal::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("The topic '{name}' does not exist."),
            ));
        }
        Ok(())
    }

    /// A broker's settings go through the broker itself.
    fn check_self(&self, id: BrokerId) -> Result<(), Refusal> {
        let expected = self.layers.broker();
        if id != expected {
            return Err(Refusal::request(format!(
                "Unexpected broker id, expected {expected}, but received {id}"
            )));
        }
        Ok(())
    }

    fn check_broker_settings(
        &self,
        before: &ConfigMap,
        after: &ConfigMap,
        all_brokers: bool,
    ) -> Result<(), Refusal> {
        check_broker(after, all_brokers, &self.layers)
            .map_err(|error| Refusal::request(error.to_string()))?;
        // KIP-966: with eligible leader replicas there is one minimum for the whole cluster.
        let eligible_leaders = self.image.feature_level("eligible.leader.replicas.version") > 0;
        let refuse = |text: &str| Err(Refusal::new(ErrorCode::InvalidConfig, text));
        if eligible_leaders && before.get(MIN_ISR) != after.get(MIN_ISR) {
            if !all_brokers {
                return refuse(
                    "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
                );
            }
            if !after.contains_key(MIN_ISR) {
                return refuse(
                    "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
                );
            }
        }
        Ok(())
    }
}

fn required(name: &str, otherwise: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::request(otherwise));
    }
    Ok(())
}

/// What the tables and the start of the broker say about a resource's keys.
struct Facts<'c> {
    controller: &'c Controller<'c>,
    resource: &'c ConfigResource,
}

impl Facts<'_> {
    fn table(&self) -> &'static ConfigTable {
        match self.resource {
            ConfigResource::Topic(_) => topic_keys(),
            ConfigResource::Broker(_) | ConfigResource::AllBrokers => broker_keys(),
            ConfigResource::ClientMetrics(_) => client_metrics_keys(),
            ConfigResource::Group(_) => group_keys(),
        }
    }
}

impl KeyFacts for Facts<'_> {
    fn kind(&self, key: &str) -> Option<ConfigType> {
        self.table().get(key).map(|key| key.kind)
    }

    fn inherited(&self, key: &str) -> String {
        let Some(key) = self.table().get(key) else {
            return String::new();
        };
        let start = self.controller.layers.start();
        let mut synonyms = key.synonyms.iter();
        let given = synonyms.find_map(|synonym| start.get(synonym.name));
        given
            .or_else(|| key.default.text())
            .unwrap_or_default()
            .to_owned()
    }

    fn not_a_list(&self, key: &str, op: ConfigOp) -> Refusal {
        let is_broker = match self.resource {
            ConfigResource::Broker(_) | ConfigResource::AllBrokers => true,
            ConfigResource::Topic(_)
            | ConfigResource::ClientMetrics(_)
            | ConfigResource::Group(_) => false,
        };
        if !is_broker {
            return cannot(key, op);
        }
        let message = if self.kind(key).is_none() {
            format!("Unknown config name: {key}")
        } else {
            let word = if op == ConfigOp::Subtract {
                "subtract"
            } else {
                "append"
            };
            format!("Config value {word} is not allowed for config key: {key}")
        };
        Refusal::new(ErrorCode::InvalidConfig, message)
    }
}
