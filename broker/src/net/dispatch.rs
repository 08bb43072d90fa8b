//! From a frame to its handler.

use std::rc::Rc;

use bytes::BytesMut;
use thalweg_wire::ApiKey;
use thalweg_wire::header::{HeaderError, RequestHeader};
use tokio::time::Instant;
use tracing::Instrument;

use super::answer::{Answer, Call, Reply};
use super::connection::Peer;
use crate::api;
use crate::node::Node;
use crate::observe::metrics::Stamp;

/// Reads a request's header: what is asked, and the call or why there is none.
pub(crate) fn receive(
    node: &Rc<Node>,
    peer: &Rc<Peer>,
    mut frame: BytesMut,
    arrived: Instant,
) -> (Stamp, Result<Call, Answer>) {
    let call = read_header(&mut frame).map(|header| {
        node.metrics.requests.receive(header.key);
        Call {
            node: Rc::clone(node),
            peer: Rc::clone(peer),
            header,
            arrived,
            body: frame,
        }
    });
    let api = call.as_ref().ok().map(|call| call.header.key);
    (Stamp { api, arrived }, call)
}

fn read_header(frame: &mut BytesMut) -> Result<RequestHeader, Answer> {
    RequestHeader::split_from(frame).map_err(|error| match error {
        // As Kafka does: without the API's schema the request's end cannot be known.
        HeaderError::UnknownApi(key) => Answer::Close(format!("no API has the key {key}")),
        HeaderError::Decode(error) => {
            Answer::Close(format!("a request header cannot be read: {error}"))
        }
    })
}

/// Finds the handler of a request and calls it inside a span, which lives until the answer is there. At
/// the usual level of the log the span costs one comparison.
pub(crate) fn perform(call: Call) -> Reply {
    let header = &call.header;
    let span = tracing::debug_span!(
        "request",
        api = header.key.spec().name,
        version = header.version,
        correlation = header.correlation_id,
        client = header.client_id.as_deref(),
        peer = %call.peer.address,
        bytes = call.body.len(),
    );
    if span.is_disabled() {
        return handle(call);
    }
    match span.in_scope(|| handle(call)) {
        Reply::Later(future) => Reply::Later(Box::pin(future.instrument(span))),
        now @ Reply::Now(_) => now,
    }
}

fn handle(call: Call) -> Reply {
    let header = &call.header;
    match api::find(header.key) {
        Some(api) if api.accepts(header.version) => (api.handle)(call),
        // KIP-511: a client may ask with a version from the future to learn which there are.
        _ if header.key == ApiKey::ApiVersions => {
            api::api_versions::unsupported(&call.node, header)
        }
        Some(_) | None => Reply::Now(Answer::Close(format!(
            "version {} of {} is not served",
            header.version,
            header.key.spec().name
        ))),
    }
}
