//! AlterPartitionReassignments: moves partitions to other brokers, or stops that.
//!
//! Versions: 0-1
//! Behaviour: a partition may be sent to where it is, which is done at once. Whatever names a broker
//! that is not there is refused, as is stopping what was never begun.
//! - 1: whether the number of replicas may change. On one node it cannot.
//!
//! Not done: moves; one node has nowhere to move anything.

use std::collections::BTreeSet;

use thalweg_metadata::MetadataImage;
use thalweg_model::{BrokerId, ErrorCode, PartitionIndex};
use thalweg_wire::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use thalweg_wire::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use thalweg_wire::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::AlterPartitionReassignments, 0, 1, handle);

/// Why a partition stays as it is, with words unless the code says all.
type Refused = (ErrorCode, Option<String>);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(
    request: &AlterPartitionReassignmentsRequest,
    caller: &Caller,
) -> AlterPartitionReassignmentsResponse {
    let image = caller.node.cluster.image();
    // Kafka's controller is not asked about nothing, and the message then is empty instead of null.
    let error_message = request.topics.is_empty().then(Str::default);
    AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        error_message,
        responses: request
            .topics
            .iter()
            .map(|topic| reassign(topic, &image))
            .collect(),
        ..AlterPartitionReassignmentsResponse::default()
    }
}

fn reassign(topic: &ReassignableTopic, image: &MetadataImage) -> ReassignableTopicResponse {
    let partitions = topic.partitions.iter().map(|partition| {
        let (error, words) = match check(&topic.name, partition, image) {
            Ok(()) => (ErrorCode::None, None),
            Err(refused) => refused,
        };
        ReassignablePartitionResponse {
            partition_index: partition.partition_index,
            error_code: error.code(),
            error_message: words.map(Str::from),
        }
    });
    ReassignableTopicResponse {
        partitions: partitions.collect(),
        name: topic.name.clone(),
    }
}

fn check(topic: &str, asked: &ReassignablePartition, image: &MetadataImage) -> Result<(), Refused> {
    let index = PartitionIndex(asked.partition_index);
    let partition = image.topic(topic).and_then(|topic| topic.partition(index));
    let Some(partition) = partition else {
        let words = format!("there is no partition {} of {topic}", index.0);
        return Err((ErrorCode::UnknownTopicOrPartition, Some(words)));
    };
    let Some(replicas) = &asked.replicas else {
        return Err((ErrorCode::NoReassignmentInProgress, None));
    };
    let invalid = |words: String| Err((ErrorCode::InvalidReplicaAssignment, Some(words)));
    let target: Vec<BrokerId> = replicas.iter().map(|&id| BrokerId(id)).collect();
    if target.is_empty() {
        return invalid("a partition needs a replica".to_owned());
    }
    if target.iter().collect::<BTreeSet<_>>().len() < target.len() {
        return invalid("a broker is named twice".to_owned());
    }
    if let Some(unknown) = target.iter().find(|&&id| image.broker(id).is_none()) {
        return invalid(format!("there is no broker {}", unknown.0));
    }
    if !partition.brokers().eq(target) {
        return invalid("partitions cannot be moved yet".to_owned());
    }
    Ok(())
}
