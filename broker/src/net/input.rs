//! Receiving frames: the buffer grows with what arrives, never with what is announced.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use bytes::BytesMut;
use thalweg_wire::frame::{FrameError, FrameStatus, LENGTH_BYTES, frame_status, split_frame};
use tokio::net::TcpStream;

use super::buffers::{Buffer, BufferPool};
use crate::limits::{
    IDLE_BUFFER_BYTES, POOLED_BUFFER_BYTES_MAX, READ_BUFFER_BYTES, READ_CHUNK_BYTES,
};

/// Frames after which a large one is not taken for usual any more.
const USUAL_FRAMES: usize = 16;

/// What a connection has received and not yet handed on.
#[derive(Debug)]
pub(crate) struct Input {
    pool: Rc<RefCell<BufferPool>>,
    buffer: Buffer,
    /// Bytes received over the connection's life: a peer that has sent much may be trusted with a
    /// buffer that large at once.
    received: usize,
    /// Bytes still missing of the frame that has begun.
    missing: usize,
    /// Size of the larger ones of the last frames: what the next one is going to take.
    usual: usize,
}

impl Input {
    pub(crate) fn new(pool: &Rc<RefCell<BufferPool>>) -> Self {
        Self {
            pool: Rc::clone(pool),
            buffer: Buffer::default(),
            received: 0,
            missing: 0,
            usual: 0,
        }
    }

    /// Takes the next whole frame, if there is one.
    pub(crate) fn next_frame(&mut self, limit: usize) -> Result<Option<BytesMut>, FrameError> {
        match frame_status(&self.buffer.bytes, limit)? {
            FrameStatus::Need(missing) => {
                self.missing = missing;
                Ok(None)
            }
            FrameStatus::Frame(length) => {
                self.missing = 0;
                let size = (LENGTH_BYTES + length).min(POOLED_BUFFER_BYTES_MAX);
                self.usual = size.max(self.usual - self.usual / USUAL_FRAMES);
                Ok(Some(split_frame(&mut self.buffer.bytes, length)))
            }
        }
    }

    /// Whether a frame has begun and is not complete.
    pub(crate) fn is_inside_frame(&self) -> bool {
        !self.buffer.bytes.is_empty()
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.buffer.bytes.len()
    }

    /// Gives the buffer back while nothing is under way.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.bytes.is_empty() && self.buffer.bytes.capacity() > IDLE_BUFFER_BYTES {
            self.replace(Buffer::default());
        }
    }

    /// Reads what is there; 0 at the end of the stream, `WouldBlock` if nothing is.
    pub(crate) fn try_read(&mut self, stream: &TcpStream) -> io::Result<usize> {
        self.reserve();
        let read = stream.try_read_buf(&mut self.buffer.bytes)?;
        self.received += read;
        Ok(read)
    }

    /// Makes room for the rest of the frame, but never more than a first buffer beyond what this peer
    /// has sent in all: memory stays below twice the bytes received and that buffer.
    fn reserve(&mut self) {
        let (held, capacity) = (self.buffer.bytes.len(), self.buffer.bytes.capacity());
        let allowed = READ_BUFFER_BYTES.max(self.received);
        if capacity > held && capacity - held >= self.missing.min(allowed) {
            return;
        }
        let whole = READ_CHUNK_BYTES.max(self.usual);
        let more = self.missing.max(whole.saturating_sub(held)).min(allowed);
        let larger = self.pool.borrow_mut().take(held + more);
        self.replace(larger);
    }

    /// Goes on in another buffer.
    fn replace(&mut self, mut buffer: Buffer) {
        buffer.bytes.extend_from_slice(&self.buffer.bytes);
        let before = std::mem::replace(&mut self.buffer, buffer);
        self.pool.borrow_mut().give(before);
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let last = std::mem::take(&mut self.buffer);
        self.pool.borrow_mut().give(last);
    }
}
