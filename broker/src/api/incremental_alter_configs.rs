//! IncrementalAlterConfigs: settings of a resource one by one; what is not named stays.
//!
//! Versions: 0-1
//! Behaviour: each resource is changed or refused by itself; lists take elements and give them up.
//! Not done: log levels. The broker has no loggers by name, so every one of them is refused as unknown.

use thalweg_metadata::controller::{
    AlterConfigs, AlteredResource, ConfigChange, ConfigOp, ConfigUpdates, Refusal, ResourceUpdate,
};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::incremental_alter_configs_request::AlterConfigsResource;
use thalweg_wire::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use thalweg_wire::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::alter_configs::{alter, outcome};
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::IncrementalAlterConfigs, 0, 1, handle);

/// Kafka's number of the resource type "loggers of a broker".
pub(super) const BROKER_LOGGER: i8 = 8;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(
    request: IncrementalAlterConfigsRequest,
    caller: Caller,
) -> IncrementalAlterConfigsResponse {
    let resources = request.resources.iter();
    let others = resources
        .clone()
        .filter(|resource| resource.resource_type != BROKER_LOGGER);
    let command = AlterConfigs {
        resources: others.map(update).collect(),
        validate_only: request.validate_only,
    };
    let mut altered = alter(command, &caller).await.into_iter();
    let responses = resources.map(|resource| {
        let reply = if resource.resource_type == BROKER_LOGGER {
            loggers(resource, caller.node.cluster.broker.0)
        } else {
            altered
                .next()
                .expect("the controller answers for every resource")
        };
        let (error_code, error_message) = outcome(&reply);
        AlterConfigsResourceResponse {
            error_code,
            error_message,
            resource_type: reply.kind,
            resource_name: Str::from(reply.name.as_str()),
        }
    });
    IncrementalAlterConfigsResponse {
        responses: responses.collect(),
        ..IncrementalAlterConfigsResponse::default()
    }
}

fn update(resource: &AlterConfigsResource) -> ResourceUpdate {
    let changes = resource.configs.iter().map(|config| ConfigChange {
        key: config.name.as_str().to_owned(),
        op: ConfigOp::from_wire(config.config_operation),
        value: config.value.as_ref().map(|value| value.as_str().to_owned()),
    });
    ResourceUpdate {
        kind: resource.resource_type,
        name: resource.resource_name.as_str().to_owned(),
        updates: ConfigUpdates::Incremental(changes.collect()),
    }
}

fn loggers(resource: &AlterConfigsResource, node: i32) -> AlteredResource {
    let name = resource.resource_name.as_str();
    let bad = |message: String| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    let result = match name.parse::<i32>() {
        Err(_) => bad(format!("Node id must be an integer, but it is: {name}")),
        Ok(id) if id != node => bad(format!(
            "Unexpected node id. Expected {node}, but received {id}"
        )),
        Ok(_) => match resource.configs.first() {
            None => Ok(()),
            Some(config) if matches!(config.config_operation, 2 | 3) => bad(format!(
                "{} operation is not allowed for the BROKER_LOGGER resource",
                if config.config_operation == 2 {
                    "APPEND"
                } else {
                    "SUBTRACT"
                }
            )),
            Some(config) => Err(Refusal::new(
                ErrorCode::InvalidConfig,
                format!("Logger {} does not exist!", config.name.as_str()),
            )),
        },
    };
    AlteredResource {
        kind: resource.resource_type,
        name: name.to_owned(),
        result,
    }
}
