//! OffsetFetch: reads what is committed.

use thalweg_model::{ErrorCode, Now, PartitionIndex, Uuid};

use super::GroupShard;
use super::pending::Parked;
use crate::GroupId;
use crate::effects::{Effects, ReplyToken};
use crate::messages::{
    FetchTopic, FetchedPartition, FetchedTopic, OffsetFetchReply, OffsetFetchRequest, Reply,
};
use crate::stored::{CommittedOffset, DurableState};

impl GroupShard {
    /// Reads positions. If they have to be stable, the answer waits for all commits under way.
    pub fn fetch_offsets(
        &mut self,
        now: Now,
        token: ReplyToken,
        request: OffsetFetchRequest,
    ) -> Effects {
        let (_, durable, mut turn) = self.turn(now);
        let barrier = turn.pending.last().filter(|_| request.require_stable);
        match barrier {
            Some(last) => turn.park(last, Parked::Fetch(token, request)),
            None => {
                let reply = read_offsets(durable, &request);
                turn.reply(token, Reply::OffsetFetch(reply));
            }
        }
        turn.effects
    }
}

/// The positions as committed; a group that does not exist has none.
pub(super) fn read_offsets(
    durable: &DurableState,
    request: &OffsetFetchRequest,
) -> OffsetFetchReply {
    let topics = match &request.topics {
        Some(topics) => topics
            .iter()
            .map(|topic| read_topic(durable, &request.group, topic))
            .collect(),
        None => read_all(durable, &request.group),
    };
    OffsetFetchReply {
        error: ErrorCode::None,
        topics,
    }
}

fn read_topic(durable: &DurableState, group: &GroupId, topic: &FetchTopic) -> FetchedTopic {
    let read = |partition: PartitionIndex| {
        let committed = durable.offset(group, &topic.name, partition);
        let committed = committed.filter(|offset| same_topic(offset.topic_id, topic.id));
        fetched(partition, committed)
    };
    FetchedTopic {
        name: topic.name.clone(),
        id: topic.id,
        partitions: topic.partitions.iter().copied().map(read).collect(),
    }
}

fn read_all(durable: &DurableState, group: &GroupId) -> Vec<FetchedTopic> {
    let mut topics: Vec<FetchedTopic> = Vec::new();
    for ((name, partition), committed) in durable.offsets_of(group).into_iter().flatten() {
        let partition = fetched(*partition, Some(committed));
        match topics.last_mut() {
            Some(topic) if topic.name == *name => topic.partitions.push(partition),
            Some(_) | None => topics.push(FetchedTopic {
                name: name.clone(),
                id: committed.topic_id,
                partitions: vec![partition],
            }),
        }
    }
    topics
}

fn fetched(partition: PartitionIndex, committed: Option<&CommittedOffset>) -> FetchedPartition {
    FetchedPartition {
        partition,
        committed: committed.cloned(),
    }
}

/// Whether two ids can mean the same incarnation: one that is not known may be any.
pub(super) fn same_topic(stored: Uuid, asked: Uuid) -> bool {
    stored.is_nil() || asked.is_nil() || stored == asked
}
