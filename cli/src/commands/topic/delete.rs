//! `thalweg topic delete`.

use clap::Args;
use thalweg_model::ErrorCode;
use thalweg_wire::messages::DeleteTopicsRequest;
use thalweg_wire::messages::delete_topics_request::DeleteTopicState;

use crate::client::check_text;
use crate::commands::answers::{Failed, unknown_topic};
use crate::failure::Failure;
use crate::session::Session;

/// Arguments of `thalweg topic delete`.
#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// Names of the topics
    #[arg(required = true)]
    names: Vec<String>,
    /// Be content if a topic is not there
    #[arg(long)]
    if_exists: bool,
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &DeleteArgs) -> Result<(), Failure> {
    let state = |name: &String| DeleteTopicState {
        name: Some(name.into()),
        ..DeleteTopicState::default()
    };
    let request = DeleteTopicsRequest {
        topics: args.names.iter().map(state).collect(),
        topic_names: args.names.iter().map(Into::into).collect(),
        timeout_ms: session.client.timeout_ms(),
    };
    let answer = session.client.ask(&request).await?;
    let mut failed = Failed::default();
    for result in answer.responses {
        let name = result.name.map(String::from).unwrap_or_default();
        if result.error_code == ErrorCode::UnknownTopicOrPartition.code() {
            if !args.if_exists {
                failed.add(unknown_topic(&session.client, &name).await);
            }
            continue;
        }
        let subject = format!("cannot delete topic '{name}'");
        let error = check_text(result.error_code, result.error_message.as_ref(), &subject);
        if failed.judge(error) {
            session.out.notice(format!("topic '{name}' deleted"));
        }
    }
    failed.outcome(|failure| session.out.notice(failure.to_string().trim_end()))
}
