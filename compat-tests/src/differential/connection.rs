//! Frames over a socket: one connection to a broker.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// The longest wait of the corpus is far below.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// No answer of the corpus is longer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A frame without its length.
    Frame(Vec<u8>),
    /// The broker closed the connection.
    Closed,
    /// Nothing within the time.
    Nothing,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| address.to_owned())?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Sends a frame. A connection that the broker has closed shows when the answer is read.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<()> {
        let mut bytes = u32::try_from(frame.len())?.to_be_bytes().to_vec();
        bytes.extend(frame);
        match self.stream.write_all(&bytes) {
            Err(error) if is_closed(error.kind()) => Ok(()),
            written => Ok(written?),
        }
    }

    /// Reads one frame.
    pub(crate) fn read(&mut self) -> Result<Answer> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if is_closed(error.kind()) => return Ok(Answer::Closed),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(Answer::Nothing);
            }
            Err(error) => return Err(error.into()),
        }
        let length = usize::try_from(u32::from_be_bytes(length))?;
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        let mut frame = vec![0; length];
        self.stream
            .read_exact(&mut frame)
            .context("a frame is cut off")?;
        Ok(Answer::Frame(frame))
    }
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}
