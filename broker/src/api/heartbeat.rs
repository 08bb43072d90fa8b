//! Heartbeat: a member of a classic group says that it is alive.
//!
//! Versions: 0-4
//! Behaviour: answers at once; a member that shall rejoin learns it here.
//! - 3: static members.
//!
//! Not done: authorisation; there is no authorizer yet.

use thalweg_coordinator::messages::HeartbeatRequest as Heartbeat;
use thalweg_coordinator::{Generation, GroupId, InstanceId, MemberId};
use thalweg_model::ErrorCode;
use thalweg_wire::ApiKey;
use thalweg_wire::messages::{HeartbeatRequest, HeartbeatResponse};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::Heartbeat, 0, 4, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &HeartbeatRequest, caller: &Caller) -> HeartbeatResponse {
    let heartbeat = Heartbeat {
        group: GroupId::from(&*request.group_id),
        member: MemberId::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::from),
        generation: Generation(request.generation_id),
    };
    let group = heartbeat.group.clone();
    let asked = caller
        .node
        .with_group(&group, |shard, now| shard.heartbeat(now, &heartbeat));
    let error = match asked {
        Ok((_, Ok(()))) => ErrorCode::None,
        Ok((_, Err(error))) => error,
        // A member need not rejoin because its coordinator is still reading.
        Err(ErrorCode::CoordinatorLoadInProgress) => ErrorCode::None,
        Err(error) => error,
    };
    HeartbeatResponse {
        error_code: error.code(),
        ..HeartbeatResponse::default()
    }
}
