//! ElectLeaders: makes a preferred replica the leader, or a replica that is behind.
//!
//! Versions: 0-2
//! Behaviour: on one node every partition is led by its only replica, so no election is ever needed.
//! Where all partitions are asked for, those that need none are left out, but not their topics.
//! - 1: the kind of election.
//!
//! Not done: elections; there is no other replica to elect.

use thalweg_metadata::MetadataImage;
use thalweg_model::{ErrorCode, PartitionIndex};
use thalweg_wire::messages::elect_leaders_request::TopicPartitions;
use thalweg_wire::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use thalweg_wire::messages::{ElectLeadersRequest, ElectLeadersResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::ElectLeaders, 0, 2, handle);

/// Kafka's numbers of the two kinds of elections.
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

fn handle(call: Call) -> Reply {
    call.answer(answer)
}

fn answer(request: ElectLeadersRequest, caller: &Caller) -> ElectLeadersResponse {
    let image = caller.node.cluster.image();
    let known = matches!(request.election_type, PREFERRED | UNCLEAN);
    let results = match request.topic_partitions {
        Some(topics) => topics
            .into_iter()
            .map(|topic| asked(topic, known, &image))
            .collect(),
        None => image
            .topics()
            .map(|topic| ReplicaElectionResult {
                topic: Str::from(&*topic.name),
                ..ReplicaElectionResult::default()
            })
            .collect(),
    };
    let error = if known {
        ErrorCode::None
    } else {
        ErrorCode::InvalidRequest
    };
    ElectLeadersResponse {
        error_code: error.code(),
        replica_election_results: results,
        ..ElectLeadersResponse::default()
    }
}

fn asked(topic: TopicPartitions, known: bool, image: &MetadataImage) -> ReplicaElectionResult {
    let outcome = |index: i32| {
        let there = image.topic_partition(&topic.topic, PartitionIndex(index));
        let (error, words) = match (known, there) {
            (false, _) => (ErrorCode::InvalidRequest, "no such kind of election"),
            (true, None) => (ErrorCode::UnknownTopicOrPartition, "no such partition"),
            (true, Some(_)) => (ErrorCode::ElectionNotNeeded, "its only replica leads it"),
        };
        PartitionResult {
            partition_id: index,
            error_code: error.code(),
            error_message: Some(Str::from(words)),
        }
    };
    ReplicaElectionResult {
        partition_result: topic
            .partitions
            .iter()
            .map(|&index| outcome(index))
            .collect(),
        topic: topic.topic,
    }
}
