//! DeleteGroups: forgets groups that have no members, with their offsets.
//!
//! Versions: 0-2
//! Behaviour: answers when the deletion is stored; a group named twice is deleted once. Answers come in
//! the order of the groups' partitions of the offsets topic.
//! Not done: authorisation; there is no authorizer yet.

use std::collections::BTreeSet;

use thalweg_coordinator::messages::{DeletedGroup, Reply as GroupReply};
use thalweg_coordinator::{GroupId, group_partition};
use thalweg_model::ErrorCode;
use thalweg_wire::messages::delete_groups_response::DeletableGroupResult;
use thalweg_wire::messages::{DeleteGroupsRequest, DeleteGroupsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::coordinators::groups::OFFSETS_TOPIC;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DeleteGroups, 0, 2, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: DeleteGroupsRequest, caller: Caller) -> DeleteGroupsResponse {
    let mut seen = BTreeSet::new();
    let names = request
        .groups_names
        .iter()
        .filter(|name| seen.insert(*name));
    let mut groups: Vec<GroupId> = names.map(|name| GroupId::from(&**name)).collect();
    if let Some(route) = caller.node.cluster.route(OFFSETS_TOPIC) {
        groups.sort_by_key(|group| group_partition(group, route.groups.len()));
    }
    // All are asked before the first is awaited: they are stored together.
    let asked: Vec<_> = groups
        .iter()
        .map(|group| {
            caller.node.ask_group(group, |shard, now, token| {
                shard.delete_groups(now, token, std::slice::from_ref(group))
            })
        })
        .collect();
    let mut results = Vec::with_capacity(asked.len());
    for (group, ask) in groups.iter().zip(asked) {
        let error = match ask.await {
            Ok(GroupReply::DeleteGroups(groups)) => outcome(&groups),
            Ok(_) => ErrorCode::UnknownServerError,
            Err(error) => error,
        };
        results.push(DeletableGroupResult {
            group_id: Str::from(group.as_str()),
            error_code: error.code(),
        });
    }
    DeleteGroupsResponse {
        results,
        ..DeleteGroupsResponse::default()
    }
}

fn outcome(groups: &[DeletedGroup]) -> ErrorCode {
    groups
        .first()
        .map_or(ErrorCode::UnknownServerError, |group| group.error)
}
