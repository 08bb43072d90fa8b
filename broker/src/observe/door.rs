//! The door of `/metrics`: one page, asked for with GET. It speaks just enough HTTP/1.1 for that, with one
//! request for each connection; a library for all of HTTP would be a tenth of the binary.

use std::io;
use std::rc::Rc;

use anyhow::Context;
use thalweg_metadata::start::MetricsListener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::text;
use crate::limits::{
    ACCEPT_PAUSE, METRICS_CONNECTIONS_MAX, METRICS_HEAD_BYTES_MAX, METRICS_TIME_MAX,
};
use crate::node::Node;

/// Opens the door. Where nobody asked for it, one that cannot be opened is done without.
pub(crate) async fn open(wanted: &MetricsListener) -> anyhow::Result<Option<TcpListener>> {
    let (host, port) = (wanted.host.as_str(), wanted.port);
    match TcpListener::bind((host, port)).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if wanted.required => Err(error).with_context(|| {
            format!("metrics cannot be offered on {host}:{port} (thalweg.metrics.listener)")
        }),
        Err(error) => {
            tracing::warn!(
                "metrics are not offered: {host}:{port} cannot be opened ({error}); \
                 thalweg.metrics.listener names another address"
            );
            Ok(None)
        }
    }
}

/// Answers until the task is aborted.
pub(crate) async fn serve(node: Rc<Node>, listener: TcpListener) {
    let places = Rc::new(Semaphore::new(METRICS_CONNECTIONS_MAX));
    loop {
        let place = Rc::clone(&places);
        let Ok(_waited) = places.acquire().await.map(drop) else {
            return;
        };
        match listener.accept().await {
            Ok((stream, address)) => {
                let node = Rc::clone(&node);
                tokio::task::spawn_local(async move {
                    let _place = place.acquire().await;
                    match timeout(METRICS_TIME_MAX, answer(&node, stream)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => {
                            tracing::debug!(%address, %error, "metrics were not delivered");
                        }
                        Err(_elapsed) => tracing::debug!(%address, "metrics were not taken"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(node: &Node, mut stream: TcpStream) -> io::Result<()> {
    let Some(head) = read_head(&mut stream).await? else {
        return Ok(());
    };
    let response = respond(&head, || text::page(node));
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// The request without a body; none if the peer left or sent too much.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    loop {
        let read = stream
            .take(METRICS_HEAD_BYTES_MAX)
            .read_buf(&mut head)
            .await?;
        let ends = head.windows(4).any(|end| end == b"\r\n\r\n");
        if ends {
            return Ok(Some(head));
        }
        let too_long = u64::try_from(head.len()).is_ok_and(|len| len >= METRICS_HEAD_BYTES_MAX);
        if read == 0 || too_long {
            return Ok(None);
        }
    }
}

fn respond(head: &[u8], page: impl FnOnce() -> String) -> String {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next();
    let (status, body) = match (method, path) {
        (Some("GET" | "HEAD"), Some("/metrics")) => ("200 OK", page()),
        (Some("GET" | "HEAD"), _) => ("404 Not Found", "only /metrics is here\n".to_owned()),
        _ => (
            "405 Method Not Allowed\r\nAllow: GET, HEAD",
            "only GET is understood\n".to_owned(),
        ),
    };
    let length = body.len();
    let body = if method == Some("HEAD") { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: &str) -> String {
        respond(head.as_bytes(), || "m 1\n".to_owned())
    }

    #[test]
    fn the_page_is_there_and_nothing_else() {
        let found = asked("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(found.starts_with("HTTP/1.1 200 OK\r\n"), "{found}");
        assert!(found.ends_with("Content-Length: 4\r\nConnection: close\r\n\r\nm 1\n"));
        let head = asked("HEAD /metrics HTTP/1.1\r\n\r\n");
        assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"));
        assert!(asked("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(asked("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        assert!(asked("\r\n\r\n").starts_with("HTTP/1.1 405 "));
    }
}
