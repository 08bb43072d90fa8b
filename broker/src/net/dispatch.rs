//! From a frame to its handler.

use std::rc::Rc;

use bytes::BytesMut;
use thalweg_wire::ApiKey;
use thalweg_wire::header::{HeaderError, RequestHeader};

use super::answer::{Answer, Call, Reply};
use super::connection::Peer;
use crate::api;
use crate::node::Node;

/// Finds the handler of a request and calls it.
pub(crate) fn dispatch(node: &Rc<Node>, peer: &Rc<Peer>, mut frame: BytesMut) -> Reply {
    let header = match RequestHeader::split_from(&mut frame) {
        Ok(header) => header,
        // As Kafka does: without the API's schema the request's end cannot be known.
        Err(HeaderError::UnknownApi(key)) => {
            return Reply::Now(Answer::Close(format!("no API has the key {key}")));
        }
        Err(HeaderError::Decode(error)) => {
            return Reply::Now(Answer::Close(format!(
                "a request header cannot be read: {error}"
            )));
        }
    };
    let api = api::find(header.key);
    match api {
        Some(api) if api.accepts(header.version) => {
            let call = Call {
                node: Rc::clone(node),
                peer: Rc::clone(peer),
                header,
                body: frame,
            };
            (api.handle)(call)
        }
        // KIP-511: a client may ask with a version from the future to learn which there are.
        _ if header.key == ApiKey::ApiVersions => api::api_versions::unsupported(&header),
        Some(_) | None => Reply::Now(Answer::Close(format!(
            "version {} of {} is not served",
            header.version,
            header.key.spec().name
        ))),
    }
}
