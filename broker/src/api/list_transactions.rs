//! ListTransactions: the transactions that this node coordinates.
//!
//! Versions: 0-2
//! Behaviour: there are none. States that Kafka does not know are named in the answer.
//! Not done: transactions, and with them the filters; a pattern that is none is not refused.

use thalweg_wire::ApiKey;
use thalweg_wire::messages::{ListTransactionsRequest, ListTransactionsResponse};

use super::Api;
use crate::net::answer::{Call, Reply};

pub(super) const API: Api = Api::new(ApiKey::ListTransactions, 0, 2, handle);

/// Kafka's names of what a transaction can be.
const STATES: &[&str] = &[
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

fn handle(call: Call) -> Reply {
    call.answer(|request: ListTransactionsRequest, _| answer(request))
}

fn answer(request: ListTransactionsRequest) -> ListTransactionsResponse {
    let asked = request.state_filters.into_iter();
    ListTransactionsResponse {
        unknown_state_filters: asked.filter(|state| !STATES.contains(&&**state)).collect(),
        ..ListTransactionsResponse::default()
    }
}
