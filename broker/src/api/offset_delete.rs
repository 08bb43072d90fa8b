//! OffsetDelete: forgets positions of a group in topics that nobody in it reads.
//!
//! Versions: 0
//! Behaviour: answers when the deletion is stored. Partitions that do not exist fail alone.
//! Not done: authorisation; there is no authorizer yet.

use thalweg_coordinator::messages::{
    OffsetDeleteReply, OffsetDeleteRequest as Delete, Reply as GroupReply, TopicResults,
};
use thalweg_coordinator::{GroupId, TopicName};
use thalweg_model::{ErrorCode, PartitionIndex};
use thalweg_wire::messages::offset_delete_request::OffsetDeleteRequestTopic;
use thalweg_wire::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use thalweg_wire::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::OffsetDelete, 0, 0, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: OffsetDeleteRequest, caller: Caller) -> OffsetDeleteResponse {
    let mut answered = Vec::new();
    let topics = request.topics.iter();
    let delete = Delete {
        group: GroupId::from(&*request.group_id),
        topics: topics
            .filter_map(|topic| known(topic, &caller, &mut answered))
            .collect(),
    };
    let group = delete.group.clone();
    let ask = caller.node.ask_group(&group, |shard, now, token| {
        shard.delete_offsets(now, token, &delete)
    });
    let reply = match ask.await {
        Ok(GroupReply::OffsetDelete(reply)) => reply,
        Ok(_) => OffsetDeleteReply::refused(ErrorCode::UnknownServerError),
        Err(error) => OffsetDeleteReply::refused(error),
    };
    if reply.error != ErrorCode::None {
        // An error of the group stands alone.
        answered.clear();
    }
    merge(&mut answered, &reply.topics);
    OffsetDeleteResponse {
        error_code: reply.error.code(),
        topics: answered,
        ..OffsetDeleteResponse::default()
    }
}

/// The part of a topic that exists; the rest is answered already.
fn known(
    topic: &OffsetDeleteRequestTopic,
    caller: &Caller,
    answered: &mut Vec<OffsetDeleteResponseTopic>,
) -> Option<(TopicName, Vec<PartitionIndex>)> {
    let route = caller.node.cluster.route(&topic.name);
    let partitions = topic
        .partitions
        .iter()
        .map(|partition| partition.partition_index);
    let (known, unknown): (Vec<_>, Vec<_>) = partitions
        .partition(|&partition| route.as_ref().is_some_and(|r| r.group(partition).is_some()));
    if !unknown.is_empty() || route.is_none() {
        let partitions = unknown
            .into_iter()
            .map(|partition_index| OffsetDeleteResponsePartition {
                partition_index,
                error_code: ErrorCode::UnknownTopicOrPartition.code(),
            });
        answered.push(OffsetDeleteResponseTopic {
            name: topic.name.clone(),
            partitions: partitions.collect(),
        });
    }
    if known.is_empty() {
        return None;
    }
    let known = known.into_iter().map(PartitionIndex);
    Some((TopicName::from(&*topic.name), known.collect()))
}

/// Adds the shard's outcomes behind those of partitions that do not exist, topic by topic.
fn merge(answered: &mut Vec<OffsetDeleteResponseTopic>, results: &[TopicResults]) {
    for topic in results {
        let partitions = topic
            .partitions
            .iter()
            .map(|result| OffsetDeleteResponsePartition {
                partition_index: result.partition.0,
                error_code: result.error.code(),
            });
        match answered
            .iter_mut()
            .find(|known| known.name == *topic.name.as_str())
        {
            Some(known) => known.partitions.extend(partitions),
            None => answered.push(OffsetDeleteResponseTopic {
                name: Str::from(topic.name.as_str()),
                partitions: partitions.collect(),
            }),
        }
    }
}
