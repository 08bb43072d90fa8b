//! DescribeProducers: the idempotent producers that partitions remember.
//!
//! Versions: 0
//! Behaviour: one row for each producer with its epoch, last sequence and last timestamp.
//! Not done: transactions: no producer has one open.

use thalweg_log::producers::ProducerState as Remembered;
use thalweg_model::{ErrorCode, ProducerId, check_topic_name};
use thalweg_wire::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use thalweg_wire::messages::{DescribeProducersRequest, DescribeProducersResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeProducers, 0, 0, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &DescribeProducersRequest, caller: &Caller) -> DescribeProducersResponse {
    let topics = request.topics.iter().map(|topic| TopicResponse {
        name: topic.name.clone(),
        partitions: topic
            .partition_indexes
            .iter()
            .map(|&index| match producers(caller, &topic.name, index) {
                Ok(active_producers) => PartitionResponse {
                    partition_index: index,
                    active_producers,
                    ..PartitionResponse::default()
                },
                Err(error) => PartitionResponse {
                    partition_index: index,
                    error_code: error.code(),
                    error_message: reason(caller, &topic.name),
                    ..PartitionResponse::default()
                },
            })
            .collect(),
    });
    DescribeProducersResponse {
        topics: topics.collect(),
        ..DescribeProducersResponse::default()
    }
}

/// What is wrong with a topic that is not there; a partition's error speaks for itself.
fn reason(caller: &Caller, topic: &str) -> Option<Str> {
    match check_topic_name(topic) {
        Err(error) => Some(Str::from(error.to_string())),
        Ok(()) if caller.node.cluster.route(topic).is_none() => {
            Some(Str::from(format!("there is no topic {topic}")))
        }
        Ok(()) => None,
    }
}

fn producers(caller: &Caller, topic: &str, index: i32) -> Result<Vec<ProducerState>, ErrorCode> {
    if check_topic_name(topic).is_err() {
        return Err(ErrorCode::InvalidTopicException);
    }
    let route = caller.node.cluster.route(topic);
    let group = route.and_then(|route| route.group(index));
    let group = group.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    caller.node.with_shard(|shard| {
        let producers = shard
            .producers(group)
            .map_err(|error| errors::access(&error))?;
        Ok(producers
            .active()
            .map(|(id, state)| row(id, state))
            .collect())
    })
}

fn row(id: ProducerId, state: &Remembered) -> ProducerState {
    ProducerState {
        producer_id: id.0,
        producer_epoch: i32::from(state.epoch.0),
        last_sequence: state.last_sequence().unwrap_or(-1),
        last_timestamp: state.last_timestamp.0,
        coordinator_epoch: state.coordinator_epoch,
        current_txn_start_offset: thalweg_model::Offset::to_wire(state.txn_first),
    }
}
