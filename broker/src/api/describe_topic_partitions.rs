//! DescribeTopicPartitions: topics with their partitions and replicas, page by page (KIP-966).
//!
//! Versions: 0
//! Behaviour: topics in the order of their names, each once; no topics named means all. A page ends after the number
//! of partitions asked for, at most `max.request.partition.size.limit`, and names where the next begins.
//! Not done: eligible leader replicas are always empty: the log of a partition is its Raft log, and only a replica that
//! has every committed record can lead.

use std::collections::BTreeSet;
use std::sync::Arc;

use thalweg_metadata::config::ConfigLayers;
use thalweg_metadata::image::{MetadataImage, PartitionImage, TopicImage};
use thalweg_model::{ErrorCode, LeaderEpoch, PartitionIndex, check_topic_name};
use thalweg_wire::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use thalweg_wire::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::authorized_operations::{OPERATIONS_NOT_ASKED, TOPIC_OPERATIONS};
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeTopicPartitions, 0, 0, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(
    request: &DescribeTopicPartitionsRequest,
    caller: &Caller,
) -> DescribeTopicPartitionsResponse {
    let image = caller.node.cluster.image();
    let layers = ConfigLayers::new(
        &image,
        caller.node.cluster.broker,
        &caller.node.cluster.start,
    );
    let limit = layers.broker_integer("max.request.partition.size.limit");
    let asked = i64::from(request.response_partition_limit)
        .min(limit)
        .max(1);
    let limit = usize::try_from(asked).expect("a positive int fits");
    let mut response = respond(request, &image, limit);
    for topic in &mut response.topics {
        let Some(known) = image.topic_by_id(topic.topic_id) else {
            continue;
        };
        for row in &mut topic.partitions {
            let index = PartitionIndex(row.partition_index);
            if let Some(partition) = known.partition(index) {
                let epoch = caller.node.leader_epoch(known, index, partition);
                row.leader_epoch = LeaderEpoch::to_wire(Some(epoch));
            }
        }
    }
    response
}

fn respond(
    request: &DescribeTopicPartitionsRequest,
    image: &MetadataImage,
    limit: usize,
) -> DescribeTopicPartitionsResponse {
    let from = request
        .cursor
        .as_ref()
        .map_or("", |cursor| cursor.topic_name.as_str());
    let names: Vec<Str> = if request.topics.is_empty() {
        image
            .topics_from(from)
            .map(|topic| Str::from(&*topic.name))
            .collect()
    } else {
        let named: BTreeSet<&Str> = request.topics.iter().map(|topic| &topic.name).collect();
        named
            .into_iter()
            .filter(|name| name.as_str() >= from)
            .cloned()
            .collect()
    };
    let first = match &request.cursor {
        Some(cursor) => {
            let named = names.first().is_some_and(|name| *name == cursor.topic_name);
            if cursor.partition_index < 0 || !(named || request.topics.is_empty()) {
                return refuse(request);
            }
            if named { cursor.partition_index } else { 0 }
        }
        None => 0,
    };
    let mut page = Page {
        image,
        left: limit,
        topics: Vec::new(),
    };
    let mut first = PartitionIndex(first);
    for name in names {
        if let Some(next_cursor) = page.add(name, first) {
            let next_cursor = Some(next_cursor);
            return DescribeTopicPartitionsResponse {
                topics: page.topics,
                next_cursor,
                ..DescribeTopicPartitionsResponse::default()
            };
        }
        first = PartitionIndex(0);
    }
    DescribeTopicPartitionsResponse {
        topics: page.topics,
        ..DescribeTopicPartitionsResponse::default()
    }
}

/// A cursor that cannot have come from an answer to the same question.
fn refuse(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let topics = request
        .topics
        .iter()
        .map(|topic| DescribeTopicPartitionsResponseTopic {
            error_code: ErrorCode::InvalidRequest.code(),
            name: Some(topic.name.clone()),
            topic_authorized_operations: OPERATIONS_NOT_ASKED,
            ..DescribeTopicPartitionsResponseTopic::default()
        });
    DescribeTopicPartitionsResponse {
        topics: topics.collect(),
        ..DescribeTopicPartitionsResponse::default()
    }
}

/// An answer being filled.
struct Page<'i> {
    image: &'i MetadataImage,
    left: usize,
    topics: Vec<DescribeTopicPartitionsResponseTopic>,
}

impl Page<'_> {
    /// Adds a topic from a partition on; where to go on, if not all of it found room.
    fn add(&mut self, name: Str, first: PartitionIndex) -> Option<Cursor> {
        if self.left == 0 {
            return Some(Cursor {
                topic_name: name,
                partition_index: first.0,
            });
        }
        let Some(topic) = self.image.topic(&name).map(Arc::clone) else {
            let known = check_topic_name(&name).map(|()| ErrorCode::UnknownTopicOrPartition);
            let error = known.unwrap_or(ErrorCode::InvalidTopicException);
            self.topics.push(DescribeTopicPartitionsResponseTopic {
                error_code: error.code(),
                name: Some(name),
                topic_authorized_operations: TOPIC_OPERATIONS,
                ..DescribeTopicPartitionsResponseTopic::default()
            });
            return None;
        };
        let rest: Vec<_> = topic
            .indexed()
            .filter(|(index, _)| *index >= first)
            .collect();
        let next = rest.get(self.left).map(|(index, _)| index.0);
        let shown = rest.into_iter().take(self.left);
        let partitions: Vec<_> = shown
            .map(|(index, partition)| self.partition(index, partition))
            .collect();
        self.left -= partitions.len();
        self.topics.push(found(&topic, partitions));
        next.map(|partition_index| Cursor {
            topic_name: name,
            partition_index,
        })
    }

    fn partition(
        &self,
        index: PartitionIndex,
        partition: &PartitionImage,
    ) -> DescribeTopicPartitionsResponsePartition {
        let live = |id| self.image.broker(id).is_some();
        let leader = partition.leader.filter(|&id| live(id));
        let error = if leader.is_some() {
            ErrorCode::None
        } else {
            ErrorCode::LeaderNotAvailable
        };
        DescribeTopicPartitionsResponsePartition {
            error_code: error.code(),
            partition_index: index.0,
            leader_id: leader.map_or(-1, |leader| leader.0),
            leader_epoch: LeaderEpoch::to_wire(Some(partition.leader_epoch)),
            replica_nodes: partition.brokers().map(|broker| broker.0).collect(),
            isr_nodes: partition.in_sync.iter().map(|broker| broker.0).collect(),
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
            offline_replicas: partition
                .brokers()
                .filter(|&id| !live(id))
                .map(|id| id.0)
                .collect(),
        }
    }
}

fn found(
    topic: &TopicImage,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(Str::from(&*topic.name)),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions,
        topic_authorized_operations: TOPIC_OPERATIONS,
    }
}

#[cfg(test)]
mod tests {
    use thalweg_metadata::MetadataRecord;
    use thalweg_metadata::record::{PartitionPlaced, TopicCreated};
    use thalweg_model::Uuid;
    use thalweg_wire::messages::describe_topic_partitions_request as request;

    use super::*;

    /// Topics `a` with 5 partitions and `b` with 2.
    fn image() -> MetadataImage {
        let mut records = Vec::new();
        for (name, partitions, seed) in [("a", 5, 1), ("b", 2, 2)] {
            let topic = Uuid::from_random([seed; 16]);
            let created = TopicCreated {
                name: name.into(),
                id: topic,
            };
            records.push(MetadataRecord::TopicCreated(created));
            for index in 0..partitions {
                records.push(MetadataRecord::PartitionPlaced(PartitionPlaced {
                    topic,
                    partition: PartitionIndex(index),
                    replicas: Vec::new(),
                }));
            }
        }
        MetadataImage::default().apply(&records).unwrap().0
    }

    /// What is shown, as `topic[partitions]` or `topic!error`, and where the next page begins.
    fn ask(topics: &[&str], limit: usize, cursor: Option<(&str, i32)>) -> (String, String) {
        let named = topics.iter().map(|name| request::TopicRequest {
            name: Str::from(*name),
        });
        let request = DescribeTopicPartitionsRequest {
            topics: named.collect(),
            cursor: cursor.map(|(name, partition_index)| request::Cursor {
                topic_name: Str::from(name),
                partition_index,
            }),
            ..DescribeTopicPartitionsRequest::default()
        };
        let response = respond(&request, &image(), limit);
        let topics: Vec<String> = response
            .topics
            .iter()
            .map(|topic| {
                let name = topic.name.as_ref().unwrap().as_str();
                let indexes: Vec<String> = topic
                    .partitions
                    .iter()
                    .map(|partition| partition.partition_index.to_string())
                    .collect();
                match topic.error_code {
                    0 => format!("{name}[{}]", indexes.join(",")),
                    code => format!("{name}!{code}"),
                }
            })
            .collect();
        let next = response
            .next_cursor
            .map(|cursor| format!("{}-{}", cursor.topic_name.as_str(), cursor.partition_index));
        (topics.join(" "), next.unwrap_or_default())
    }

    #[test]
    fn pages_follow_the_order_of_names_and_partitions() {
        for (topics, limit, cursor, shown, next) in [
            (&["b", "a", "b"][..], 2000, None, "a[0,1,2,3,4] b[0,1]", ""),
            (&["a", "b"], 3, None, "a[0,1,2]", "a-3"),
            (&["a", "b"], 3, Some(("a", 3)), "a[3,4] b[0]", "b-1"),
            (&["a", "b"], 5, None, "a[0,1,2,3,4]", "b-0"),
            (&["a", "b"], 3, Some(("a", 9)), "a[] b[0,1]", ""),
            (&[], 4, Some(("A", 0)), "a[0,1,2,3]", "a-4"),
            (&[], 2, Some(("a", 3)), "a[3,4]", "b-0"),
            (&["no", "b", "a b"], 1, None, "a b!17 b[0]", "b-1"),
            (&["no", "b"], 2, None, "b[0,1]", "no-0"),
        ] {
            let expected = (shown.to_owned(), next.to_owned());
            // A partition without replicas has no leader, which is an error of the partition alone.
            assert_eq!(
                ask(topics, limit, cursor),
                expected,
                "{topics:?} {limit} {cursor:?}"
            );
        }
    }

    #[test]
    fn a_cursor_must_belong_to_the_question() {
        let refused = ("a!42 b!42".to_owned(), String::new());
        assert_eq!(ask(&["a", "b"], 3, Some(("aa", 3))), refused);
        assert_eq!(ask(&["a", "b"], 3, Some(("a", -1))), refused);
    }
}
