//! `thalweg topic create`.

use clap::Args;
use serde::Serialize;
use thalweg_model::{ErrorCode, Uuid};
use thalweg_wire::messages::CreateTopicsRequest;
use thalweg_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use thalweg_wire::messages::create_topics_response::CreatableTopicResult;

use crate::client::check_text;
use crate::commands::answers::Failed;
use crate::failure::Failure;
use crate::key_value::key_value;
use crate::output::Row;
use crate::session::Session;

/// Arguments of `thalweg topic create`.
#[derive(Args, Debug)]
pub(crate) struct CreateArgs {
    /// Names of the topics
    #[arg(required = true)]
    names: Vec<String>,
    /// Number of partitions [default: the broker's num.partitions]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// Brokers that hold each partition [default: the broker's default.replication.factor]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replicas: Option<i16>,
    /// A setting of the topics; may be repeated
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    /// Be content if a topic is there already
    #[arg(long)]
    if_not_exists: bool,
    /// Only check whether it could be done
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Created {
    name: String,
    #[serde(serialize_with = "crate::record::as_text")]
    id: Uuid,
    partitions: i32,
    replicas: i16,
    status: &'static str,
}

impl Row for Created {
    const HEADS: &'static [&'static str] = &["NAME", "ID", "PARTITIONS", "REPLICAS", "STATUS"];

    fn cells(&self) -> Vec<String> {
        let count = |number: i64| {
            if number < 0 {
                "-".to_owned()
            } else {
                number.to_string()
            }
        };
        let id = if self.id.is_nil() {
            "-".to_owned()
        } else {
            self.id.to_string()
        };
        vec![
            self.name.clone(),
            id,
            count(self.partitions.into()),
            count(self.replicas.into()),
            self.status.to_owned(),
        ]
    }
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &CreateArgs) -> Result<(), Failure> {
    let config = |(name, value): &(String, String)| CreatableTopicConfig {
        name: name.into(),
        value: Some(value.into()),
    };
    let topic = |name: &String| CreatableTopic {
        name: name.into(),
        num_partitions: args.partitions.unwrap_or(-1),
        replication_factor: args.replicas.unwrap_or(-1),
        configs: args.config.iter().map(config).collect(),
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest {
        topics: args.names.iter().map(topic).collect(),
        timeout_ms: session.client.timeout_ms(),
        validate_only: args.dry_run,
    };
    let answer = session.client.ask(&request).await?;
    let mut rows = Vec::new();
    let mut failed = Failed::default();
    for result in answer.topics {
        let exists = result.error_code == ErrorCode::TopicAlreadyExists.code();
        let tolerated = exists && args.if_not_exists;
        let subject = format!("cannot create topic '{}'", result.name);
        let error = check_text(result.error_code, result.error_message.as_ref(), &subject);
        if tolerated || failed.judge(error) {
            let status = match (tolerated, args.dry_run) {
                (true, _) => "exists",
                (false, true) => "possible",
                (false, false) => "created",
            };
            rows.push(row(result, status));
        }
    }
    session.out.rows(&rows)?;
    failed.outcome(|failure| session.out.notice(failure.to_string().trim_end()))
}

fn row(result: CreatableTopicResult, status: &'static str) -> Created {
    Created {
        name: result.name.into(),
        id: result.topic_id,
        partitions: result.num_partitions,
        replicas: result.replication_factor,
        status,
    }
}
