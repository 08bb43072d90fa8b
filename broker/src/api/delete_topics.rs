//! DeleteTopics: topics with their records, settings and committed offsets.
//!
//! Versions: 1-6
//! Behaviour: each topic is deleted or refused by itself.
//! From 5: a text beside the error. From 6: topics may be named by id.
//! Not done: the time limit of the request does not end the wait; deletion takes one group commit.

use thalweg_metadata::controller::{DeletedTopic, TopicTarget};
use thalweg_model::{ErrorCode, Uuid};
use thalweg_wire::messages::delete_topics_response::DeletableTopicResult;
use thalweg_wire::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DeleteTopics, 1, 6, handle);

/// First version that may name topics by id.
const IDS_FROM: i16 = 6;

/// First version that knows that deletion may be switched off.
const DISABLED_FROM: i16 = 3;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: DeleteTopicsRequest, caller: Caller) -> DeleteTopicsResponse {
    let targets = targets(&request, caller.version);
    let deleted = caller
        .node
        .command(|controller| controller.delete_topics(&targets))
        .await;
    let replies = deleted.unwrap_or_else(|error| {
        let refusal = errors::command(&error);
        let refused = |target: TopicTarget| DeletedTopic {
            name: target.name,
            id: target.id.unwrap_or(Uuid::NIL),
            refusal: Some(refusal.clone()),
        };
        targets.into_iter().map(refused).collect()
    });
    DeleteTopicsResponse {
        responses: replies
            .iter()
            .map(|reply| result(reply, caller.version))
            .collect(),
        ..DeleteTopicsResponse::default()
    }
}

fn targets(request: &DeleteTopicsRequest, version: i16) -> Vec<TopicTarget> {
    let text = |name: &Str| name.as_str().to_owned();
    if version < IDS_FROM {
        let names = request.topic_names.iter();
        return names
            .map(|name| TopicTarget {
                name: Some(text(name)),
                id: None,
            })
            .collect();
    }
    let topics = request.topics.iter().map(|topic| TopicTarget {
        name: topic.name.as_ref().map(text),
        id: (!topic.topic_id.is_nil()).then_some(topic.topic_id),
    });
    topics.collect()
}

fn result(reply: &DeletedTopic, version: i16) -> DeletableTopicResult {
    let (mut error_code, error_message) = match &reply.refusal {
        Some(refusal) => errors::refusal(refusal),
        None => (ErrorCode::None.code(), None),
    };
    if version < DISABLED_FROM && error_code == ErrorCode::TopicDeletionDisabled.code() {
        error_code = ErrorCode::InvalidRequest.code();
    }
    DeletableTopicResult {
        name: reply.name.as_deref().map(Str::from),
        topic_id: reply.id,
        error_code,
        error_message,
    }
}
