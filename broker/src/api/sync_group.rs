//! SyncGroup: a member fetches its assignment; the leader brings everyone's.
//!
//! Versions: 0-5
//! Behaviour: waits for the leader's assignment to be stored.
//! - 3: static members. - 5: the member must say which protocol it believes in.
//!
//! Not done: authorisation; there is no authorizer yet.

use std::sync::Arc;

use bytes::Bytes;
use thalweg_coordinator::messages::{Reply as GroupReply, SyncReply, SyncRequest};
use thalweg_coordinator::{Generation, GroupId, InstanceId, MemberId};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::{SyncGroupRequest, SyncGroupResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::SyncGroup, 0, 5, handle);

/// First version that must name protocol and protocol type.
const PROTOCOL_FROM: i16 = 5;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: SyncGroupRequest, caller: Caller) -> SyncGroupResponse {
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if caller.version >= PROTOCOL_FROM && !names_protocol {
        return refuse(ErrorCode::InconsistentGroupProtocol);
    }
    let request = syncing(&request);
    let group = request.group.clone();
    let ask = caller
        .node
        .ask_group(&group, |shard, now, token| shard.sync(now, token, &request));
    match ask.await {
        Ok(GroupReply::Sync(reply)) => respond(reply),
        Ok(_) => refuse(ErrorCode::UnknownServerError),
        Err(error) => refuse(error),
    }
}

fn refuse(error: ErrorCode) -> SyncGroupResponse {
    respond(SyncReply::refused(error))
}

fn syncing(request: &SyncGroupRequest) -> SyncRequest {
    let assignments = request.assignments.iter().map(|part| {
        // Copied: it outlives the request by far and must not keep its frame.
        let assignment = Bytes::copy_from_slice(&part.assignment);
        (MemberId::from(&*part.member_id), assignment)
    });
    SyncRequest {
        group: GroupId::from(&*request.group_id),
        member: MemberId::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::from),
        generation: Generation(request.generation_id),
        protocol_type: request.protocol_type.as_deref().map(Arc::from),
        protocol_name: request.protocol_name.as_deref().map(Arc::from),
        assignments: assignments.collect(),
    }
}

fn respond(reply: SyncReply) -> SyncGroupResponse {
    SyncGroupResponse {
        error_code: reply.error.code(),
        protocol_type: reply.protocol_type.as_deref().map(Str::from),
        protocol_name: reply.protocol_name.as_deref().map(Str::from),
        assignment: reply.assignment,
        ..SyncGroupResponse::default()
    }
}
