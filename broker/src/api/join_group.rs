//! JoinGroup: a client becomes a member of the group's next generation, and is answered with it.
//!
//! Versions: 0-9
//! Behaviour: waits for the group's rebalance.
//! - 0: the session timeout is the rebalance timeout. - 4: a new member is told its id first.
//! - 5: static members. - 7: refusals may have no protocol name. - 8: the reason is logged.
//! - 9: a static leader that comes back is told to leave the assignment as it is.
//!
//! Not done: authorisation; there is no authorizer yet.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use thalweg_coordinator::messages::{JoinReply, JoinRequest, Protocol, Reply as GroupReply};
use thalweg_coordinator::{GroupId, InstanceId, MemberId};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::join_group_request::JoinGroupRequestProtocol;
use thalweg_wire::messages::join_group_response::JoinGroupResponseMember;
use thalweg_wire::messages::{JoinGroupRequest, JoinGroupResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::cluster::boot::random_bytes;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::JoinGroup, 0, 9, handle);

/// First version in which the protocol name may be absent.
const NO_PROTOCOL_NAME_FROM: i16 = 7;

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: JoinGroupRequest, caller: Caller) -> JoinGroupResponse {
    let version = caller.version;
    let reply = match joining(&request, &caller) {
        Ok(joining) => {
            let group = joining.group.clone();
            let ask = caller
                .node
                .ask_group(&group, |shard, now, token| shard.join(now, token, &joining));
            ask.await
        }
        Err(error) => Err(error),
    };
    match reply {
        Ok(GroupReply::Join(reply)) => respond(reply, version),
        Ok(_) => refuse(ErrorCode::UnknownServerError),
        Err(error) => refuse(error),
    }
}

fn refuse(error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.code(),
        ..JoinGroupResponse::default()
    }
}

fn joining(request: &JoinGroupRequest, caller: &Caller) -> Result<JoinRequest, ErrorCode> {
    if let Some(reason) = &request.reason {
        tracing::debug!(group = %request.group_id, member = %request.member_id, %reason, "a join");
    }
    let entropy = random_bytes().map_err(|error| {
        tracing::error!(%error, "no randomness for a member id");
        ErrorCode::CoordinatorNotAvailable
    })?;
    let rebalance_timeout_ms = match caller.version {
        0 => request.session_timeout_ms,
        _ => request.rebalance_timeout_ms,
    };
    Ok(JoinRequest {
        group: GroupId::from(&*request.group_id),
        member: MemberId::from(&*request.member_id),
        instance: request.group_instance_id.as_deref().map(InstanceId::from),
        protocol_type: Arc::from(&*request.protocol_type),
        protocols: request.protocols.iter().map(protocol).collect(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms,
        client_id: Arc::from(caller.client_id.as_deref().unwrap_or_default()),
        client_host: Arc::from(client_host(caller.peer.address)),
        api_version: caller.version,
        entropy,
    })
}

fn protocol(protocol: &JoinGroupRequestProtocol) -> Protocol {
    Protocol {
        name: Arc::from(&*protocol.name),
        // Copied: it outlives the request by far and must not keep its frame.
        metadata: Bytes::copy_from_slice(&protocol.metadata),
    }
}

/// An address as Kafka writes it: after a slash, IPv6 without `::`.
fn client_host(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => format!("/{ip}"),
        IpAddr::V6(ip) => {
            let groups = ip.segments().map(|segment| format!("{segment:x}"));
            format!("/{}", groups.join(":"))
        }
    }
}

fn respond(reply: JoinReply, version: i16) -> JoinGroupResponse {
    let mut protocol_name = reply.protocol_name.as_deref().map(Str::from);
    if version < NO_PROTOCOL_NAME_FROM {
        protocol_name = Some(protocol_name.unwrap_or_default());
    }
    let members = reply
        .members
        .into_iter()
        .map(|member| JoinGroupResponseMember {
            member_id: Str::from(member.member.as_str()),
            group_instance_id: member.instance.map(|id| Str::from(id.as_str())),
            metadata: member.metadata,
        });
    JoinGroupResponse {
        error_code: reply.error.code(),
        generation_id: reply.generation.0,
        protocol_type: reply.protocol_type.as_deref().map(Str::from),
        protocol_name,
        leader: Str::from(reply.leader.as_str()),
        skip_assignment: reply.skip_assignment,
        member_id: Str::from(reply.member.as_str()),
        members: members.collect(),
        ..JoinGroupResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_look_as_tools_know_them() {
        for (address, host) in [
            ("127.0.0.1:9", "/127.0.0.1"),
            ("[::1]:9", "/0:0:0:0:0:0:0:1"),
            ("[::ffff:10.0.0.1]:9", "/10.0.0.1"),
        ] {
            assert_eq!(client_host(address.parse().unwrap()), host);
        }
    }
}
