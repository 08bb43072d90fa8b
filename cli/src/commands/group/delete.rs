//! `thalweg group delete`.

use clap::Args;
use thalweg_wire::messages::DeleteGroupsRequest;

use crate::client::{Client, ClientError, check};
use crate::commands::answers::Failed;
use crate::failure::Failure;
use crate::session::Session;

/// Arguments of `thalweg group delete`.
#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// Names of the groups
    #[arg(required = true)]
    names: Vec<String>,
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &DeleteArgs) -> Result<(), Failure> {
    let mut failed = Failed::default();
    for name in &args.names {
        if failed.judge(delete(&session.client, name).await) {
            session.out.notice(format!("group '{name}' deleted"));
        }
    }
    failed.outcome(|failure| session.out.notice(failure.to_string().trim_end()))
}

async fn delete(client: &Client, name: &str) -> Result<(), ClientError> {
    let coordinator = client.coordinator(name).await?;
    let request = DeleteGroupsRequest {
        groups_names: vec![name.into()],
    };
    let answer = client.broker(coordinator).await?.send(&request).await?;
    for result in &answer.results {
        check(
            result.error_code,
            &format!("cannot delete group '{}'", result.group_id),
        )?;
    }
    Ok(())
}
