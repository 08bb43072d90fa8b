//! Receiving frames: the buffer grows with what arrives, never with what is announced.

use std::io;

use bytes::BytesMut;
use thalweg_wire::frame::{FrameError, FrameStatus, frame_status, split_frame};
use tokio::net::TcpStream;

use crate::limits::{IDLE_BUFFER_BYTES, READ_BUFFER_BYTES, READ_CHUNK_BYTES};

/// What a connection has received and not yet handed on.
#[derive(Debug, Default)]
pub(crate) struct Input {
    buffer: BytesMut,
    /// Bytes received over the connection's life: a peer that has sent much may be trusted with a
    /// buffer that large at once.
    received: usize,
    /// Bytes still missing of the frame that has begun.
    missing: usize,
}

impl Input {
    /// Takes the next whole frame, if there is one.
    pub(crate) fn next_frame(&mut self, limit: usize) -> Result<Option<BytesMut>, FrameError> {
        match frame_status(&self.buffer, limit)? {
            FrameStatus::Need(missing) => {
                self.missing = missing;
                Ok(None)
            }
            FrameStatus::Frame(length) => {
                self.missing = 0;
                Ok(Some(split_frame(&mut self.buffer, length)))
            }
        }
    }

    /// Whether a frame has begun and is not complete.
    pub(crate) fn is_inside_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Gives the buffer back while nothing is under way.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > IDLE_BUFFER_BYTES {
            self.buffer = BytesMut::new();
        }
    }

    /// Reads what is there; 0 at the end of the stream, `WouldBlock` if nothing is.
    pub(crate) fn try_read(&mut self, stream: &TcpStream) -> io::Result<usize> {
        self.reserve();
        let read = stream.try_read_buf(&mut self.buffer)?;
        self.received += read;
        Ok(read)
    }

    /// Makes room for the rest of the frame, but never more than a first buffer beyond what this peer
    /// has sent in all: memory stays below twice the bytes received and that buffer.
    fn reserve(&mut self) {
        let free = self.buffer.capacity() - self.buffer.len();
        let allowed = READ_BUFFER_BYTES.max(self.received);
        let chunk = READ_CHUNK_BYTES.min(allowed);
        if free == 0 || free < self.missing.min(allowed) {
            self.buffer.reserve(self.missing.max(chunk).min(allowed));
        }
    }
}
