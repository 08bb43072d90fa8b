//! OffsetCommit: stores a group's positions.
//!
//! Versions: 2-10
//! Behaviour: answers when the positions are committed in the group's log. Partitions that do not
//! exist fail alone.
//! - 2-4: a retention of its own. - 6: leader epochs. - 7: static members.
//! - 9: a missing group has a code of its own. - 10: topics are named by their ids.
//!
//! Not done: authorisation; there is no authorizer yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use thalweg_coordinator::messages::{
    CommitPartition, CommitTopic, OffsetCommitRequest as Commit, Reply as GroupReply, TopicResults,
};
use thalweg_coordinator::{Generation, GroupId, InstanceId, MemberId, TopicName};
use thalweg_model::{ErrorCode, LeaderEpoch, PartitionIndex, Uuid};
use thalweg_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use thalweg_wire::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use thalweg_wire::messages::{OffsetCommitRequest, OffsetCommitResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::OffsetCommit, 2, 10, handle);

/// First version that names topics by their ids.
const TOPIC_IDS_FROM: i16 = 10;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

/// What is answered so far, and where a topic stands in it that exists.
#[derive(Debug, Default)]
struct Answered {
    topics: Vec<OffsetCommitResponseTopic>,
    places: BTreeMap<Uuid, usize>,
}

async fn answer(request: OffsetCommitRequest, caller: Caller) -> OffsetCommitResponse {
    let mut answered = Answered::default();
    let topics = request.topics.iter();
    let topics = topics
        .filter_map(|topic| known(topic, &caller, &mut answered))
        .collect();
    let commit = committing(&request, topics, caller.version);
    if commit.topics.is_empty() {
        return respond(answered.topics);
    }
    let group = commit.group.clone();
    let ask = caller.node.ask_group(&group, |shard, now, token| {
        shard.commit_offsets(now, token, &commit)
    });
    match ask.await {
        Ok(GroupReply::OffsetCommit(reply)) => {
            answered.merge(&reply.topics);
            respond(answered.topics)
        }
        Ok(_) => respond(refuse_all(&request, ErrorCode::UnknownServerError)),
        Err(error) => respond(refuse_all(&request, error)),
    }
}

fn respond(topics: Vec<OffsetCommitResponseTopic>) -> OffsetCommitResponse {
    OffsetCommitResponse {
        topics,
        ..OffsetCommitResponse::default()
    }
}

fn committing(request: &OffsetCommitRequest, topics: Vec<CommitTopic>, version: i16) -> Commit {
    Commit {
        group: GroupId::from(&*request.group_id),
        generation: Generation(request.generation_id_or_member_epoch),
        member: MemberId::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::from),
        retention_ms: Some(request.retention_time_ms).filter(|&ms| ms != -1),
        topics,
        api_version: version,
    }
}

/// The part of a topic that exists; the rest is answered already.
fn known(
    topic: &OffsetCommitRequestTopic,
    caller: &Caller,
    answered: &mut Answered,
) -> Option<CommitTopic> {
    let by_id = caller.version >= TOPIC_IDS_FROM;
    let route = if by_id {
        caller.node.cluster.route_by_id(topic.topic_id)
    } else {
        caller.node.cluster.route(&topic.name)
    };
    let Some(route) = route else {
        let error = if by_id {
            ErrorCode::UnknownTopicId
        } else {
            ErrorCode::UnknownTopicOrPartition
        };
        answered
            .topics
            .push(refuse(topic, &topic.partitions, error));
        return None;
    };
    let exists = |partition: &&OffsetCommitRequestPartition| {
        route.group(partition.partition_index).is_some()
    };
    let (known, unknown): (Vec<_>, Vec<_>) = topic.partitions.iter().partition(exists);
    if !unknown.is_empty() {
        answered.places.insert(route.id, answered.topics.len());
        answered
            .topics
            .push(refuse(topic, unknown, ErrorCode::UnknownTopicOrPartition));
    }
    let known = CommitTopic {
        name: TopicName::from(&*route.name),
        id: route.id,
        partitions: known.into_iter().map(position).collect(),
    };
    Some(known).filter(|known| !known.partitions.is_empty())
}

fn position(partition: &OffsetCommitRequestPartition) -> CommitPartition {
    CommitPartition {
        partition: PartitionIndex(partition.partition_index),
        offset: partition.committed_offset,
        leader_epoch: LeaderEpoch::from_wire(partition.committed_leader_epoch),
        metadata: partition.committed_metadata.as_deref().map(Arc::from),
    }
}

fn refuse<'a>(
    topic: &OffsetCommitRequestTopic,
    partitions: impl IntoIterator<Item = &'a OffsetCommitRequestPartition>,
    error: ErrorCode,
) -> OffsetCommitResponseTopic {
    let partitions = partitions
        .into_iter()
        .map(|partition| OffsetCommitResponsePartition {
            partition_index: partition.partition_index,
            error_code: error.code(),
        });
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

fn refuse_all(request: &OffsetCommitRequest, error: ErrorCode) -> Vec<OffsetCommitResponseTopic> {
    request
        .topics
        .iter()
        .map(|topic| refuse(topic, &topic.partitions, error))
        .collect()
}

impl Answered {
    /// Adds the shard's outcomes behind those of partitions that do not exist, topic by topic.
    fn merge(&mut self, results: &[TopicResults]) {
        for topic in results {
            let partitions = topic
                .partitions
                .iter()
                .map(|result| OffsetCommitResponsePartition {
                    partition_index: result.partition.0,
                    error_code: result.error.code(),
                });
            match self.places.get(&topic.id) {
                Some(&place) => self.topics[place].partitions.extend(partitions),
                None => self.topics.push(OffsetCommitResponseTopic {
                    name: Str::from(topic.name.as_str()),
                    topic_id: topic.id,
                    partitions: partitions.collect(),
                }),
            }
        }
    }
}
