//! AlterConfigs: all settings of a resource at once; what is not named gets its default again.
//!
//! Versions: 0-2
//! Behaviour: each resource is changed or refused by itself.
//! Not done: log levels; Kafka does not change them by this request either.

use thalweg_metadata::controller::{AlterConfigs, AlteredResource, ConfigUpdates, ResourceUpdate};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::alter_configs_request::AlterConfigsResource;
use thalweg_wire::messages::alter_configs_response::AlterConfigsResourceResponse;
use thalweg_wire::messages::{AlterConfigsRequest, AlterConfigsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::AlterConfigs, 0, 2, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: AlterConfigsRequest, caller: Caller) -> AlterConfigsResponse {
    let command = AlterConfigs {
        resources: request.resources.iter().map(update).collect(),
        validate_only: request.validate_only,
    };
    let replies = alter(command, &caller).await;
    let responses = replies.iter().map(|reply| {
        let (error_code, error_message) = outcome(reply);
        AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type: reply.kind,
            resource_name: Str::from(reply.name.as_str()),
        }
    });
    AlterConfigsResponse {
        responses: responses.collect(),
        ..AlterConfigsResponse::default()
    }
}

fn update(resource: &AlterConfigsResource) -> ResourceUpdate {
    let values = resource.configs.iter().map(|config| {
        let value = config.value.as_ref().map(|value| value.as_str().to_owned());
        (config.name.as_str().to_owned(), value)
    });
    ResourceUpdate {
        kind: resource.resource_type,
        name: resource.resource_name.as_str().to_owned(),
        updates: ConfigUpdates::ReplaceAll(values.collect()),
    }
}

/// Changes settings; if nothing could be committed, every resource says so.
pub(super) async fn alter(command: AlterConfigs, caller: &Caller) -> Vec<AlteredResource> {
    let altered = caller
        .node
        .command(|controller| controller.alter_configs(&command))
        .await;
    altered.unwrap_or_else(|error| {
        let refusal = errors::command(&error);
        let refused = |resource: ResourceUpdate| AlteredResource {
            kind: resource.kind,
            name: resource.name,
            result: Err(refusal.clone()),
        };
        command.resources.into_iter().map(refused).collect()
    })
}

/// Code and text for a resource.
pub(super) fn outcome(reply: &AlteredResource) -> (i16, Option<Str>) {
    match &reply.result {
        Ok(()) => (ErrorCode::None.code(), None),
        Err(refusal) => errors::refusal(refusal),
    }
}
