//! ListConfigResources: what has settings (KIP-1142; in version 0 client metrics subscriptions alone, KIP-714).
//!
//! Versions: 0-1
//! Behaviour: the resources of the types asked for; no type means all. Groups and subscriptions are listed while they
//! have settings of their own.
//! Not done: loggers; the broker has none by name.

use std::collections::BTreeSet;

use thalweg_metadata::config::ConfigResource as Resource;
use thalweg_metadata::image::MetadataImage;
use thalweg_model::ErrorCode;
use thalweg_wire::messages::list_config_resources_response::ConfigResource;
use thalweg_wire::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::incremental_alter_configs::BROKER_LOGGER;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::ListConfigResources, 0, 1, handle);

/// Kafka's numbers of the types, in the order of its answer.
const GROUP: i8 = 32;
const CLIENT_METRICS: i8 = 16;
const BROKER: i8 = 4;
const TOPIC: i8 = 2;
const TYPES: &[i8] = &[GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC];

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &ListConfigResourcesRequest, caller: &Caller) -> ListConfigResourcesResponse {
    let asked: BTreeSet<i8> = match (caller.version, request.resource_types.as_slice()) {
        (0, _) => BTreeSet::from([CLIENT_METRICS]),
        (_, []) => TYPES.iter().copied().collect(),
        (_, types) => types.iter().copied().collect(),
    };
    if asked.iter().any(|kind| !TYPES.contains(kind)) {
        return ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..ListConfigResourcesResponse::default()
        };
    }
    let image = caller.node.cluster.image();
    let kinds = TYPES.iter().filter(|kind| asked.contains(kind));
    let resources = kinds.flat_map(|&kind| {
        let named = |name: String| ConfigResource {
            resource_name: Str::from(name.as_str()),
            resource_type: kind,
        };
        names(kind, &image)
            .into_iter()
            .map(named)
            .collect::<Vec<_>>()
    });
    ListConfigResourcesResponse {
        config_resources: resources.collect(),
        ..ListConfigResourcesResponse::default()
    }
}

fn names(kind: i8, image: &MetadataImage) -> Vec<String> {
    match kind {
        TOPIC => image.topics().map(|topic| topic.name.to_string()).collect(),
        BROKER | BROKER_LOGGER => image
            .brokers()
            .map(|broker| broker.id.to_string())
            .collect(),
        _ => {
            let configured = image
                .configured()
                .filter(|resource| resource.wire_type() == kind);
            configured.map(Resource::wire_name).collect()
        }
    }
}
