//! `thalweg topic alter` and `thalweg topic add-partitions`.

use clap::Args;
use thalweg_wire::messages::CreatePartitionsRequest;
use thalweg_wire::messages::create_partitions_request::CreatePartitionsTopic;

use crate::client::check_text;
use crate::commands::answers::existing_topic;
use crate::commands::settings::{self, Kind};
use crate::failure::Failure;
use crate::key_value::key_value;
use crate::session::Session;

/// Arguments of `thalweg topic alter`.
#[derive(Args, Debug)]
pub(crate) struct AlterArgs {
    /// Name of the topic
    name: String,
    /// A setting and its value; may be repeated
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = key_value, required_unless_present = "unset")]
    set: Vec<(String, String)>,
    /// A setting that goes back to its default; may be repeated
    #[arg(short, long, value_name = "KEY")]
    unset: Vec<String>,
}

/// Arguments of `thalweg topic add-partitions`.
#[derive(Args, Debug)]
pub(crate) struct AddPartitionsArgs {
    /// Name of the topic
    name: String,
    /// How many partitions to add
    #[arg(long, value_name = "COUNT", required_unless_present = "to", conflicts_with = "to",
          value_parser = clap::value_parser!(i32).range(1..))]
    by: Option<i32>,
    /// How many partitions it has afterwards
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    to: Option<i32>,
}

/// Runs `thalweg topic alter`.
pub(crate) async fn execute(session: &mut Session, args: AlterArgs) -> Result<(), Failure> {
    existing_topic(&session.client, &args.name).await?;
    let set = args.set.into_iter().map(|(key, value)| (key, Some(value)));
    let unset = args.unset.into_iter().map(|key| (key, None));
    let changes: Vec<_> = set.chain(unset).collect();
    settings::change(&session.client, Kind::Topic, &args.name, &changes).await?;
    let count = changes.len();
    session
        .out
        .notice(format!("topic '{}': {count} settings changed", args.name));
    Ok(())
}

/// Runs `thalweg topic add-partitions`.
pub(crate) async fn add_partitions(
    session: &mut Session,
    args: &AddPartitionsArgs,
) -> Result<(), Failure> {
    let topic = existing_topic(&session.client, &args.name).await?;
    let has = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    let count = match (args.to, args.by) {
        (Some(to), _) => to,
        (None, by) => has.saturating_add(by.unwrap_or(0)),
    };
    if count <= has {
        return Err(
            Failure::new(format!("topic '{}' has {has} partitions", args.name))
                .why("the number of partitions can only grow")
                .fix(format!("ask for more than {has}, or add some with --by")),
        );
    }
    let request = CreatePartitionsRequest {
        topics: vec![CreatePartitionsTopic {
            name: (&args.name).into(),
            count,
            assignments: None,
        }],
        timeout_ms: session.client.timeout_ms(),
        validate_only: false,
    };
    let answer = session.client.ask(&request).await?;
    for result in &answer.results {
        let subject = format!("cannot add partitions to '{}'", args.name);
        check_text(result.error_code, result.error_message.as_ref(), &subject)?;
    }
    session.out.notice(format!(
        "topic '{}': {has} -> {count} partitions",
        args.name
    ));
    Ok(())
}
