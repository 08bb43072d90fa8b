//! `CreateTopics`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thalweg_model::{BrokerId, ErrorCode, PartitionIndex, Uuid};

use super::placement::Placement;
use super::{Controller, Outcome, Refusal};
use crate::config::{ConfigResource, DescribedConfig, check_topic};
use crate::image::ConfigMap;
use crate::limits::{CONFIG_VALUE_BYTES_MAX, PARTITIONS_PER_REQUEST_MAX};
use crate::record::{ConfigSet, MetadataRecord, PartitionPlaced, Text, TopicCreated};

/// How many replicas a new topic's partitions have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicationFactor {
    /// `default.replication.factor`.
    Default,
    /// This many, or the topic is refused.
    Exactly(i16),
    /// This many, or as many as there are brokers: for the coordinators' own topics, whose factor of 3 would keep a
    /// cluster of one from working at all.
    AtMost(i16),
}

/// The brokers of one partition, named by the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The partition.
    pub partition: PartitionIndex,
    /// Its brokers, the preferred leader first.
    pub brokers: Vec<BrokerId>,
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `None` is `num.partitions`.
    pub partitions: Option<i32>,
    /// How many replicas each.
    pub replication: ReplicationFactor,
    /// Brokers of each partition; if given, the two above must not be.
    pub assignments: Vec<Assignment>,
    /// Its settings; of equal keys the last counts.
    pub configs: Vec<(String, Option<String>)>,
}

/// Topics to be created, each by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTopics {
    /// The topics.
    pub topics: Vec<NewTopic>,
    /// Only say what would happen.
    pub validate_only: bool,
}

/// A topic that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas each.
    pub replication_factor: i16,
    /// All its settings.
    pub configs: Vec<DescribedConfig>,
    /// What a person should know: fewer replicas than asked for.
    pub notice: Option<String>,
}

/// What became of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicReply<T> {
    /// Its name.
    pub name: String,
    /// The topic, or why not.
    pub result: Result<T, Refusal>,
}

/// The log of the cluster itself is no topic.
const CLUSTER_METADATA: &str = "__cluster_metadata";

impl Controller<'_> {
    /// Creates topics. `new_id` draws a random id; ids that are taken are drawn again.
    ///
    /// Replies are in the order of the request, with names that occur twice at the end, as in Kafka.
    pub fn create_topics(
        &self,
        command: &CreateTopics,
        mut new_id: impl FnMut() -> Uuid,
    ) -> Outcome<Vec<TopicReply<CreatedTopic>>> {
        let (single, repeated) = split_repeated(&command.topics);
        let mut records = Vec::new();
        let mut replies = Vec::new();
        let too_many = requested_partitions(&single) > PARTITIONS_PER_REQUEST_MAX;
        let mut taken = BTreeSet::new();
        for topic in single {
            let result = if too_many {
                Err(Refusal::too_many_partitions())
            } else {
                let id = self.free_id(&mut taken, &mut new_id);
                self.create_topic(topic, id).map(|(made, created)| {
                    records.extend(made);
                    created
                })
            };
            let name = topic.name.clone();
            replies.push(TopicReply { name, result });
        }
        replies.extend(repeated.into_iter().map(|name| TopicReply {
            name,
            result: Err(Refusal::request("Duplicate topic name.")),
        }));
        if command.validate_only {
            records.clear();
        }
        Outcome {
            records,
            reply: replies,
        }
    }

    fn free_id(&self, taken: &mut BTreeSet<Uuid>, new_id: &mut dyn FnMut() -> Uuid) -> Uuid {
        loop {
            let id = new_id();
            let free = !id.is_nil() && self.image.topic_by_id(id).is_none();
            if free && taken.insert(id) {
                return id;
            }
        }
    }

    fn create_topic(
        &self,
        topic: &NewTopic,
        id: Uuid,
    ) -> Result<(Vec<MetadataRecord>, CreatedTopic), Refusal> {
        if topic.name == CLUSTER_METADATA {
            return Err(Refusal::request(format!(
                "Creation of internal topic {CLUSTER_METADATA} is prohibited."
            )));
        }
        self.check_new_name(&topic.name)?;
        let configs = own_configs(&topic.configs)?;
        check_topic(&configs, &self.layers)?;
        let placed = if topic.assignments.is_empty() {
            self.place(topic, id)?
        } else {
            self.assigned(topic)?
        };
        let created = CreatedTopic {
            id,
            partitions: count(placed.brokers.len()),
            replication_factor: i16::try_from(placed.factor).unwrap_or(i16::MAX),
            configs: self.layers.describe_new_topic(&configs),
            notice: placed.notice,
        };
        let name = Text::from(topic.name.as_str());
        let mut records = vec![MetadataRecord::TopicCreated(TopicCreated {
            name: Arc::clone(&name),
            id,
        })];
        for (index, brokers) in (0..).zip(&placed.brokers) {
            records.push(MetadataRecord::PartitionPlaced(PartitionPlaced {
                topic: id,
                partition: PartitionIndex(index),
                replicas: self.replicas_on(brokers),
            }));
        }
        for (key, value) in configs {
            let resource = ConfigResource::Topic(Arc::clone(&name));
            records.push(MetadataRecord::ConfigSet(ConfigSet {
                resource,
                key,
                value,
            }));
        }
        Ok((records, created))
    }

    /// Chooses brokers for all partitions.
    fn place(&self, topic: &NewTopic, id: Uuid) -> Result<Placed, Refusal> {
        let (factor, notice) = self.factor_of(topic)?;
        let partitions = match topic.partitions {
            Some(given) => i64::from(given),
            None => self.layers.broker_integer("num.partitions"),
        };
        let partitions = usize::try_from(partitions).unwrap_or(0);
        if partitions == 0 {
            return Err(Refusal::new(
                ErrorCode::InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.",
            ));
        }
        let factor = self.check_factor(factor)?;
        let placement = Placement::new(self.image, id);
        let brokers = (0..partitions).map(|position| placement.brokers_of(position, factor));
        Ok(Placed {
            brokers: brokers.collect(),
            factor,
            notice,
        })
    }

    fn factor_of(&self, topic: &NewTopic) -> Result<(i16, Option<String>), Refusal> {
        let registered = i16::try_from(self.image.brokers().len()).unwrap_or(i16::MAX);
        let factor = match topic.replication {
            ReplicationFactor::Default => {
                let default = self.layers.broker_integer("default.replication.factor");
                i16::try_from(default).unwrap_or(i16::MAX)
            }
            ReplicationFactor::Exactly(factor) => factor,
            ReplicationFactor::AtMost(factor) if factor > registered && registered > 0 => {
                let name = &topic.name;
                let notice = format!(
                    "topic {name} gets {registered} replica(s) instead of {factor}: only {registered} broker(s) are \
                     registered"
                );
                return Ok((registered, Some(notice)));
            }
            ReplicationFactor::AtMost(factor) => factor,
        };
        if factor <= 0 {
            return Err(Refusal::new(
                ErrorCode::InvalidReplicationFactor,
                "Replication factor must be larger than 0, or -1 to use the default value.",
            ));
        }
        Ok((factor, None))
    }

    /// Takes the brokers that the request names.
    fn assigned(&self, topic: &NewTopic) -> Result<Placed, Refusal> {
        let given = |what: &str| {
            Refusal::request(format!(
                "A manual partition assignment was specified, but {what} was not set to -1."
            ))
        };
        if topic.replication != ReplicationFactor::Default {
            return Err(given("replication factor"));
        }
        if topic.partitions.is_some() {
            return Err(given("numPartitions"));
        }
        let mut by_index = BTreeMap::new();
        let mut factor = None;
        for Assignment { partition, brokers } in &topic.assignments {
            if by_index.contains_key(partition) {
                return Err(Refusal::assignment(format!(
                    "Found multiple manual partition assignments for partition {partition}"
                )));
            }
            self.check_assignment(brokers, factor)?;
            factor = Some(brokers.len());
            by_index.insert(*partition, brokers.clone());
        }
        let consecutive = (0..).map(PartitionIndex).zip(by_index.keys());
        if consecutive
            .into_iter()
            .any(|(expected, given)| expected != *given)
        {
            return Err(Refusal::assignment(
                "partitions should be a consecutive 0-based integer sequence",
            ));
        }
        Ok(Placed {
            brokers: by_index.into_values().collect(),
            factor: factor.unwrap_or(0),
            notice: None,
        })
    }
}

/// Brokers of every partition.
struct Placed {
    brokers: Vec<Vec<BrokerId>>,
    factor: usize,
    notice: Option<String>,
}

/// Topics whose name occurs once, and the names that occur more often.
fn split_repeated(topics: &[NewTopic]) -> (Vec<&NewTopic>, BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for topic in topics {
        if !seen.insert(topic.name.as_str()) {
            repeated.insert(topic.name.clone());
        }
    }
    let single = topics
        .iter()
        .filter(|topic| !repeated.contains(&topic.name));
    (single.collect(), repeated)
}

fn requested_partitions(topics: &[&NewTopic]) -> usize {
    let counts = topics.iter().map(|topic| {
        let given = topic
            .partitions
            .and_then(|count| usize::try_from(count).ok());
        given.unwrap_or(1).max(topic.assignments.len())
    });
    counts.fold(0, usize::saturating_add)
}

fn own_configs(configs: &[(String, Option<String>)]) -> Result<ConfigMap, Refusal> {
    let mut own = ConfigMap::new();
    for (key, value) in configs {
        let Some(value) = value else {
            return Err(Refusal::new(
                ErrorCode::InvalidConfig,
                format!("Null value not supported for topic configs: {key}"),
            ));
        };
        check_length(value)?;
        own.insert(key.as_str().into(), value.as_str().into());
    }
    Ok(own)
}

/// Refuses a value that no record can hold.
pub(super) fn check_length(value: &str) -> Result<(), Refusal> {
    if value.len() > CONFIG_VALUE_BYTES_MAX {
        return Err(Refusal::new(
            ErrorCode::InvalidConfig,
            format!(
                "The configuration value cannot be added because it exceeds the maximum value size of \
                 {CONFIG_VALUE_BYTES_MAX} bytes."
            ),
        ));
    }
    Ok(())
}

fn count(partitions: usize) -> i32 {
    i32::try_from(partitions).expect("PARTITIONS_PER_REQUEST_MAX bounds the partitions")
}
