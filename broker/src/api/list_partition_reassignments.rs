//! ListPartitionReassignments: which partitions are on their way to other brokers.
//!
//! Versions: 0
//! Behaviour: none; one node has nowhere to move them.
//! Not done: reassignment.

use thalweg_wire::ApiKey;
use thalweg_wire::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use super::Api;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::ListPartitionReassignments, 0, 0, handle);

fn handle(call: Call) -> Reply {
    call.answer(
        |_: ListPartitionReassignmentsRequest, _| ListPartitionReassignmentsResponse {
            error_message: None,
            ..ListPartitionReassignmentsResponse::default()
        },
    )
}
