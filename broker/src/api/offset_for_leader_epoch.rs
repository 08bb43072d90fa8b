//! OffsetForLeaderEpoch: where an epoch ends in the leader's log (KIP-101, KIP-320).
//!
//! Versions: 2-4
//! Behaviour: the end offset of the epoch asked for, or of the last one before it that has records;
//! epoch -1 and offset -1 if there is none, or the epoch lies in the future.
//! Not done: replicas asking for their own truncation: no other broker exists yet.

use thalweg_model::{ErrorCode, LeaderEpoch, Offset};
use thalweg_wire::ApiKey;
use thalweg_wire::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use thalweg_wire::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use thalweg_wire::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::OffsetForLeaderEpoch, 2, 4, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &OffsetForLeaderEpochRequest, caller: &Caller) -> OffsetForLeaderEpochResponse {
    let topics = request
        .topics
        .iter()
        .map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| one(caller, &topic.topic, partition))
                .collect(),
        });
    OffsetForLeaderEpochResponse {
        topics: topics.collect(),
        ..OffsetForLeaderEpochResponse::default()
    }
}

fn one(caller: &Caller, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let (error, found) = match end(caller, topic, asked) {
        Ok(found) => (ErrorCode::None, found),
        Err(error) => (error, None),
    };
    EpochEndOffset {
        error_code: error.code(),
        partition: asked.partition,
        leader_epoch: LeaderEpoch::to_wire(found.map(|(epoch, _)| epoch)),
        end_offset: Offset::to_wire(found.map(|(_, end)| end)),
    }
}

fn end(
    caller: &Caller,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    let route = caller.node.cluster.route(topic);
    let group = route.and_then(|route| route.group(asked.partition));
    let group = group.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let current = LeaderEpoch::from_wire(asked.current_leader_epoch);
    // Who asks for no epoch still says which leader is meant.
    let found = caller
        .node
        .with_shard(|shard| match LeaderEpoch::from_wire(asked.leader_epoch) {
            Some(epoch) => shard.end_of_epoch(group, epoch, current),
            None => shard.marks(group, current).map(|_| None),
        });
    found.map_err(|error| errors::access(&error))
}
