//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpListener;

use super::connection::{self, Peer};
use crate::limits::{ACCEPT_BACKLOG, ACCEPT_PAUSE};
use crate::node::Node;
use crate::observe::metrics::Ended;

/// Opens a listening socket.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts until the listener's task is aborted.
pub(crate) async fn accept(node: Rc<Node>, listener: TcpListener, name: Rc<str>) {
    loop {
        if node.connection_permits.available_permits() == 0 {
            tracing::warn!("as many connections as descriptors allow; others wait until one ends");
        }
        let permits = Arc::clone(&node.connection_permits);
        let Ok(permit) = permits.acquire_owned().await else {
            return; // Nobody closes it.
        };
        match listener.accept().await {
            Ok((stream, address)) => {
                node.metrics.connections.accepted.count();
                // A peer that vanished without a word is noticed even where nothing is ever idle.
                let kept = SockRef::from(&stream).set_keepalive(true);
                if let Err(error) = kept.and_then(|()| stream.set_nodelay(true)) {
                    tracing::debug!(%address, %error, "a connection was gone at once");
                    node.metrics.connections.end(Ended::Client);
                    continue;
                }
                let peer = Peer {
                    address,
                    listener: Rc::clone(&name),
                };
                let served = connection::serve(Rc::clone(&node), stream, peer);
                tokio::task::spawn_local(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, or the peer left while it was queued.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
