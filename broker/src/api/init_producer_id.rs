//! InitProducerId: identities for idempotent producers.
//!
//! Versions: 0-5
//! Behaviour: a producer without a transactional id gets a new id with epoch 0 each time, as in
//! Kafka; a producer that bumps its own epoch after an error (KIP-360) does so itself. Ids are taken
//! from blocks of 1,000 that the metadata log hands out, so none is ever given twice.
//! Not done: transactions: a transactional id gets `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`, at which
//! every client gives up.

use std::rc::Rc;

use thalweg_metadata::controller::Outcome;
use thalweg_model::{ErrorCode, ProducerId};
use thalweg_wire::ApiKey;
use thalweg_wire::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::Api;
use crate::net::answer::{Call, Caller, Reply};
use crate::node::Node;

pub(super) const API: Api = Api::new(ApiKey::InitProducerId, 0, 5, handle);

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: InitProducerIdRequest, caller: Caller) -> InitProducerIdResponse {
    match identity(&request, &caller).await {
        Ok(id) => InitProducerIdResponse {
            producer_id: id.0,
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        },
        Err(error) => InitProducerIdResponse {
            error_code: error.code(),
            producer_id: -1,
            producer_epoch: -1,
            ..InitProducerIdResponse::default()
        },
    }
}

async fn identity(
    request: &InitProducerIdRequest,
    caller: &Caller,
) -> Result<ProducerId, ErrorCode> {
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Err(ErrorCode::InvalidRequest);
    }
    match &request.transactional_id {
        Some(id) if id.is_empty() => Err(ErrorCode::InvalidRequest),
        Some(_) => Err(ErrorCode::TransactionalIdAuthorizationFailed),
        None => caller.node.new_producer_id().await,
    }
}

impl Node {
    /// A producer id that was never given before.
    async fn new_producer_id(self: &Rc<Self>) -> Result<ProducerId, ErrorCode> {
        let mut ids = self.producer_ids.lock().await;
        if ids.is_empty() {
            let mut refused = None;
            let block = self
                .command(
                    |controller| match controller.allocate_producer_ids(self.cluster.broker) {
                        Ok(Outcome { records, reply }) => Outcome {
                            records,
                            reply: Some(reply),
                        },
                        Err(refusal) => {
                            refused = Some(refusal.code);
                            Outcome {
                                records: Vec::new(),
                                reply: None,
                            }
                        }
                    },
                )
                .await;
            let block = block.map_err(|error| {
                tracing::warn!(%error, "no producer ids can be taken");
                ErrorCode::CoordinatorNotAvailable
            })?;
            let block = block.ok_or_else(|| refused.unwrap_or(ErrorCode::UnknownServerError))?;
            *ids = block.first.0..block.first.0 + block.length;
        }
        let id = ids.next().expect("a block was just taken");
        Ok(ProducerId(id))
    }
}
