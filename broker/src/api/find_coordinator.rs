//! FindCoordinator: which broker coordinates a group.
//!
//! Versions: 0-6
//! Behaviour: on one node, this one. The offsets topic is created at the first question, and the
//! answer comes when it is served.
//! - 1: the kind of key. - 4: several keys. - 6: keys of share groups.
//!
//! Not done: transactions have no coordinator yet: such keys get
//! `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`, the one code at which every client gives up; any other
//! lets some of them ask for ever. Share groups have none either: their keys are refused.
//! Authorisation; there is no authorizer yet.

use thalweg_metadata::controller::CreateTopics;
use thalweg_model::ErrorCode;
use thalweg_wire::messages::find_coordinator_response::Coordinator;
use thalweg_wire::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use crate::cluster::boot::random_uuid;
use crate::coordinators::groups::OFFSETS_TOPIC;
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::FindCoordinator, 0, 6, handle);

/// First version that asks for several keys.
const KEYS_FROM: i16 = 4;
/// The kind of key that names a group.
const GROUP: i8 = 0;
/// The kind of key that is a transactional id.
const TRANSACTION: i8 = 1;
/// What a client with a transactional id is told beside the code, which alone says less.
const NO_TRANSACTIONS: &str = "transactions are not served yet";

fn handle(call: Call) -> Reply {
    call.answer_later(answer)
}

async fn answer(request: FindCoordinatorRequest, caller: Caller) -> FindCoordinatorResponse {
    let found = find(request.key_type, &caller).await;
    if caller.version >= KEYS_FROM {
        let coordinators = request.coordinator_keys.into_iter().map(|key| Coordinator {
            key,
            ..found.clone()
        });
        return FindCoordinatorResponse {
            coordinators: coordinators.collect(),
            ..FindCoordinatorResponse::default()
        };
    }
    let error = ErrorCode::from_code(found.error_code).unwrap_or(ErrorCode::UnknownServerError);
    let words = found.error_message.filter(|words| !words.is_empty());
    FindCoordinatorResponse {
        error_code: found.error_code,
        // Here, and only here, Kafka says that there is none.
        error_message: words.or_else(|| Some(Str::from(error.name()))),
        node_id: found.node_id,
        host: found.host,
        port: found.port,
        ..FindCoordinatorResponse::default()
    }
}

/// The coordinator of every key of a kind.
async fn find(key_type: i8, caller: &Caller) -> Coordinator {
    match key_type {
        GROUP => {}
        TRANSACTION => {
            return Coordinator {
                error_message: Some(Str::from(NO_TRANSACTIONS)),
                ..nobody(ErrorCode::TransactionalIdAuthorizationFailed)
            };
        }
        _ => return nobody(ErrorCode::InvalidRequest),
    }
    if let Err(error) = await_offsets_topic(caller).await {
        return nobody(error);
    }
    let image = caller.node.cluster.image();
    let broker = image.broker(caller.node.cluster.broker);
    let endpoint = broker.and_then(|broker| broker.endpoint(&caller.peer.listener));
    match endpoint {
        Some(endpoint) => Coordinator {
            node_id: caller.node.cluster.broker.0,
            host: Str::from(&*endpoint.host),
            port: i32::from(endpoint.port),
            ..Coordinator::default()
        },
        None => nobody(ErrorCode::CoordinatorNotAvailable),
    }
}

fn nobody(error: ErrorCode) -> Coordinator {
    Coordinator {
        node_id: -1,
        port: -1,
        error_code: error.code(),
        error_message: Some(Str::from(error.name())),
        ..Coordinator::default()
    }
}

async fn await_offsets_topic(caller: &Caller) -> Result<(), ErrorCode> {
    let node = &caller.node;
    if node.cluster.route(OFFSETS_TOPIC).is_some() {
        return Ok(());
    }
    let created = node.command(|controller| {
        let command = CreateTopics {
            topics: vec![controller.automatic_topic(OFFSETS_TOPIC)],
            validate_only: false,
        };
        controller.create_topics(&command, &mut random_uuid)
    });
    if let Err(error) = created.await {
        tracing::warn!(%error, "the offsets topic cannot be created");
    }
    match node.cluster.route(OFFSETS_TOPIC) {
        Some(_) => Ok(()),
        None => Err(ErrorCode::CoordinatorNotAvailable),
    }
}
