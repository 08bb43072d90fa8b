//! LeaveGroup: members leave, or are removed by an administrator.
//!
//! Versions: 0-5
//! Behaviour: answers when the group without them is stored, where that needs storing.
//! - 0-2: one member, whose outcome is the answer. - 3: several, static ones by their names alone.
//! - 5: the reason is logged.
//!
//! Not done: authorisation; there is no authorizer yet.

use thalweg_coordinator::messages::{LeaveReply, LeaveRequest, LeavingMember, Reply as GroupReply};
use thalweg_coordinator::{GroupId, InstanceId, MemberId};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::leave_group_request::MemberIdentity;
use thalweg_wire::messages::leave_group_response::MemberResponse;
use thalweg_wire::messages::{LeaveGroupRequest, LeaveGroupResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::LeaveGroup, 0, 5, handle);

/// First version that names several members.
const MEMBERS_FROM: i16 = 3;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: LeaveGroupRequest, caller: Caller) -> LeaveGroupResponse {
    let version = caller.version;
    let request = leaving(&request, version);
    let group = request.group.clone();
    let ask = caller.node.ask_group(&group, |shard, now, token| {
        shard.leave(now, token, &request)
    });
    match ask.await {
        Ok(GroupReply::Leave(reply)) => respond(&reply, version),
        Ok(_) => refuse(ErrorCode::UnknownServerError),
        Err(error) => refuse(error),
    }
}

fn refuse(error: ErrorCode) -> LeaveGroupResponse {
    LeaveGroupResponse {
        error_code: error.code(),
        ..LeaveGroupResponse::default()
    }
}

fn leaving(request: &LeaveGroupRequest, version: i16) -> LeaveRequest {
    let members = if version >= MEMBERS_FROM {
        request
            .members
            .iter()
            .map(|member| named(member, &request.group_id))
            .collect()
    } else {
        vec![LeavingMember {
            member: MemberId::from(&*request.member_id),
            instance: None,
        }]
    };
    LeaveRequest {
        group: GroupId::from(&*request.group_id),
        members,
    }
}

fn named(member: &MemberIdentity, group: &str) -> LeavingMember {
    if let Some(reason) = &member.reason {
        tracing::debug!(group, member = %member.member_id, %reason, "a leave");
    }
    LeavingMember {
        member: MemberId::from(&*member.member_id),
        instance: member.group_instance_id.as_deref().map(InstanceId::from),
    }
}

fn respond(reply: &LeaveReply, version: i16) -> LeaveGroupResponse {
    if version < MEMBERS_FROM {
        let only = reply.members.first().map(|member| member.error);
        let is_refused = reply.error != ErrorCode::None;
        return refuse(only.filter(|_| !is_refused).unwrap_or(reply.error));
    }
    let members = reply.members.iter().map(|left| MemberResponse {
        member_id: Str::from(left.member.as_str()),
        group_instance_id: left.instance.as_ref().map(|id| Str::from(id.as_str())),
        error_code: left.error.code(),
    });
    LeaveGroupResponse {
        error_code: reply.error.code(),
        members: members.collect(),
        ..LeaveGroupResponse::default()
    }
}
