//! CreatePartitions: more partitions for topics that exist.
//!
//! Versions: 0-3
//! Behaviour: each topic grows or is refused by itself; the answer leaves when the new partitions are served.
//! Not done: the time limit of the request does not end the wait; creation takes one group commit.

use thalweg_metadata::controller::{CreatePartitions, MorePartitions, TopicReply};
use thalweg_model::{BrokerId, ErrorCode};
use thalweg_wire::messages::create_partitions_request::CreatePartitionsTopic;
use thalweg_wire::messages::create_partitions_response::CreatePartitionsTopicResult;
use thalweg_wire::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::CreatePartitions, 0, 3, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: CreatePartitionsRequest, caller: Caller) -> CreatePartitionsResponse {
    let command = CreatePartitions {
        topics: request.topics.iter().map(more_partitions).collect(),
        validate_only: request.validate_only,
    };
    let created = caller
        .node
        .command(|controller| controller.create_partitions(&command))
        .await;
    let replies = created.unwrap_or_else(|error| {
        let refusal = errors::command(&error);
        let names = command.topics.into_iter().map(|topic| topic.topic);
        names
            .map(|name| TopicReply {
                name,
                result: Err(refusal.clone()),
            })
            .collect()
    });
    CreatePartitionsResponse {
        results: replies.iter().map(result).collect(),
        ..CreatePartitionsResponse::default()
    }
}

fn more_partitions(topic: &CreatePartitionsTopic) -> MorePartitions {
    let assignments = topic.assignments.as_ref().map(|assignments| {
        let brokers = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
        assignments
            .iter()
            .map(|assignment| brokers(&assignment.broker_ids))
            .collect()
    });
    MorePartitions {
        topic: topic.name.as_str().to_owned(),
        count: topic.count,
        assignments,
    }
}

fn result(reply: &TopicReply<()>) -> CreatePartitionsTopicResult {
    let (error_code, error_message) = match &reply.result {
        Ok(()) => (ErrorCode::None.code(), None),
        Err(refusal) => errors::refusal(refusal),
    };
    CreatePartitionsTopicResult {
        name: Str::from(reply.name.as_str()),
        error_code,
        error_message,
    }
}
