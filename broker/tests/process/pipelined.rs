//! A request sees what the earlier ones of its connection did, also if it came before they were answered.

use thalweg_wire::Str;
use thalweg_wire::messages::create_topics_request::CreatableTopic;
use thalweg_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use thalweg_wire::messages::describe_topic_partitions_request::TopicRequest;
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use thalweg_wire::messages::{
    CreateTopicsRequest, DeleteRecordsRequest, DescribeTopicPartitionsRequest, ListOffsetsRequest,
};

use crate::harness::{Broker, batch, produced_request};

const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

fn list_offsets(topic: &str, timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition {
        timestamp,
        ..ListOffsetsPartition::default()
    };
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: Str::from(topic),
            partitions: vec![partition],
        }],
        ..ListOffsetsRequest::default()
    }
}

#[test]
fn offsets_are_those_after_what_was_sent_before() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("t").unwrap();
    let values = vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
    let produce = produced_request("t", 0, batch(&values, None));
    let (_, offsets) = client
        .ask_both((&produce, 9), (&list_offsets("t", LATEST), 7))
        .unwrap();
    assert_eq!(offsets.topics[0].partitions[0].offset, 3);

    let delete = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: Str::from("t"),
            partitions: vec![DeleteRecordsPartition {
                partition_index: 0,
                offset: 2,
            }],
        }],
        timeout_ms: 10_000,
    };
    let (deleted, offsets) = client
        .ask_both((&delete, 2), (&list_offsets("t", EARLIEST), 7))
        .unwrap();
    assert_eq!(deleted.topics[0].partitions[0].low_watermark, 2);
    assert_eq!(offsets.topics[0].partitions[0].offset, 2);
}

#[test]
fn a_topic_is_there_for_whoever_asks_behind_its_creation() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    let create = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: Str::from("t"),
            num_partitions: 2,
            replication_factor: 1,
            ..CreatableTopic::default()
        }],
        timeout_ms: 10_000,
        ..CreateTopicsRequest::default()
    };
    let describe = DescribeTopicPartitionsRequest {
        topics: vec![TopicRequest {
            name: Str::from("t"),
        }],
        response_partition_limit: 100,
        ..DescribeTopicPartitionsRequest::default()
    };
    let (created, described) = client.ask_both((&create, 5), (&describe, 0)).unwrap();
    assert_eq!(created.topics[0].error_code, 0);
    assert_eq!(described.topics[0].partitions.len(), 2);
}
