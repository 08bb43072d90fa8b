//! DescribeConfigs: the settings of topics, brokers, groups and client metrics subscriptions, and where they come from.
//!
//! Versions: 1-4
//! Behaviour: all settings of a resource, or those named; names that are no setting are left out. Groups and
//! subscriptions need not exist.
//! From 3: the type of each setting; its documentation is null.
//! Not done: documentation texts. Loggers: the broker has none by name, the list is empty.

use std::collections::BTreeSet;

use thalweg_metadata::config::{ConfigLayers, ConfigResource, DescribedConfig};
use thalweg_metadata::controller::Refusal;
use thalweg_model::{ErrorCode, check_topic_name};
use thalweg_wire::messages::describe_configs_request::DescribeConfigsResource;
use thalweg_wire::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use thalweg_wire::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::incremental_alter_configs::BROKER_LOGGER;
use crate::errors;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeConfigs, 1, 4, handle);

/// What Kafka says about a resource of no known type.
const MALFORMED: &str = "This most likely occurs because of a request being malformed by the client library or the \
    message was sent to an incompatible broker. See the broker logs for more details.";

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &DescribeConfigsRequest, caller: &Caller) -> DescribeConfigsResponse {
    let image = caller.node.cluster.image();
    let layers = ConfigLayers::new(
        &image,
        caller.node.cluster.broker,
        &caller.node.cluster.start,
    );
    let results = request.resources.iter().map(|resource| {
        let described = describe(resource, &layers);
        let (error_code, error_message) = match &described {
            Ok(_) => (ErrorCode::None.code(), Some(Str::default())),
            Err(refusal) => {
                let (code, message) = errors::refusal(refusal);
                (code, Some(message.unwrap_or_default()))
            }
        };
        let wanted = resource
            .configuration_keys
            .as_ref()
            .filter(|keys| !keys.is_empty());
        let wanted = wanted.map(|keys| keys.iter().map(Str::as_str).collect::<BTreeSet<_>>());
        let shown = described.unwrap_or_default().into_iter().filter(|config| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.contains(config.name.as_str()))
        });
        DescribeConfigsResult {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs: shown
                .map(|config| result(&config, request.include_synonyms))
                .collect(),
        }
    });
    DescribeConfigsResponse {
        results: results.collect(),
        ..DescribeConfigsResponse::default()
    }
}

fn describe(
    resource: &DescribeConfigsResource,
    layers: &ConfigLayers<'_>,
) -> Result<Vec<DescribedConfig>, Refusal> {
    let bad = |message: String| Refusal::new(ErrorCode::InvalidRequest, message);
    let name = resource.resource_name.as_str();
    if resource.resource_type == BROKER_LOGGER {
        return describe_loggers(name, layers);
    }
    let own = layers.broker();
    let parsed = ConfigResource::from_wire(resource.resource_type, name);
    match parsed.map_err(|error| match error {
        thalweg_metadata::config::ResourceError::Type(_) => bad(MALFORMED.to_owned()),
        thalweg_metadata::config::ResourceError::BrokerName(name) => {
            bad(format!("Broker id must be an integer, but it is: {name}"))
        }
    })? {
        ConfigResource::Topic(name) => {
            check_topic_name(&name)?;
            if layers.image().topic(&name).is_none() {
                return Err(Refusal::bare(ErrorCode::UnknownTopicOrPartition));
            }
            Ok(layers.describe_topic(&name))
        }
        ConfigResource::AllBrokers => Ok(layers.describe_all_brokers()),
        ConfigResource::Broker(id) if id == own => Ok(layers.describe_broker()),
        ConfigResource::Broker(id) => Err(bad(format!(
            "Unexpected broker id, expected {own} or empty string, but received {id}"
        ))),
        ConfigResource::ClientMetrics(name) if name.is_empty() => Err(bad(
            "Client metrics subscription name must not be empty".to_owned(),
        )),
        ConfigResource::ClientMetrics(name) => Ok(layers.describe_client_metrics(&name)),
        ConfigResource::Group(name) if name.is_empty() => {
            Err(bad("Group name must not be empty".to_owned()))
        }
        ConfigResource::Group(name) => Ok(layers.describe_group(&name)),
    }
}

fn describe_loggers(
    name: &str,
    layers: &ConfigLayers<'_>,
) -> Result<Vec<DescribedConfig>, Refusal> {
    let bad = |message: String| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    let own = layers.broker();
    match name.parse::<i32>() {
        Err(_) if name.is_empty() => bad("Broker id must not be empty".to_owned()),
        Err(_) => bad(format!("Broker id must be an integer, but it is: {name}")),
        Ok(id) if id != own.0 => bad(format!(
            "Unexpected broker id, expected {own} but received {id}"
        )),
        Ok(_) => Ok(Vec::new()),
    }
}

fn result(config: &DescribedConfig, include_synonyms: bool) -> DescribeConfigsResourceResult {
    let synonyms = config.synonyms.iter().filter(|_| include_synonyms);
    DescribeConfigsResourceResult {
        name: Str::from(config.name.as_str()),
        value: config.value.as_deref().map(Str::from),
        read_only: config.read_only,
        config_source: config.source.wire(),
        is_sensitive: config.sensitive,
        synonyms: synonyms
            .map(|synonym| DescribeConfigsSynonym {
                name: Str::from(synonym.name.as_str()),
                value: synonym.value.as_deref().map(Str::from),
                source: synonym.source.wire(),
            })
            .collect(),
        config_type: config.kind.map_or(0, |kind| kind.wire()),
        documentation: None,
    }
}
