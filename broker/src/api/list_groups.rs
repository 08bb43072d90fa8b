//! ListGroups: the groups that this node coordinates.
//!
//! Versions: 0-5
//! Behaviour: in the order of the offsets topic's partitions, by name within one.
//! - 4: states and a filter by state. - 5: types and a filter by type.
//!
//! Not done: authorisation; there is no authorizer yet.

use thalweg_coordinator::Effects;
use thalweg_coordinator::messages::{GroupFilter, GroupListing};
use thalweg_wire::messages::list_groups_response::ListedGroup;
use thalweg_wire::messages::{ListGroupsRequest, ListGroupsResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::ListGroups, 0, 5, handle);

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &ListGroupsRequest, caller: &Caller) -> ListGroupsResponse {
    let names = |filter: &[Str]| filter.iter().map(ToString::to_string).collect();
    let filter = GroupFilter {
        states: names(&request.states_filter),
        types: names(&request.types_filter),
    };
    let mut groups = Vec::new();
    let listed = caller.node.each_group_shard(|shard, _now| {
        groups.extend(shard.list(&filter).iter().map(listed_group));
        Effects::default()
    });
    match listed {
        Ok(()) => ListGroupsResponse {
            groups,
            ..ListGroupsResponse::default()
        },
        Err(error) => ListGroupsResponse {
            error_code: error.code(),
            ..ListGroupsResponse::default()
        },
    }
}

fn listed_group(listing: &GroupListing) -> ListedGroup {
    ListedGroup {
        group_id: Str::from(listing.group.as_str()),
        protocol_type: Str::from(&*listing.protocol_type),
        group_state: Str::from(listing.state.name()),
        group_type: Str::from(listing.group_type),
    }
}
