//! A request that means another leader is refused, whatever it asks for: as in Kafka, the epoch is looked at first.

use thalweg_wire::Str;
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use thalweg_wire::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use thalweg_wire::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest};

use crate::harness::Broker;

const UNKNOWN_LEADER_EPOCH: i16 = 75;

/// Later than any leader's.
const EPOCH: i32 = 1_000;

#[test]
fn a_leader_that_is_unknown_is_refused_whatever_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    client.create("t").unwrap();
    for timestamp in [-6, -5, -4, -3, -2, -1, 0] {
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: Str::from("t"),
                partitions: vec![ListOffsetsPartition {
                    partition_index: 0,
                    current_leader_epoch: EPOCH,
                    timestamp,
                }],
            }],
            ..ListOffsetsRequest::default()
        };
        let answer = client.ask(&request, 11).unwrap();
        let found = &answer.topics[0].partitions[0];
        assert_eq!(found.error_code, UNKNOWN_LEADER_EPOCH, "at {timestamp}");
    }
    for leader_epoch in [-1, 0, EPOCH] {
        let request = OffsetForLeaderEpochRequest {
            replica_id: -1,
            topics: vec![OffsetForLeaderTopic {
                topic: Str::from("t"),
                partitions: vec![OffsetForLeaderPartition {
                    partition: 0,
                    current_leader_epoch: EPOCH,
                    leader_epoch,
                }],
            }],
        };
        let answer = client.ask(&request, 4).unwrap();
        let found = &answer.topics[0].partitions[0];
        assert_eq!(found.error_code, UNKNOWN_LEADER_EPOCH, "{leader_epoch}");
    }
}
