//! OffsetFetch: reads the positions of one group, or (version 8) of several.
//!
//! Versions: 1-10
//! Behaviour: what was never committed has offset -1 and no error; so has a group that does not exist.
//! - 2: no topics means all, and errors of the group stand beside the topics. - 5: leader epochs.
//! - 7: a stable read waits for the commits under way. - 8: several groups.
//! - 9: member and epoch, which classic groups ignore. - 10: topics are named by their ids.
//!
//! Not done: authorisation; there is no authorizer yet.

mod group;

use thalweg_wire::ApiKey;
use thalweg_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use thalweg_wire::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use thalweg_wire::messages::{OffsetFetchRequest, OffsetFetchResponse};

use self::group::GroupRead;
use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::OffsetFetch, 1, 10, handle);

/// First version that asks for several groups.
const GROUPS_FROM: i16 = 8;
/// First version with an error beside the topics.
const GROUP_ERROR_FROM: i16 = 2;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: OffsetFetchRequest, caller: Caller) -> OffsetFetchResponse {
    let stable = request.require_stable;
    if caller.version < GROUPS_FROM {
        let version = caller.version;
        let group = only_group(request);
        let topics = group.topics.clone().unwrap_or_default();
        let read = GroupRead::plan(group, stable, &caller);
        let reply = read.ask(&caller).await;
        return respond_alone(read.answer(reply, &caller), &topics, version);
    }
    let groups = request.groups.into_iter();
    let reads: Vec<_> = groups
        .map(|group| GroupRead::plan(group, stable, &caller))
        .collect();
    // All are asked before the first is awaited: they wait together.
    let asked: Vec<_> = reads.iter().map(|read| read.ask(&caller)).collect();
    let mut groups = Vec::with_capacity(reads.len());
    for (read, ask) in reads.iter().zip(asked) {
        groups.push(read.answer(ask.await, &caller));
    }
    OffsetFetchResponse {
        groups,
        ..OffsetFetchResponse::default()
    }
}

/// The group of an old request, as newer ones name it.
fn only_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..OffsetFetchRequestTopics::default()
        });
        topics.collect()
    });
    OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics,
        ..OffsetFetchRequestGroup::default()
    }
}

/// The answer to an old request; the oldest can only say an error for each partition.
fn respond_alone(
    read: OffsetFetchResponseGroup,
    asked: &[OffsetFetchRequestTopics],
    version: i16,
) -> OffsetFetchResponse {
    let topics = if read.error_code != 0 && version < GROUP_ERROR_FROM {
        group::refuse_topics(asked, read.error_code)
    } else {
        read.topics
    };
    let topics = topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetFetchResponsePartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse {
        topics: topics.collect(),
        error_code: read.error_code,
        ..OffsetFetchResponse::default()
    }
}
