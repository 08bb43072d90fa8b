//! DescribeCluster: the cluster's id, its controller and its brokers.
//!
//! Versions: 0-2
//! Behaviour: brokers with the endpoint of the listener that the request came to.
//! From 1: asks for brokers or controllers; this is a door to brokers. From 2: fenced brokers may be asked for; there
//! are none.
//! Not done: fencing; one node is never fenced.

use thalweg_model::ErrorCode;
use thalweg_wire::messages::describe_cluster_response::DescribeClusterBroker;
use thalweg_wire::messages::{DescribeClusterRequest, DescribeClusterResponse};
use thalweg_wire::{ApiKey, Str};

use super::Api;
use super::authorized_operations::{CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED};
use crate::net::answer::{Call, Caller, Reply};

pub(super) const API: Api = Api::new(ApiKey::DescribeCluster, 0, 2, handle);

/// Kafka's numbers of the two kinds of endpoints.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

fn handle(call: Call) -> Reply {
    call.answer(|request, caller| answer(&request, caller))
}

fn answer(request: &DescribeClusterRequest, caller: &Caller) -> DescribeClusterResponse {
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => {
            return refuse(
                ErrorCode::MismatchedEndpointType,
                "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
            );
        }
        other => {
            let message = format!("Unsupported endpoint type {other}");
            return refuse(ErrorCode::UnsupportedEndpointType, &message);
        }
    }
    let image = caller.node.cluster.image();
    let brokers = image.brokers().filter_map(|broker| {
        let endpoint = broker.endpoint(&caller.peer.listener)?;
        Some(DescribeClusterBroker {
            broker_id: broker.id.0,
            host: Str::from(&*endpoint.host),
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref().map(Str::from),
            is_fenced: false,
        })
    });
    let asked = request.include_cluster_authorized_operations;
    DescribeClusterResponse {
        cluster_id: image.cluster_id().map(Str::from).unwrap_or_default(),
        controller_id: caller.node.cluster.broker.0,
        brokers: brokers.collect(),
        cluster_authorized_operations: if asked {
            CLUSTER_OPERATIONS
        } else {
            OPERATIONS_NOT_ASKED
        },
        ..DescribeClusterResponse::default()
    }
}

fn refuse(code: ErrorCode, message: &str) -> DescribeClusterResponse {
    DescribeClusterResponse {
        error_code: code.code(),
        error_message: Some(Str::from(message)),
        ..DescribeClusterResponse::default()
    }
}
