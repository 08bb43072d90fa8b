//! Settings of topics and brokers: reading them and changing them.

use clap::ValueEnum;
use serde::Serialize;
use thalweg_wire::Str;
use thalweg_wire::messages::describe_configs_request::DescribeConfigsResource;
use thalweg_wire::messages::describe_configs_response::DescribeConfigsResourceResult;
use thalweg_wire::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use thalweg_wire::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

use crate::client::{Client, ClientError, check_text};
use crate::output::Row;

/// What has settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A topic, by name.
    Topic,
    /// A broker, by id.
    Broker,
}

impl Kind {
    fn wire(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
        }
    }
}

/// One setting.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    name: String,
    value: Option<String>,
    source: &'static str,
    read_only: bool,
    sensitive: bool,
}

impl Setting {
    fn of(described: DescribeConfigsResourceResult) -> Self {
        Self {
            name: described.name.into(),
            value: described.value.map(String::from),
            source: source_name(described.config_source),
            read_only: described.read_only,
            sensitive: described.is_sensitive,
        }
    }

    /// Whether somebody set it, for this topic or broker itself.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.source, "topic" | "broker" | "static")
    }

    /// Where its value comes from.
    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn shown_value(&self) -> &str {
        match &self.value {
            _ if self.sensitive => "(hidden)",
            Some(value) => value,
            None => "",
        }
    }
}

impl Row for Setting {
    const HEADS: &'static [&'static str] = &["NAME", "VALUE", "SOURCE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.shown_value().to_owned(),
            self.source.to_owned(),
        ]
    }
}

/// Kafka's ConfigSource.
fn source_name(code: i8) -> &'static str {
    match code {
        1 => "topic",
        2 => "broker",
        3 => "cluster",
        4 => "static",
        5 => "default",
        6 => "broker-logger",
        7 => "client-metrics",
        8 => "group",
        _ => "unknown",
    }
}

/// The settings of one topic or broker, by name; `keys` limits them.
pub(crate) async fn read(
    client: &Client,
    kind: Kind,
    name: &str,
    keys: &[String],
) -> Result<Vec<Setting>, ClientError> {
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: kind.wire(),
            resource_name: name.into(),
            configuration_keys: (!keys.is_empty()).then(|| keys.iter().map(Str::from).collect()),
        }],
        ..DescribeConfigsRequest::default()
    };
    let answer = match (kind, name.parse()) {
        // Only the broker itself knows what its file says.
        (Kind::Broker, Ok(id)) => client.broker(id).await?.send(&request).await?,
        (Kind::Broker | Kind::Topic, _) => client.ask(&request).await?,
    };
    let mut settings = Vec::new();
    for result in answer.results {
        let subject = format!("{} '{name}'", kind.word());
        check_text(result.error_code, result.error_message.as_ref(), &subject)?;
        settings.extend(result.configs.into_iter().map(Setting::of));
    }
    settings.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(settings)
}

/// Changes settings: each with a value, or none to go back to the default.
pub(crate) async fn change(
    client: &Client,
    kind: Kind,
    name: &str,
    changes: &[(String, Option<String>)],
) -> Result<(), ClientError> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let change = |(key, value): &(String, Option<String>)| AlterableConfig {
        name: key.into(),
        config_operation: if value.is_some() { SET } else { DELETE },
        value: value.as_ref().map(Str::from),
    };
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: kind.wire(),
            resource_name: name.into(),
            configs: changes.iter().map(change).collect(),
        }],
        validate_only: false,
    };
    let answer = match (kind, name.parse()) {
        (Kind::Broker, Ok(id)) => client.broker(id).await?.send(&request).await?,
        (Kind::Broker | Kind::Topic, _) => client.ask(&request).await?,
    };
    for result in &answer.responses {
        let subject = format!("{} '{name}'", kind.word());
        check_text(result.error_code, result.error_message.as_ref(), &subject)?;
    }
    Ok(())
}
