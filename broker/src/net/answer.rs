//! What a request leads to.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use thalweg_wire::frame::response_frame;
use thalweg_wire::header::RequestHeader;
use thalweg_wire::{Request, Response};
use tokio::time::Instant;

use super::connection::Peer;
use super::piece::Piece;
use crate::node::Node;

/// A finished answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Send these bytes.
    Frame(Vec<Piece>),
    /// Send nothing: produce without acknowledgement.
    Silent,
    /// Close the connection: the client broke the protocol, or an unacknowledged produce failed.
    Close(String),
}

/// An answer, now or later. Later ones are only worked on when all earlier ones have left.
pub(crate) enum Reply {
    Now(Answer),
    Later(Pin<Box<dyn Future<Output = Answer>>>),
}

/// One request on its way to its handler.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) node: Rc<Node>,
    pub(crate) peer: Rc<Peer>,
    pub(crate) header: RequestHeader,
    /// When its last byte was received.
    pub(crate) arrived: Instant,
    /// The frame behind the header.
    pub(crate) body: BytesMut,
}

/// What a handler may know about its request beside the request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) node: Rc<Node>,
    pub(crate) peer: Rc<Peer>,
    pub(crate) version: i16,
    pub(crate) client_id: Option<thalweg_wire::Str>,
}

impl Answer {
    /// A response as a frame.
    pub(crate) fn response<R: Response>(node: &Node, response: &R, header: &RequestHeader) -> Self {
        Self::response_at(node, response, (header.version, header.correlation_id))
    }

    /// A response in another version than the request's.
    pub(crate) fn response_at<R: Response>(
        node: &Node,
        response: &R,
        (version, correlation): (i16, i32),
    ) -> Self {
        node.metrics.requests.note_errors(response);
        match response_frame(response, version, correlation) {
            Ok(frame) => Self::bytes(frame.freeze()),
            Err(error) => Self::Close(format!("the answer does not fit the protocol: {error}")),
        }
    }

    pub(crate) fn bytes(frame: Bytes) -> Self {
        Self::Frame(vec![Piece::Bytes(frame)])
    }

    /// Bytes that it holds in memory.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Frame(pieces) => pieces.iter().map(super::piece::memory).sum(),
            Self::Silent | Self::Close(_) => 0,
        }
    }
}

impl Reply {
    pub(crate) fn later(future: impl Future<Output = Answer> + 'static) -> Self {
        Self::Later(Box::pin(future))
    }

    /// Bytes of a finished answer that are in memory.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Now(answer) => answer.memory(),
            Self::Later(_) => 0,
        }
    }
}

impl Call {
    /// Splits the call into the decoded request and what else the handler needs.
    fn decode<R: Request>(self) -> Result<(R, Caller, RequestHeader), Answer> {
        let Self {
            node,
            peer,
            header,
            body,
            ..
        } = self;
        let version = header.version;
        let request = R::from_bytes(&body.freeze(), version).map_err(|error| {
            Answer::Close(format!("a {} request cannot be read: {error}", R::NAME))
        })?;
        let client_id = header.client_id.clone();
        Ok((
            request,
            Caller {
                node,
                peer,
                version,
                client_id,
            },
            header,
        ))
    }

    /// Answers at once.
    pub(crate) fn answer<R: Request>(
        self,
        handle: impl FnOnce(R, &Caller) -> R::Response,
    ) -> Reply {
        Reply::Now(match self.decode::<R>() {
            Ok((request, caller, header)) => {
                let response = handle(request, &caller);
                Answer::response(&caller.node, &response, &header)
            }
            Err(answer) => answer,
        })
    }

    /// Answers when the future is done.
    pub(crate) fn answer_later<R, F>(self, handle: impl FnOnce(R, Caller) -> F) -> Reply
    where
        R: Request,
        F: Future<Output = R::Response> + 'static,
    {
        match self.decode::<R>() {
            Ok((request, caller, header)) => {
                let node = Rc::clone(&caller.node);
                let future = handle(request, caller);
                Reply::later(async move { Answer::response(&node, &future.await, &header) })
            }
            Err(answer) => Reply::Now(answer),
        }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}
