//! `CreatePartitions`.

use std::collections::BTreeSet;

use thalweg_model::{BrokerId, ErrorCode, PartitionIndex};

use super::create_topics::TopicReply;
use super::placement::Placement;
use super::{Controller, Outcome, Refusal};
use crate::image::TopicImage;
use crate::limits::PARTITIONS_PER_REQUEST_MAX;
use crate::record::{MetadataRecord, PartitionPlaced};

/// A topic that shall have more partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MorePartitions {
    /// Its name.
    pub topic: String,
    /// How many it shall have in all.
    pub count: i32,
    /// Brokers of each new partition, if the request names them.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

/// Topics that shall have more partitions, each by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePartitions {
    /// The topics.
    pub topics: Vec<MorePartitions>,
    /// Only say what would happen.
    pub validate_only: bool,
}

impl Controller<'_> {
    /// Adds partitions to topics.
    #[must_use]
    pub fn create_partitions(&self, command: &CreatePartitions) -> Outcome<Vec<TopicReply<()>>> {
        let mut seen = BTreeSet::new();
        let mut repeated = BTreeSet::new();
        for topic in &command.topics {
            if !seen.insert(topic.topic.as_str()) {
                repeated.insert(topic.topic.as_str());
            }
        }
        let mut records = Vec::new();
        let mut replies = Vec::new();
        let mut left = PARTITIONS_PER_REQUEST_MAX;
        for topic in &command.topics {
            if repeated.contains(topic.topic.as_str()) {
                continue;
            }
            let result = self.add_partitions(topic, left).map(|made| {
                left -= made.len();
                records.extend(made);
            });
            let name = topic.topic.clone();
            replies.push(TopicReply { name, result });
        }
        replies.extend(repeated.into_iter().map(|name| TopicReply {
            name: name.to_owned(),
            result: Err(Refusal::request("Duplicate topic name.")),
        }));
        if command.validate_only {
            records.clear();
        }
        Outcome {
            records,
            reply: replies,
        }
    }

    fn add_partitions(
        &self,
        more: &MorePartitions,
        left: usize,
    ) -> Result<Vec<MetadataRecord>, Refusal> {
        let Some(topic) = self.image.topic(&more.topic) else {
            return Err(Refusal::bare(ErrorCode::UnknownTopicOrPartition));
        };
        let present = topic.partitions.len();
        let added = added(topic, more.count)?;
        if added > left {
            return Err(Refusal::too_many_partitions());
        }
        let factor = topic
            .partitions
            .first()
            .map_or(1, |first| first.replicas.len());
        let brokers: Vec<Vec<BrokerId>> = match &more.assignments {
            Some(given) if given.len() != added => {
                return Err(Refusal::assignment(format!(
                    "Attempted to add {added} additional partition(s), but only {} assignment(s) were specified.",
                    given.len()
                )));
            }
            Some(given) => {
                for brokers in given {
                    self.check_assignment(brokers, Some(factor))?;
                }
                given.clone()
            }
            None => {
                self.check_factor(i16::try_from(factor).unwrap_or(i16::MAX))?;
                let placement = Placement::new(self.image, topic.id);
                let positions = present..present + added;
                positions
                    .map(|position| placement.brokers_of(position, factor))
                    .collect()
            }
        };
        let first = i32::try_from(present).expect("replay bounds the partitions of a topic");
        let records = (first..).zip(&brokers).map(|(index, brokers)| {
            MetadataRecord::PartitionPlaced(PartitionPlaced {
                topic: topic.id,
                partition: PartitionIndex(index),
                replicas: self.replicas_on(brokers),
            })
        });
        Ok(records.collect())
    }
}

/// How many partitions are to be added.
fn added(topic: &TopicImage, count: i32) -> Result<usize, Refusal> {
    let present = topic.partitions.len();
    let wanted = usize::try_from(count).unwrap_or(0);
    let refuse = |message| Err(Refusal::new(ErrorCode::InvalidPartitions, message));
    if wanted == present {
        return refuse(format!("Topic already has {present} partition(s)."));
    }
    if wanted < present {
        return refuse(format!(
            "The topic {} currently has {present} partition(s); {count} would not be an increase.",
            topic.name
        ));
    }
    Ok(wanted - present)
}
