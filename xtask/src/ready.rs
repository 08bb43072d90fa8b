//! When a broker is ready: the port answers ApiVersions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::Pid;
use crate::stopwatch::Stopwatch;

/// How often the port is tried: fine enough to time a start-up of milliseconds.
const PROBE_INTERVAL: Duration = Duration::from_millis(1);

/// An answer to ApiVersions is a few kilobytes; more than this is not a broker.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

const CORRELATION_ID: i32 = 7;

/// Waits until `address` answers ApiVersions, the process ends or the time is up.
pub(crate) fn wait_until_ready(
    address: SocketAddr,
    pid: Pid,
    started: Stopwatch,
    timeout: Duration,
) -> Result<Duration> {
    loop {
        if probe(address).is_ok() {
            return Ok(started.elapsed());
        }
        ensure!(pid.is_alive(), "the broker ended before it was ready");
        if started.elapsed() > timeout {
            bail!("{address} did not answer ApiVersions within {timeout:?}");
        }
        std::thread::sleep(PROBE_INTERVAL);
    }
}

/// Sends one ApiVersions v0 request and reads the answer.
pub(crate) fn probe(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_nodelay(true)?;
    stream.write_all(&api_versions_request())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).context("a negative length")?;
    ensure!(
        (10..=ANSWER_BYTES_MAX).contains(&length),
        "an answer of {length} bytes"
    );
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    ensure!(
        answer.starts_with(&CORRELATION_ID.to_be_bytes()),
        "a foreign correlation id"
    );
    ensure!(answer[4..6] == [0, 0], "ApiVersions answered with an error");
    Ok(())
}

/// Length, key 18, version 0, correlation id, no client id.
fn api_versions_request() -> Vec<u8> {
    let mut body = Vec::with_capacity(14);
    body.extend_from_slice(&10_i32.to_be_bytes());
    body.extend_from_slice(&18_i16.to_be_bytes());
    body.extend_from_slice(&0_i16.to_be_bytes());
    body.extend_from_slice(&CORRELATION_ID.to_be_bytes());
    body.extend_from_slice(&(-1_i16).to_be_bytes());
    body
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 14];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(answer).unwrap();
        });
        address
    }

    #[test]
    fn a_broker_is_ready_when_it_answers_without_error() {
        let address = answering(&[0, 0, 0, 10, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0]);
        probe(address).unwrap();
    }

    #[test]
    fn an_error_code_is_not_ready() {
        let address = answering(&[0, 0, 0, 10, 0, 0, 0, 7, 0, 35, 0, 0, 0, 0]);
        assert!(probe(address).is_err());
    }

    #[test]
    fn a_server_of_another_kind_is_not_ready() {
        assert!(probe(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")).is_err());
    }
}
