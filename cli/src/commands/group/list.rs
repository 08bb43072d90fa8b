//! `thalweg group list`.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use thalweg_wire::messages::ListGroupsRequest;

use crate::client::{Client, ClientError, check};
use crate::failure::Failure;
use crate::output::Row;
use crate::session::Session;

/// Arguments of `thalweg group list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only groups in this state, such as Stable or Empty; may be repeated
    #[arg(long)]
    state: Vec<String>,
}

#[derive(Serialize)]
struct Listed {
    group: String,
    state: String,
    r#type: String,
    protocol_type: String,
    coordinator: i32,
}

impl Row for Listed {
    const HEADS: &'static [&'static str] = &["GROUP", "STATE", "TYPE", "COORDINATOR"];

    fn cells(&self) -> Vec<String> {
        let or_dash = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
        vec![
            self.group.clone(),
            or_dash(&self.state),
            or_dash(&self.r#type),
            self.coordinator.to_string(),
        ]
    }
}

/// Runs the command.
pub(crate) async fn execute(session: &mut Session, args: &ListArgs) -> Result<(), Failure> {
    let rows = listed(&session.client, &args.state).await?;
    session.out.rows(&rows)?;
    Ok(())
}

/// The names of all groups.
pub(super) async fn names(client: &Client) -> Result<Vec<String>, ClientError> {
    let groups = listed(client, &[]).await?.into_iter();
    Ok(groups.map(|listed| listed.group).collect())
}

/// Asks every broker, because each knows the groups that it coordinates.
async fn listed(client: &Client, states: &[String]) -> Result<Vec<Listed>, ClientError> {
    let request = ListGroupsRequest {
        states_filter: states.iter().map(Into::into).collect(),
        types_filter: Vec::new(),
    };
    let mut groups = BTreeMap::new();
    for broker in client.metadata(Some(&[]), false).await?.brokers {
        let id = broker.node_id;
        let answer = client.broker(id).await?.send(&request).await?;
        check(answer.error_code, &format!("broker {id}"))?;
        for listed in answer.groups {
            let row = Listed {
                group: listed.group_id.into(),
                state: listed.group_state.into(),
                r#type: listed.group_type.into(),
                protocol_type: listed.protocol_type.into(),
                coordinator: id,
            };
            groups.insert(row.group.clone(), row);
        }
    }
    Ok(groups.into_values().collect())
}
