//! DescribeQuorum: who keeps the metadata log, and how far each of them is.
//!
//! Versions: 0-2
//! Behaviour: the one partition of `__cluster_metadata`, with this node as its only voter. If anything
//! else is asked for as well, every partition of the question is unknown.
//! - 1: when voters were last heard of. - 2: messages, directories, endpoints.
//!
//! Not done: endpoints of the controller: it has none, because it runs inside this process.

use thalweg_model::ErrorCode;
use thalweg_wire::messages::describe_quorum_response::{
    Node as Voter, PartitionData, ReplicaState, TopicData,
};
use thalweg_wire::messages::{DescribeQuorumRequest, DescribeQuorumResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeQuorum, 0, 2, handle);

const METADATA_TOPIC: &str = "__cluster_metadata";

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &DescribeQuorumRequest, caller: &Caller) -> DescribeQuorumResponse {
    let known = |(topic, index): (&str, i32)| topic == METADATA_TOPIC && index == 0;
    let all_known = asked(request).all(known);
    let partition = |index| {
        if all_known {
            metadata_partition(caller)
        } else {
            unknown(index)
        }
    };
    let topics = request.topics.iter().map(|topic| TopicData {
        topic_name: topic.topic_name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|asked| partition(asked.partition_index))
            .collect(),
    });
    let voters = if all_known && asked(request).next().is_some() {
        vec![Voter {
            node_id: caller.node.cluster.broker.0,
            ..Voter::default()
        }]
    } else {
        Vec::new()
    };
    DescribeQuorumResponse {
        error_message: Some(Str::default()),
        topics: topics.collect(),
        nodes: voters,
        ..DescribeQuorumResponse::default()
    }
}

/// Every partition that is asked for.
fn asked(request: &DescribeQuorumRequest) -> impl Iterator<Item = (&str, i32)> {
    request.topics.iter().flat_map(|topic| {
        let indexes = topic.partitions.iter().map(|asked| asked.partition_index);
        indexes.map(|index| (&*topic.topic_name, index))
    })
}

fn unknown(index: i32) -> PartitionData {
    PartitionData {
        partition_index: index,
        error_code: ErrorCode::UnknownTopicOrPartition.code(),
        error_message: Some(Str::from("only the metadata log has a quorum")),
        ..PartitionData::default()
    }
}

fn metadata_partition(caller: &Caller) -> PartitionData {
    let node = &caller.node;
    let group = node.cluster.metadata_group();
    let (marks, epoch) =
        node.with_shard(|shard| (shard.marks(group, None), shard.leader_epoch(group)));
    let (Ok(marks), Some(epoch)) = (marks, epoch) else {
        return PartitionData {
            error_code: ErrorCode::NotLeaderOrFollower.code(),
            error_message: Some(Str::from(ErrorCode::NotLeaderOrFollower.name())),
            ..PartitionData::default()
        };
    };
    let end = marks.high_watermark.value();
    // The leader is a voter that was heard of just now.
    let now = node.clock.now().wall.0;
    let voter = ReplicaState {
        replica_id: node.cluster.broker.0,
        log_end_offset: end,
        last_fetch_timestamp: now,
        last_caught_up_timestamp: now,
        ..ReplicaState::default()
    };
    PartitionData {
        leader_id: node.cluster.broker.0,
        leader_epoch: epoch.value(),
        high_watermark: end,
        error_message: Some(Str::default()),
        current_voters: vec![voter],
        ..PartitionData::default()
    }
}
