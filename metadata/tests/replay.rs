//! Live state equals the replay of its log, whatever the commands were.

#![expect(
    clippy::unwrap_used,
    reason = "a step that cannot be taken fails its test"
)]

mod cluster;

use bytes::Bytes;
use cluster::Cluster;
use proptest::prelude::*;
use thalweg_metadata::config::ConfigResource;
use thalweg_metadata::controller::{
    AlterConfigs, Bootstrap, ConfigChange, ConfigOp, ConfigUpdates, CreatePartitions, CreateTopics,
    MorePartitions, NewTopic, ReplicationFactor, ResourceUpdate, TopicTarget,
};
use thalweg_metadata::record::{
    BrokerUnregistered, ClusterIdSet, ConfigSet, Endpoint, PartitionLed, PartitionPlaced,
    ProducerIdsAllocated, RecordError, Replica, TopicCreated, TopicRemoved,
};
use thalweg_metadata::{MetadataImage, MetadataRecord};
use thalweg_model::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, ReplicaId, Uuid};

#[derive(Clone, Debug)]
enum Step {
    Create {
        topic: u8,
        partitions: i32,
        retention: Option<i64>,
        validate_only: bool,
    },
    Delete {
        topic: u8,
        by_id: bool,
    },
    Grow {
        topic: u8,
        count: i32,
    },
    Alter {
        kind: i8,
        name: u8,
        op: i8,
        key: usize,
        value: String,
    },
    Replace {
        topic: u8,
        values: Vec<(usize, String)>,
    },
    Lead {
        topic: u8,
        partition: i32,
        leader: i32,
        epoch: i32,
    },
    Register {
        id: i32,
    },
    ProducerIds,
}

const KEYS: &[&str] = &[
    "retention.ms",
    "cleanup.policy",
    "log.retention.ms",
    "segment.ms",
    "x",
];

fn name(topic: u8) -> String {
    format!("t{topic}")
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || {
        prop_oneof![
            Just("compact".to_owned()),
            (0_i64..9).prop_map(|n| n.to_string())
        ]
    };
    let step = prop_oneof![
        (
            0_u8..4,
            -1_i32..4,
            proptest::option::of(-2_i64..9),
            any::<bool>()
        )
            .prop_map(
                |(topic, partitions, retention, validate_only)| Step::Create {
                    topic,
                    partitions,
                    retention,
                    validate_only
                }
            ),
        (0_u8..4, any::<bool>()).prop_map(|(topic, by_id)| Step::Delete { topic, by_id }),
        (0_u8..4, 0_i32..6).prop_map(|(topic, count)| Step::Grow { topic, count }),
        (
            prop_oneof![Just(2_i8), Just(4), Just(32)],
            0_u8..4,
            0_i8..5,
            0..KEYS.len(),
            value()
        )
            .prop_map(|(kind, name, op, key, value)| Step::Alter {
                kind,
                name,
                op,
                key,
                value
            }),
        (
            0_u8..4,
            proptest::collection::vec((0..KEYS.len(), value()), 0..3)
        )
            .prop_map(|(topic, values)| Step::Replace { topic, values }),
        (0_u8..4, 0_i32..4, -1_i32..4, 0_i32..5).prop_map(|(topic, partition, leader, epoch)| {
            Step::Lead {
                topic,
                partition,
                leader,
                epoch,
            }
        }),
        (1_i32..4).prop_map(|id| Step::Register { id }),
        Just(Step::ProducerIds),
    ];
    proptest::collection::vec(step, 1..40)
}

fn take(cluster: &mut Cluster, step: &Step) {
    match step {
        Step::Create { .. } | Step::Delete { .. } | Step::Grow { .. } => take_topic(cluster, step),
        Step::Alter {
            kind,
            name: n,
            op,
            key,
            value,
        } => {
            let change = ConfigChange {
                key: KEYS[*key].to_owned(),
                op: ConfigOp::from_wire(*op),
                value: Some(value.clone()),
            };
            let name = if *kind == 4 { "1".to_owned() } else { name(*n) };
            alter(
                cluster,
                *kind,
                name,
                ConfigUpdates::Incremental(vec![change]),
            );
        }
        Step::Replace { topic, values } => {
            let values = values
                .iter()
                .map(|(key, value)| (KEYS[*key].to_owned(), Some(value.clone())));
            alter(
                cluster,
                2,
                name(*topic),
                ConfigUpdates::ReplaceAll(values.collect()),
            );
        }
        Step::Lead {
            topic,
            partition,
            leader,
            epoch,
        } => {
            let id = cluster
                .image
                .topic(&name(*topic))
                .map_or(Uuid::NIL, |topic| topic.id);
            let report = PartitionLed {
                topic: id,
                partition: PartitionIndex(*partition),
                leader: (*leader >= 0).then_some(BrokerId(*leader)),
                epoch: LeaderEpoch::from_wire(*epoch).unwrap(),
                in_sync: vec![BrokerId(1)],
            };
            cluster.run(|controller, _| controller.report_leaders(vec![report]));
        }
        Step::Register { id } => cluster.register(*id, None),
        Step::ProducerIds => {
            cluster.run(|controller, _| controller.allocate_producer_ids(BrokerId(1)).unwrap());
        }
    }
}

fn take_topic(cluster: &mut Cluster, step: &Step) {
    match step {
        Step::Create {
            topic,
            partitions,
            retention,
            validate_only,
        } => {
            let configs = retention.map(|ms| ("retention.ms".to_owned(), Some(ms.to_string())));
            let topic = NewTopic {
                name: name(*topic),
                partitions: Some(*partitions),
                replication: ReplicationFactor::Default,
                assignments: Vec::new(),
                configs: configs.into_iter().collect(),
            };
            let command = CreateTopics {
                topics: vec![topic],
                validate_only: *validate_only,
            };
            cluster.run(|controller, new_id| controller.create_topics(&command, new_id));
        }
        Step::Delete { topic, by_id } => {
            let id = cluster.image.topic(&name(*topic)).map(|topic| topic.id);
            let target = if *by_id {
                TopicTarget { name: None, id }
            } else {
                TopicTarget {
                    name: Some(name(*topic)),
                    id: None,
                }
            };
            cluster.run(|controller, _| controller.delete_topics(&[target]));
        }
        Step::Grow { topic, count } => {
            let more = MorePartitions {
                topic: name(*topic),
                count: *count,
                assignments: None,
            };
            let command = CreatePartitions {
                topics: vec![more],
                validate_only: false,
            };
            cluster.run(|controller, _| controller.create_partitions(&command));
        }
        Step::Alter { .. }
        | Step::Replace { .. }
        | Step::Lead { .. }
        | Step::Register { .. }
        | Step::ProducerIds => unreachable!("not about topics"),
    }
}

fn alter(cluster: &mut Cluster, kind: i8, name: String, updates: ConfigUpdates) {
    let resources = vec![ResourceUpdate {
        kind,
        name,
        updates,
    }];
    let command = AlterConfigs {
        resources,
        validate_only: false,
    };
    cluster.run(|controller, _| controller.alter_configs(&command));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_live_image_is_the_fold_of_its_log(steps in steps()) {
        let mut cluster = Cluster::new();
        cluster.register(1, None);
        let command = Bootstrap {
            cluster_id: "c".to_owned(),
            features: vec![("eligible.leader.replicas.version".to_owned(), 1)],
        };
        cluster.run(|controller, _| controller.bootstrap(&command));
        for step in &steps {
            take(&mut cluster, step);
        }
        // From bytes, all at once; the live image took the same records command by command.
        let decoded: Vec<MetadataRecord> = cluster
            .log
            .iter()
            .map(|record| MetadataRecord::decode(&record.encode().unwrap()).unwrap())
            .collect();
        prop_assert_eq!(&decoded, &cluster.log);
        let (folded, _) = MetadataImage::default().apply(&decoded).unwrap();
        prop_assert_eq!(&folded, &cluster.image);
        // From a snapshot.
        let (restored, _) = MetadataImage::default().apply(&cluster.image.to_records()).unwrap();
        prop_assert_eq!(&restored, &cluster.image);
        // Both look-ups agree.
        for topic in cluster.image.topics() {
            prop_assert_eq!(cluster.image.topic_by_id(topic.id), Some(topic));
        }
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(record) = MetadataRecord::decode(&Bytes::from(bytes)) {
            let again = MetadataRecord::decode(&record.encode().unwrap());
            prop_assert_eq!(again.as_ref(), Ok(&record));
        }
    }
}

fn created(name: &str, id: u8) -> MetadataRecord {
    MetadataRecord::TopicCreated(TopicCreated {
        name: name.into(),
        id: Uuid::from_random([id; 16]),
    })
}

fn placed(id: u8, partition: i32) -> MetadataRecord {
    MetadataRecord::PartitionPlaced(PartitionPlaced {
        topic: Uuid::from_random([id; 16]),
        partition: PartitionIndex(partition),
        replicas: vec![Replica {
            id: ReplicaId(u64::MAX),
            broker: BrokerId(1),
            directory: Uuid::NIL,
        }],
    })
}

#[test]
fn a_step_says_what_it_changed() {
    let (image, changes) = MetadataImage::default()
        .apply(&[created("a", 1), placed(1, 0), created("b", 2)])
        .unwrap();
    assert_eq!(changes.topics_created.len(), 2);
    let setting = |topic: &str| {
        MetadataRecord::ConfigSet(ConfigSet {
            resource: ConfigResource::Topic(topic.into()),
            key: "retention.ms".into(),
            value: "5".into(),
        })
    };
    let removed = MetadataRecord::TopicRemoved(TopicRemoved {
        id: Uuid::from_random([2; 16]),
    });
    let (next, changes) = image
        .apply(&[
            placed(1, 1),
            setting("a"),
            setting("b"),
            removed,
            created("b", 3),
        ])
        .unwrap();
    assert_eq!(changes.topics_changed[0].partitions.len(), 2);
    assert_eq!(changes.topics_removed[0].id, Uuid::from_random([2; 16]));
    assert_eq!(changes.topics_created[0].id, Uuid::from_random([3; 16]));
    // The settings of the topic that is gone do not pass to the one that took its name.
    assert!(next.configs(&ConfigResource::Topic("b".into())).is_empty());
    assert_eq!(next.configs(&ConfigResource::Topic("a".into())).len(), 1);
    assert_eq!(
        image.topic("a").unwrap().partitions.len(),
        1,
        "an image never changes"
    );
}

#[test]
fn records_that_contradict_the_image_are_refused() {
    let (image, _) = MetadataImage::default().apply(&[created("a", 1)]).unwrap();
    let unregistered = MetadataRecord::BrokerUnregistered(BrokerUnregistered { id: BrokerId(7) });
    let ids = |next| {
        MetadataRecord::ProducerIdsAllocated(ProducerIdsAllocated {
            broker: BrokerId(1),
            next: ProducerId(next),
        })
    };
    for (records, message) in [
        (
            vec![created("a", 2)],
            "metadata log: topic a is created a second time",
        ),
        (
            vec![created("b", 1)],
            "metadata log: topic b is created a second time",
        ),
        (
            vec![placed(1, 1)],
            "metadata log: partition 1 of topic a is placed after 0 partitions",
        ),
        (
            vec![placed(9, 0)],
            "metadata log: no topic has the id CQkJCQkJSQmJCQkJCQkJCQ",
        ),
        (
            vec![unregistered],
            "metadata log: broker 7 is not registered",
        ),
        (
            vec![ids(5), ids(4)],
            "metadata log: producer ids go back from 5 to 4",
        ),
    ] {
        assert_eq!(image.apply(&records).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_later_release_may_add_fields_but_not_kinds() {
    let record = MetadataRecord::ClusterIdSet(ClusterIdSet { id: "c".into() });
    let mut bytes = record.encode().unwrap().to_vec();
    assert_eq!(bytes, [1, 0, 2, b'c', 0]);
    bytes[4] = 1;
    bytes.extend([0, 3, 7, 7, 7]);
    assert_eq!(MetadataRecord::decode(&bytes.into()), Ok(record));
    let unknown = MetadataRecord::decode(&Bytes::from_static(&[99, 0]));
    assert_eq!(unknown, Err(RecordError::UnknownKind(99)));
    let later = MetadataRecord::decode(&Bytes::from_static(&[1, 1, 2, b'c', 0])).unwrap_err();
    assert_eq!(
        later,
        RecordError::UnknownVersion {
            kind: 1,
            version: 1
        }
    );
    let trailing = MetadataRecord::decode(&Bytes::from_static(&[1, 0, 2, b'c', 0, 0]));
    assert_eq!(trailing, Err(RecordError::Trailing(1)));
    let large = MetadataRecord::decode(&Bytes::from(vec![0; 200_000]));
    assert_eq!(large, Err(RecordError::TooLarge(200_000)));
}

#[test]
fn endpoints_and_racks_survive_the_log() {
    let mut cluster = Cluster::new();
    cluster.register(1, Some("r"));
    let MetadataRecord::BrokerRegistered(mut broker) = cluster.log[0].clone() else {
        panic!("a registration is one record");
    };
    broker.endpoints.push(Endpoint {
        listener: "PLAINTEXT".into(),
        host: "localhost".into(),
        port: 65535,
        security_protocol: 0,
    });
    let record = MetadataRecord::BrokerRegistered(broker);
    assert_eq!(
        MetadataRecord::decode(&record.encode().unwrap()),
        Ok(record)
    );
}
