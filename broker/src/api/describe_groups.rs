//! DescribeGroups: classic groups with their members.
//!
//! Versions: 0-6
//! Behaviour: groups that cannot be asked come first, then the others in the order of their partitions
//! of the offsets topic.
//! - 3: authorised operations. - 4: static members. - 6: a missing group is an error; before, it is
//!   a dead group.
//!
//! Not done: authorisation; without an authorizer everything is allowed, and the field says so.

use thalweg_coordinator::GroupId;
use thalweg_coordinator::messages::{GroupDescription, GroupState, MemberDescription};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use thalweg_wire::messages::{DescribeGroupsRequest, DescribeGroupsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::authorized_operations::GROUP_OPERATIONS;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeGroups, 0, 6, handle);

/// First version that tells a missing group from a dead one.
const NOT_FOUND_FROM: i16 = 6;

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &DescribeGroupsRequest, caller: &Caller) -> DescribeGroupsResponse {
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut found = Vec::new();
    for name in &request.groups {
        let group = GroupId::from(&**name);
        match caller
            .node
            .with_group(&group, |shard, _now| shard.describe(&group))
        {
            Err(error) => groups.push(refuse(name, error)),
            Ok((partition, description)) => {
                found.push((partition, describe(description, request, caller)));
            }
        }
    }
    found.sort_by_key(|(partition, _)| *partition);
    groups.extend(found.into_iter().map(|(_, described)| described));
    DescribeGroupsResponse {
        groups,
        ..DescribeGroupsResponse::default()
    }
}

fn refuse(name: &Str, error: ErrorCode) -> DescribedGroup {
    DescribedGroup {
        error_code: error.code(),
        group_id: name.clone(),
        ..DescribedGroup::default()
    }
}

fn describe(
    group: GroupDescription,
    request: &DescribeGroupsRequest,
    caller: &Caller,
) -> DescribedGroup {
    let mut described = DescribedGroup {
        group_id: Str::from(group.group.as_str()),
        group_state: Str::from(group.state.name()),
        protocol_type: Str::from(&*group.protocol_type),
        protocol_data: Str::from(&*group.protocol_name),
        members: group.members.into_iter().map(member).collect(),
        ..DescribedGroup::default()
    };
    if group.state == GroupState::Dead && caller.version >= NOT_FOUND_FROM {
        described.error_code = ErrorCode::GroupIdNotFound.code();
        described.error_message = Some(format!("Group {} not found.", group.group).into());
    } else if request.include_authorized_operations {
        described.authorized_operations = GROUP_OPERATIONS;
    }
    described
}

fn member(member: MemberDescription) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: Str::from(member.member.as_str()),
        group_instance_id: member.instance.map(|id| Str::from(id.as_str())),
        client_id: Str::from(&*member.client_id),
        client_host: Str::from(&*member.client_host),
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    }
}
