//! `DeleteTopics`.

use std::collections::BTreeSet;
use std::sync::Arc;

use thalweg_model::{ErrorCode, Uuid};

use super::{Controller, Outcome, Refusal};
use crate::image::TopicImage;
use crate::record::{MetadataRecord, TopicRemoved};

/// A topic to be deleted, by exactly one of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTarget {
    /// Its name.
    pub name: Option<String>,
    /// Its id.
    pub id: Option<Uuid>,
}

/// What became of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// The name, if it was given or the topic was there.
    pub name: Option<String>,
    /// The id; nil if it was not given and the topic was not there.
    pub id: Uuid,
    /// Why it was not deleted.
    pub refusal: Option<Refusal>,
}

impl Controller<'_> {
    /// Deletes topics, each by itself.
    #[must_use]
    pub fn delete_topics(&self, targets: &[TopicTarget]) -> Outcome<Vec<DeletedTopic>> {
        let mut records = Vec::new();
        let mut removed = BTreeSet::new();
        let mut replies = Vec::new();
        let enabled = self.layers.broker_flag("delete.topic.enable");
        let (single, repeated) = split_repeated(targets);
        for target in single {
            let found = if enabled {
                self.find(target)
            } else {
                let disabled = Refusal::new(
                    ErrorCode::TopicDeletionDisabled,
                    "Topic deletion is disabled.",
                );
                Err(disabled)
            };
            replies.push(match found {
                Ok(topic) => {
                    let id = topic.id;
                    // A topic may be named once by name and once by id; it is removed once.
                    if removed.insert(id) {
                        records.push(MetadataRecord::TopicRemoved(TopicRemoved { id }));
                    }
                    DeletedTopic {
                        name: Some((*topic.name).to_owned()),
                        id,
                        refusal: None,
                    }
                }
                Err(refusal) => refused(target, refusal),
            });
        }
        replies.extend(repeated.into_iter().map(|target| {
            let what = if target.name.is_some() { "name" } else { "id" };
            refused(target, Refusal::request(format!("Duplicate topic {what}.")))
        }));
        Outcome {
            records,
            reply: replies,
        }
    }

    fn find(&self, target: &TopicTarget) -> Result<&Arc<TopicImage>, Refusal> {
        match (&target.name, target.id) {
            (Some(name), None) => self.image.topic(name).ok_or_else(|| {
                Refusal::new(
                    ErrorCode::UnknownTopicOrPartition,
                    "This server does not host this topic-partition.",
                )
            }),
            (None, Some(id)) => self.image.topic_by_id(id).ok_or_else(|| {
                Refusal::new(
                    ErrorCode::UnknownTopicId,
                    "This server does not host this topic ID.",
                )
            }),
            (Some(_), Some(_)) => Err(Refusal::request(
                "You may not specify both topic name and topic id.",
            )),
            (None, None) => Err(Refusal::request(
                "Neither topic name nor id were specified.",
            )),
        }
    }
}

fn refused(target: &TopicTarget, refusal: Refusal) -> DeletedTopic {
    DeletedTopic {
        name: target.name.clone(),
        id: target.id.unwrap_or(Uuid::NIL),
        refusal: Some(refusal),
    }
}

/// Targets that occur once, and one of each that occurs more often. Targets that are no target are never repeats.
fn split_repeated(targets: &[TopicTarget]) -> (Vec<&TopicTarget>, Vec<&TopicTarget>) {
    let key = |target: &TopicTarget| (target.name.clone(), target.id);
    let is_target = |target: &TopicTarget| target.name.is_some() != target.id.is_some();
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeSet::new();
    for target in targets.iter().filter(|target| is_target(target)) {
        if !seen.insert(key(target)) {
            repeated.insert(key(target));
        }
    }
    let mut reported = BTreeSet::new();
    let mut single = Vec::new();
    let mut twice = Vec::new();
    for target in targets {
        if !repeated.contains(&key(target)) {
            single.push(target);
        } else if reported.insert(key(target)) {
            twice.push(target);
        }
    }
    (single, twice)
}
