//! One group of an OffsetFetch.

use thalweg_coordinator::messages::{
    FetchTopic, FetchedPartition, FetchedTopic, OffsetFetchReply, OffsetFetchRequest as Fetch,
    Reply as GroupReply,
};
use thalweg_coordinator::{GroupId, TopicName};
use thalweg_model::{ErrorCode, LeaderEpoch, PartitionIndex, Uuid};
use thalweg_wire::Str;
use thalweg_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use thalweg_wire::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};

use crate::net::answer::Caller;

/// First version that names topics by their ids.
const TOPIC_IDS_FROM: i16 = 10;
/// "Nothing committed".
const NO_OFFSET: i64 = -1;

/// One group to read.
#[derive(Debug)]
pub(super) struct GroupRead {
    fetch: Fetch,
    /// Topics that are answered without asking.
    unknown: Vec<OffsetFetchResponseTopics>,
}

impl GroupRead {
    pub(super) fn plan(group: OffsetFetchRequestGroup, stable: bool, caller: &Caller) -> Self {
        let mut unknown = Vec::new();
        let topics = group.topics.map(|topics| {
            let topics = topics.iter();
            topics
                .filter_map(|topic| named(topic, caller, &mut unknown))
                .collect()
        });
        let group = GroupId::from(&*group.group_id);
        Self {
            fetch: Fetch {
                group,
                topics,
                require_stable: stable,
            },
            unknown,
        }
    }

    /// Asks the group's shard at once; the answer may come later.
    pub(super) fn ask(
        &self,
        caller: &Caller,
    ) -> impl Future<Output = Result<GroupReply, ErrorCode>> {
        let fetch = self.fetch.clone();
        caller
            .node
            .ask_group(&self.fetch.group, move |shard, now, token| {
                shard.fetch_offsets(now, token, fetch)
            })
    }

    pub(super) fn answer(
        &self,
        reply: Result<GroupReply, ErrorCode>,
        caller: &Caller,
    ) -> OffsetFetchResponseGroup {
        let reply = match reply {
            Ok(GroupReply::OffsetFetch(reply)) => reply,
            Ok(_) => OffsetFetchReply::refused(ErrorCode::UnknownServerError),
            Err(error) => OffsetFetchReply::refused(error),
        };
        let mut answer = OffsetFetchResponseGroup {
            group_id: Str::from(self.fetch.group.as_str()),
            error_code: reply.error.code(),
            ..OffsetFetchResponseGroup::default()
        };
        if reply.error == ErrorCode::None {
            let everything = self.fetch.topics.is_none();
            let topics = reply.topics.into_iter();
            answer.topics = topics
                .filter_map(|t| respond(t, everything, caller))
                .collect();
            answer.topics.extend_from_slice(&self.unknown);
        }
        answer
    }
}

/// A topic as the shard knows it. An id that nothing has is answered at once; a name may be anything.
fn named(
    topic: &OffsetFetchRequestTopics,
    caller: &Caller,
    unknown: &mut Vec<OffsetFetchResponseTopics>,
) -> Option<FetchTopic> {
    let by_id = caller.version >= TOPIC_IDS_FROM;
    let route = if by_id {
        caller.node.cluster.route_by_id(topic.topic_id)
    } else {
        None
    };
    if by_id && route.is_none() {
        unknown.push(refuse_topic(topic, ErrorCode::UnknownTopicId.code()));
        return None;
    }
    let name = route.as_ref().map_or(&*topic.name, |route| &*route.name);
    Some(FetchTopic {
        name: TopicName::from(name),
        id: topic.topic_id,
        partitions: topic
            .partition_indexes
            .iter()
            .copied()
            .map(PartitionIndex)
            .collect(),
    })
}

/// A topic's positions; none if it has to be named by an id and has none.
fn respond(
    topic: FetchedTopic,
    is_everything: bool,
    caller: &Caller,
) -> Option<OffsetFetchResponseTopics> {
    let mut topic_id = topic.id;
    if is_everything && topic_id.is_nil() && caller.version >= TOPIC_IDS_FROM {
        let route = caller.node.cluster.route(topic.name.as_str());
        topic_id = route.map_or(Uuid::NIL, |route| route.id);
        if topic_id.is_nil() {
            return None;
        }
    }
    Some(OffsetFetchResponseTopics {
        name: Str::from(topic.name.as_str()),
        topic_id,
        partitions: topic.partitions.into_iter().map(position).collect(),
    })
}

fn position(fetched: FetchedPartition) -> OffsetFetchResponsePartitions {
    let Some(committed) = fetched.committed else {
        return absent(fetched.partition.0, ErrorCode::None.code());
    };
    OffsetFetchResponsePartitions {
        partition_index: fetched.partition.0,
        committed_offset: committed.offset,
        committed_leader_epoch: LeaderEpoch::to_wire(committed.leader_epoch),
        metadata: Some(Str::from(&*committed.metadata)),
        error_code: ErrorCode::None.code(),
    }
}

fn absent(partition_index: i32, error_code: i16) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: NO_OFFSET,
        committed_leader_epoch: LeaderEpoch::to_wire(None),
        metadata: Some(Str::default()),
        error_code,
    }
}

fn refuse_topic(topic: &OffsetFetchRequestTopics, error: i16) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter();
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions
            .map(|&partition| absent(partition, error))
            .collect(),
    }
}

/// The same refusal for every partition asked.
pub(super) fn refuse_topics(
    asked: &[OffsetFetchRequestTopics],
    error: i16,
) -> Vec<OffsetFetchResponseTopics> {
    asked
        .iter()
        .map(|topic| refuse_topic(topic, error))
        .collect()
}
