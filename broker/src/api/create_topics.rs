//! CreateTopics: topics with their partitions, replicas and settings.
//!
//! Versions: 2-7
//! Behaviour: each topic is created or refused by itself; the answer leaves when every new partition is served, so
//! that a client's next request finds it. With `validate_only` nothing is created, and the answer is the same.
//! From 5: partitions, replication factor and all settings of the new topic. From 7: its id.
//! Not done: the time limit of the request does not end the wait; creation takes one group commit.

use thalweg_metadata::Controller;
use thalweg_metadata::config::DescribedConfig;
use thalweg_metadata::controller::{
    Assignment, CreateTopics, CreatedTopic, NewTopic, ReplicationFactor, TopicReply,
};
use thalweg_model::{BrokerId, PartitionIndex};
use thalweg_wire::messages::create_topics_request::CreatableTopic;
use thalweg_wire::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use thalweg_wire::messages::{CreateTopicsRequest, CreateTopicsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::cluster::boot::random_uuid;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::CreateTopics, 2, 7, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: CreateTopicsRequest, caller: Caller) -> CreateTopicsResponse {
    let command = CreateTopics {
        topics: request.topics.iter().map(new_topic).collect(),
        validate_only: request.validate_only,
    };
    let create = |controller: &Controller<'_>| controller.create_topics(&command, random_uuid);
    let replies = caller
        .node
        .command(create)
        .await
        .map_err(|error| errors::command(&error));
    let topics = match replies {
        Ok(replies) => replies.into_iter().map(result).collect(),
        Err(refusal) => {
            let names = command.topics.into_iter().map(|topic| topic.name);
            names
                .map(|name| {
                    result(TopicReply {
                        name,
                        result: Err(refusal.clone()),
                    })
                })
                .collect()
        }
    };
    CreateTopicsResponse {
        topics,
        ..CreateTopicsResponse::default()
    }
}

/// -1 is the wire's "default"; every other number is the controller's to judge.
fn new_topic(topic: &CreatableTopic) -> NewTopic {
    let assignments = topic.assignments.iter().map(|assignment| Assignment {
        partition: PartitionIndex(assignment.partition_index),
        brokers: assignment
            .broker_ids
            .iter()
            .copied()
            .map(BrokerId)
            .collect(),
    });
    let configs = topic.configs.iter().map(|config| {
        let value = config.value.as_ref().map(|value| value.as_str().to_owned());
        (config.name.as_str().to_owned(), value)
    });
    NewTopic {
        name: topic.name.as_str().to_owned(),
        partitions: (topic.num_partitions != -1).then_some(topic.num_partitions),
        replication: match topic.replication_factor {
            -1 => ReplicationFactor::Default,
            factor => ReplicationFactor::Exactly(factor),
        },
        assignments: assignments.collect(),
        configs: configs.collect(),
    }
}

fn result(reply: TopicReply<CreatedTopic>) -> CreatableTopicResult {
    let name = Str::from(reply.name.as_str());
    match reply.result {
        Ok(topic) => {
            if let Some(notice) = &topic.notice {
                tracing::info!("{notice}");
            }
            CreatableTopicResult {
                name,
                topic_id: topic.id,
                error_message: None,
                num_partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                configs: Some(topic.configs.iter().map(config).collect()),
                ..CreatableTopicResult::default()
            }
        }
        Err(refusal) => {
            let (error_code, error_message) = errors::refusal(&refusal);
            CreatableTopicResult {
                name,
                error_code,
                error_message,
                ..CreatableTopicResult::default()
            }
        }
    }
}

fn config(config: &DescribedConfig) -> CreatableTopicConfigs {
    CreatableTopicConfigs {
        name: Str::from(config.name.as_str()),
        value: config.value.as_deref().map(Str::from),
        read_only: config.read_only,
        config_source: config.source.wire(),
        is_sensitive: config.sensitive,
    }
}
