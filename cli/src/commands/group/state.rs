//! What the coordinator says about a group.

use std::collections::BTreeMap;

use serde::Serialize;
use thalweg_model::ErrorCode;
use thalweg_wire::messages::consumer_group_describe_response::{
    DescribedGroup as DescribedConsumerGroup, Member as ConsumerGroupMember,
};
use thalweg_wire::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use thalweg_wire::messages::{ConsumerGroupDescribeRequest, DescribeGroupsRequest};

use crate::client::{Client, ClientError, Connection, Retry, check_text};
use crate::commands::consume::assigned_share;

/// A group.
#[derive(Debug)]
pub(super) struct GroupState {
    pub(super) coordinator: i32,
    pub(super) state: String,
    pub(super) protocol: String,
    pub(super) members: Vec<MemberState>,
}

/// One of its members.
#[derive(Debug, Serialize)]
pub(super) struct MemberState {
    pub(super) member_id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) host: String,
    pub(super) partitions: BTreeMap<String, Vec<i32>>,
}

impl GroupState {
    /// Whether the group has no members, so that anybody may change its offsets.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state.as_str(), "Empty" | "Dead")
    }

    /// Whether there is no such group at all.
    pub(super) fn is_unknown(&self) -> bool {
        self.state == "Dead"
    }
}

/// Asks the group's coordinator.
pub(super) async fn describe(client: &Client, group: &str) -> Result<GroupState, ClientError> {
    let mut retry = Retry::within(client.timeout());
    loop {
        match describe_once(client, group).await {
            Ok(state) => return Ok(state),
            Err(error) => retry.after(error).await?,
        }
    }
}

async fn describe_once(client: &Client, group: &str) -> Result<GroupState, ClientError> {
    let coordinator = client.coordinator(group).await?;
    let request = DescribeGroupsRequest {
        groups: vec![group.into()],
        ..DescribeGroupsRequest::default()
    };
    let connection = client.broker(coordinator).await?;
    let answer = connection.send(&request).await?;
    let described = answer.groups.into_iter().next().unwrap_or_default();
    if described.error_code == ErrorCode::GroupIdNotFound.code()
        && let Some(state) = describe_consumer_group(&connection, coordinator, group).await?
    {
        return Ok(state);
    }
    // From version 6 an unknown group is an error; before, it is a group in state Dead.
    if described.error_code != ErrorCode::GroupIdNotFound.code() {
        let subject = format!("group '{group}'");
        check_text(
            described.error_code,
            described.error_message.as_ref(),
            &subject,
        )?;
    }
    Ok(state_of(coordinator, described))
}

/// A group whose members are driven by the broker (KIP-848) is no classic group; none if it is neither.
async fn describe_consumer_group(
    connection: &Connection,
    coordinator: i32,
    group: &str,
) -> Result<Option<GroupState>, ClientError> {
    let request = ConsumerGroupDescribeRequest {
        group_ids: vec![group.into()],
        ..ConsumerGroupDescribeRequest::default()
    };
    let answer = match connection.send(&request).await {
        Err(ClientError::Unsupported { .. }) => return Ok(None),
        answer => answer?,
    };
    let described = answer.groups.into_iter().next().unwrap_or_default();
    if described.error_code == ErrorCode::GroupIdNotFound.code() {
        return Ok(None);
    }
    let subject = format!("group '{group}'");
    let message = described.error_message.as_ref();
    check_text(described.error_code, message, &subject)?;
    Ok(Some(consumer_state_of(coordinator, described)))
}

fn consumer_state_of(coordinator: i32, described: DescribedConsumerGroup) -> GroupState {
    GroupState {
        coordinator,
        state: described.group_state.into(),
        protocol: described.assignor_name.into(),
        members: described
            .members
            .into_iter()
            .map(consumer_member_of)
            .collect(),
    }
}

fn consumer_member_of(member: ConsumerGroupMember) -> MemberState {
    let assigned = member.assignment.topic_partitions.into_iter();
    MemberState {
        member_id: member.member_id.into(),
        instance_id: member.instance_id.map(String::from),
        client_id: member.client_id.into(),
        host: member.client_host.into(),
        partitions: assigned
            .map(|topic| (topic.topic_name.into(), topic.partitions))
            .collect(),
    }
}

fn state_of(coordinator: i32, described: DescribedGroup) -> GroupState {
    let unknown = described.error_code == ErrorCode::GroupIdNotFound.code();
    GroupState {
        coordinator,
        state: if unknown {
            "Dead".to_owned()
        } else {
            described.group_state.into()
        },
        protocol: described.protocol_data.into(),
        members: described.members.into_iter().map(member_of).collect(),
    }
}

fn member_of(member: DescribedGroupMember) -> MemberState {
    MemberState {
        member_id: member.member_id.into(),
        instance_id: member.group_instance_id.map(String::from),
        client_id: member.client_id.into(),
        host: member.client_host.into(),
        partitions: assigned_share(&member.member_assignment).unwrap_or_default(),
    }
}
