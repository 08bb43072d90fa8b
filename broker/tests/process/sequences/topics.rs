//! Topics come, grow and go; Metadata tells of them.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_model::Uuid;
use thalweg_wire::messages::create_partitions_request::CreatePartitionsTopic;
use thalweg_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use thalweg_wire::messages::delete_topics_request::DeleteTopicState;
use thalweg_wire::messages::metadata_request::MetadataRequestTopic;
use thalweg_wire::messages::metadata_response::MetadataResponseTopic;
use thalweg_wire::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest,
};

use super::model::{Partition, Topic};
use super::run::{NAMES, Run, text};

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC: i16 = 17;
const TOPIC_EXISTS: i16 = 36;
const INVALID_PARTITIONS: i16 = 37;
const INVALID_REPLICATION_FACTOR: i16 = 38;
const INVALID_CONFIG: i16 = 40;
const INVALID_REQUEST: i16 = 42;
const UNKNOWN_TOPIC_ID: i16 = 100;

/// `num.partitions` of the broker.
const PARTITIONS_DEFAULT: usize = 2;

const BAD_NAMES: [&str; 4] = ["", ".", "bl ank", "sl/ash"];

/// What may be wrong with a topic that is to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Name,
    Partitions,
    Replication,
    Setting,
    Twice,
}

impl Run {
    /// Creates a topic that does not exist, in the simplest way.
    pub(super) fn create_plain(&mut self) {
        let free: Vec<&str> = NAMES
            .into_iter()
            .filter(|name| self.is_free(name))
            .collect();
        let name = self.pick(&free).to_owned();
        let topic = CreatableTopic {
            name: text(&name),
            num_partitions: 2,
            replication_factor: 1,
            ..CreatableTopic::default()
        };
        self.did(format!("create {name}"));
        let code = self.create(vec![topic], 7, false)[0].0;
        assert_eq!(code, 0, "{name} is created");
        self.created(&name, 2, BTreeMap::new());
    }

    /// Whether no topic has this name, nor one that is the same to metrics.
    fn is_free(&self, name: &str) -> bool {
        let plain = |name: &str| name.replace('.', "_");
        let mut names = self.model.topics.keys();
        names.all(|known| plain(known) != plain(name))
    }

    fn create(
        &mut self,
        topics: Vec<CreatableTopic>,
        version: i16,
        only_says: bool,
    ) -> Vec<(i16, String)> {
        let request = CreateTopicsRequest {
            topics,
            timeout_ms: 10_000,
            validate_only: only_says,
        };
        let answer = self.ask(&request, version);
        let codes = answer.topics.iter();
        codes
            .map(|topic| (topic.error_code, topic.name.to_string()))
            .collect()
    }

    pub(super) fn create_topics(&mut self) {
        use Fault::{Name, None, Partitions, Replication, Setting, Twice};
        let version = self.version(2, 7);
        let fault = self.pick(&[
            None,
            None,
            None,
            None,
            Name,
            Partitions,
            Replication,
            Setting,
            Twice,
        ]);
        let only_says = self.once_in(6);
        let name = match fault {
            Name => self.pick(&BAD_NAMES).to_owned(),
            None | Partitions | Replication | Setting | Twice => self.pick(&NAMES).to_owned(),
        };
        let given = self.pick(&[-1, 1, 2, 3]);
        // Before version 4 a broker's default cannot be asked for.
        let given = if version < 4 { given.max(1) } else { given };
        let configs = match fault {
            Setting => BTreeMap::from([("no.such.setting".to_owned(), "1".to_owned())]),
            None | Name | Partitions | Replication | Twice => self.settings_of_a_topic(),
        };
        let topic = CreatableTopic {
            name: text(&name),
            num_partitions: if fault == Partitions { 0 } else { given },
            replication_factor: if fault == Replication { 3 } else { 1 },
            configs: configs
                .iter()
                .map(|(key, value)| creatable(key, value))
                .collect(),
            ..CreatableTopic::default()
        };
        let expected = match fault {
            Twice => INVALID_REQUEST,
            Name => INVALID_TOPIC,
            _ if self.model.topics.contains_key(&name) => TOPIC_EXISTS,
            _ if !self.is_free(&name) => INVALID_TOPIC,
            Partitions => INVALID_PARTITIONS,
            Replication => INVALID_REPLICATION_FACTOR,
            Setting => INVALID_CONFIG,
            None => 0,
        };
        self.did(format!(
            "create {topic:?} {fault:?} only says {only_says} version {version}"
        ));
        let mut topics = vec![topic.clone()];
        topics.extend((fault == Twice).then_some(topic));
        let answered = self.create(topics, version, only_says);
        assert_eq!(answered, [(expected, name.clone())]);
        if expected == 0 && !only_says {
            let count = usize::try_from(given).unwrap_or(PARTITIONS_DEFAULT);
            self.created(&name, count, configs);
        }
    }

    /// A topic is there: its id is learned.
    fn created(&mut self, name: &str, partitions: usize, configs: BTreeMap<String, String>) {
        let told = self.ask_of(Some(vec![named(name)]), 12, false);
        let topic = &told[0];
        assert_eq!(
            (topic.error_code, topic.partitions.len()),
            (0, partitions),
            "{name}"
        );
        assert!(
            !self.model.gone.contains(&topic.topic_id),
            "a topic has a new id"
        );
        let partitions = vec![Partition::default(); partitions];
        let new = Topic {
            id: topic.topic_id,
            partitions,
            configs,
        };
        self.model.topics.insert(name.to_owned(), new);
        self.compare_topic(topic, 12, true);
    }

    pub(super) fn delete_topics(&mut self) {
        let version = self.version(1, 6);
        let name = self.name();
        let known = self.model.topics.get(&name).map(|topic| topic.id);
        let by_id = version >= 6 && self.once_in(2);
        let id = match known {
            Some(id) => id,
            None if self.model.gone.is_empty() => Uuid::from_bytes([9; 16]),
            None => self.pick(&self.model.gone.clone()),
        };
        let twice = self.once_in(8);
        let times = if twice { 2 } else { 1 };
        let target = DeleteTopicState {
            name: (!by_id).then(|| text(&name)),
            topic_id: if by_id { id } else { Uuid::NIL },
        };
        let request = DeleteTopicsRequest {
            topics: vec![target; times],
            topic_names: vec![text(&name); times],
            timeout_ms: 10_000,
        };
        self.did(format!(
            "delete {name} {id} by id {by_id} times {times} version {version}"
        ));
        let answer = self.ask(&request, version);
        let expected = match known {
            _ if twice => INVALID_REQUEST,
            Some(_) => 0,
            None if by_id => UNKNOWN_TOPIC_ID,
            None => UNKNOWN_TOPIC_OR_PARTITION,
        };
        assert_eq!(answer.responses.len(), 1);
        assert_eq!(answer.responses[0].error_code, expected, "{name}");
        if expected == 0 {
            let topic = self.model.topics.remove(&name).unwrap();
            self.model.gone.push(topic.id);
            for group in self.model.groups.values_mut() {
                group.positions.retain(|(topic, _), _| *topic != name);
            }
        }
    }

    pub(super) fn create_partitions(&mut self) {
        let version = self.version(0, 3);
        let name = self.name();
        let present = self
            .model
            .topics
            .get(&name)
            .map(|topic| topic.partitions.len());
        let count = present.unwrap_or(1) + self.below(2);
        let only_says = self.once_in(4);
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: text(&name),
                count: i32::try_from(count).unwrap(),
                assignments: None,
            }],
            timeout_ms: 10_000,
            validate_only: only_says,
        };
        self.did(format!(
            "grow {name} to {count} only says {only_says} version {version}"
        ));
        let answer = self.ask(&request, version);
        let expected = match present {
            None => UNKNOWN_TOPIC_OR_PARTITION,
            Some(present) if present == count => INVALID_PARTITIONS,
            Some(_) => 0,
        };
        assert_eq!(answer.results[0].error_code, expected);
        if expected == 0 && !only_says {
            let topic = self.model.topics.get_mut(&name).unwrap();
            topic.partitions.resize(count, Partition::default());
            let told = self.ask_of(Some(vec![named(&name)]), 12, false);
            self.compare_topic(&told[0], 12, true);
        }
    }

    fn ask_of(
        &mut self,
        topics: Option<Vec<MetadataRequestTopic>>,
        version: i16,
        creates: bool,
    ) -> Vec<MetadataResponseTopic> {
        let request = MetadataRequest {
            topics,
            allow_auto_topic_creation: creates,
            ..MetadataRequest::default()
        };
        let answer = self.ask(&request, version);
        assert_eq!(answer.brokers.len(), 1);
        assert_eq!(answer.brokers[0].port, i32::from(self.broker.port));
        answer.topics
    }

    /// Asks for all topics, one by its name, or one by its id.
    pub(super) fn metadata(&mut self) {
        let version = self.version(0, 13);
        match self.below(3) {
            0 => self.metadata_of_all(version),
            1 => self.metadata_by_name(version),
            _ => self.metadata_by_id(self.seed_id(), version.max(12)),
        }
    }

    fn seed_id(&self) -> Uuid {
        Uuid::from_bytes([7; 16])
    }

    fn metadata_of_all(&mut self, version: i16) {
        let all = if version == 0 { Some(Vec::new()) } else { None };
        self.did(format!("metadata of all version {version}"));
        let mut told = self.ask_of(all, version, false);
        told.retain(|topic| topic.name.as_deref() != Some("__consumer_offsets"));
        let names = told.iter().filter_map(|topic| topic.name.as_deref());
        let names: BTreeSet<&str> = names.collect();
        let known = self.model.topics.keys().map(String::as_str);
        assert!(
            told.len() == names.len() && names.iter().copied().eq(known),
            "{names:?}"
        );
        for topic in &told {
            self.compare_topic(topic, version, false);
        }
    }

    fn metadata_by_name(&mut self, version: i16) {
        let name = self.name();
        // Old versions always create.
        let creates = version < 4 || self.once_in(4);
        self.did(format!(
            "metadata of {name} creates {creates} version {version}"
        ));
        let told = self.ask_of(Some(vec![named(&name)]), version, creates);
        assert_eq!(told.len(), 1);
        let is_new = !self.model.topics.contains_key(&name);
        if !is_new {
            self.compare_topic(&told[0], version, false);
        } else if !creates || !self.is_free(&name) {
            // That its name is taken is not said here: the topic is just not there.
            assert_eq!(told[0].error_code, UNKNOWN_TOPIC_OR_PARTITION);
        } else {
            assert_eq!(told[0].error_code, 0, "{name} is created");
            self.created(&name, PARTITIONS_DEFAULT, BTreeMap::new());
        }
    }

    fn metadata_by_id(&mut self, unknown: Uuid, version: i16) {
        let ids: Vec<Uuid> = self.model.topics.values().map(|topic| topic.id).collect();
        let gone = self.model.gone.clone();
        let id = match self.below(4) {
            0 => unknown,
            1 if !gone.is_empty() => self.pick(&gone),
            _ if !ids.is_empty() => self.pick(&ids),
            _ => unknown,
        };
        self.did(format!("metadata of {id} version {version}"));
        let wanted = MetadataRequestTopic {
            topic_id: id,
            name: None,
        };
        let told = self.ask_of(Some(vec![wanted]), version, false);
        assert_eq!(told.len(), 1);
        if ids.contains(&id) {
            self.compare_topic(&told[0], version, false);
        } else {
            assert_eq!(told[0].error_code, UNKNOWN_TOPIC_ID);
        }
    }

    /// A topic is what it should be; its leaders' epochs are learned if they may be new.
    fn compare_topic(&mut self, told: &MetadataResponseTopic, version: i16, learns: bool) {
        let name = told.name.clone().unwrap().to_string();
        let topic = self.model.topics.get_mut(&name).unwrap();
        assert_eq!(told.error_code, 0, "{name}");
        assert!(!told.is_internal);
        assert!(
            version < 10 || told.topic_id == topic.id,
            "{name} keeps its id"
        );
        let mut indexes: Vec<i32> = told.partitions.iter().map(|p| p.partition_index).collect();
        indexes.sort_unstable();
        let count = i32::try_from(topic.partitions.len()).unwrap();
        assert!(
            indexes.into_iter().eq(0..count),
            "{name} has {count} partitions"
        );
        for partition in &told.partitions {
            assert_eq!(
                (partition.error_code, partition.leader_id),
                (0, 1),
                "{name}"
            );
            assert_eq!(partition.replica_nodes, [1]);
            assert_eq!(partition.isr_nodes, [1]);
            let known = &mut topic.partitions[usize::try_from(partition.partition_index).unwrap()];
            if learns {
                assert!(
                    partition.leader_epoch >= known.epoch,
                    "epochs never go back"
                );
                known.epoch = partition.leader_epoch;
            } else if version >= 7 {
                assert_eq!(partition.leader_epoch, known.epoch, "{name}");
            }
        }
    }

    /// Leaders have new epochs after a restart.
    pub(super) fn learn_epochs(&mut self) {
        let told = self.ask_of(None, 12, false);
        for topic in told {
            if topic.name.as_deref() != Some("__consumer_offsets") {
                self.compare_topic(&topic, 12, true);
            }
        }
    }
}

pub(super) fn named(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic {
        name: Some(text(name)),
        ..MetadataRequestTopic::default()
    }
}

fn creatable(key: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig {
        name: text(key),
        value: Some(text(value)),
    }
}
