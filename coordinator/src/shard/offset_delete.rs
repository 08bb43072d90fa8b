//! OffsetDelete, and positions in topics that were deleted.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_model::{ErrorCode, Now, PartitionIndex, Uuid};

use super::GroupShard;
use super::offset_fetch::same_topic;
use super::turn::Turn;
use crate::classic::ClassicGroup;
use crate::effects::{Effects, ReplyToken};
use crate::messages::{
    OffsetDeleteReply, OffsetDeleteRequest, PartitionResult, Reply, TopicResults,
};
use crate::stored::{DurableState, Record};
use crate::{GroupId, TopicName};

/// A topic that does not exist any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its name, which a new topic may have by now.
    pub name: TopicName,
    /// The incarnation that was deleted.
    pub id: Uuid,
}

impl GroupShard {
    /// Forgets positions in topics that nobody in the group reads.
    pub fn delete_offsets(
        &mut self,
        now: Now,
        token: ReplyToken,
        request: &OffsetDeleteRequest,
    ) -> Effects {
        let (groups, durable, mut turn) = self.turn(now);
        let group = match groups.get(&request.group) {
            _ if request.group.as_str().is_empty() => Err(ErrorCode::InvalidGroupId),
            None => Err(ErrorCode::GroupIdNotFound),
            Some(group) => group.check_offset_delete().map(|()| group),
        };
        match group {
            Err(error) => {
                let reply = OffsetDeleteReply::refused(error);
                turn.reply(token, Reply::OffsetDelete(reply));
            }
            Ok(group) => turn.delete_offsets(group, durable, token, request),
        }
        turn.effects
    }

    /// The incarnations of topics that groups have committed positions in.
    #[must_use]
    pub fn offset_topics(&self) -> BTreeSet<(TopicName, Uuid)> {
        let offsets = self
            .durable
            .offset_groups()
            .flat_map(|(_, offsets)| offsets);
        offsets
            .map(|((topic, _), committed)| (topic.clone(), committed.topic_id))
            .collect()
    }

    /// Forgets all positions in topics that were deleted.
    pub fn topics_deleted(&mut self, now: Now, topics: &[DeletedTopic]) -> Effects {
        let (_, durable, mut turn) = self.turn(now);
        let mut gone: BTreeMap<&TopicName, Vec<Uuid>> = BTreeMap::new();
        for topic in topics {
            gone.entry(&topic.name).or_default().push(topic.id);
        }
        let mut records = Vec::new();
        for group in turn.pending.offset_groups(durable) {
            for ((topic, partition), id) in turn.pending.offsets_of(group, durable) {
                let ids = gone.get(&topic).into_iter().flatten();
                if ids.into_iter().any(|gone| same_topic(id, *gone)) {
                    records.push(tombstone(group, topic, partition));
                }
            }
        }
        turn.append_tombstones(&records);
        turn.effects
    }
}

impl Turn<'_> {
    fn delete_offsets(
        &mut self,
        group: &ClassicGroup,
        durable: &DurableState,
        token: ReplyToken,
        request: &OffsetDeleteRequest,
    ) {
        let mut records = Vec::new();
        let mut topics = Vec::with_capacity(request.topics.len());
        for (name, partitions) in &request.topics {
            let error = if group.is_subscribed_to(name) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            };
            if error == ErrorCode::None {
                for partition in partitions {
                    let key = (name.clone(), *partition);
                    if self.pending.has_offset(&group.id, &key, durable) {
                        records.push(tombstone(&group.id, key.0, key.1));
                    }
                }
            }
            let results = partitions.iter().map(|partition| PartitionResult {
                partition: *partition,
                error,
            });
            topics.push(TopicResults {
                name: name.clone(),
                id: Uuid::NIL,
                partitions: results.collect(),
            });
        }
        self.append_tombstones(&records);
        let reply = Reply::OffsetDelete(OffsetDeleteReply {
            error: ErrorCode::None,
            topics,
        });
        // What is deleted already may be so only in records that are not committed yet.
        let last = self.pending.last();
        self.reply_after(last, token, reply);
    }
}

pub(super) fn tombstone(group: &GroupId, topic: TopicName, partition: PartitionIndex) -> Record {
    Record::Offset {
        group: group.clone(),
        topic,
        partition,
        value: None,
    }
}
