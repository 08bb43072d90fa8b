//! Buffers of large requests, used again when nothing holds their records any more.
//!
//! Records stay in the buffer that they arrived in while the tail cache and the write-behind hold them, some
//! 200 ms of a busy node. A buffer that goes back to the allocator meanwhile may go back to the system, and
//! memory from there is paid for at the first touch of each page (`docs/perf/produce-path.md`).

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::limits::{POOLED_BUFFER_BYTES_MAX, POOLED_BUFFER_BYTES_MIN, POOLED_BYTES_MAX};

/// Buffers whose frames were all taken, oldest first: those are free first, as the caches behind them let
/// go in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    used: VecDeque<Used>,
    bytes: usize,
}

#[derive(Debug)]
struct Used {
    /// An empty part of it, by which the rest is had again.
    handle: BytesMut,
    capacity: usize,
}

/// A buffer to receive in, and what it was made with.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) bytes: BytesMut,
    /// 0 if it is of no size that is kept.
    capacity: usize,
}

impl BufferPool {
    /// An empty buffer with room for `bytes`.
    pub(crate) fn take(&mut self, bytes: usize) -> Buffer {
        if !(POOLED_BUFFER_BYTES_MIN..=POOLED_BUFFER_BYTES_MAX).contains(&bytes) {
            return Buffer {
                bytes: BytesMut::with_capacity(bytes),
                capacity: 0,
            };
        }
        let oldest = self.take_free(bytes);
        oldest.unwrap_or_else(|| {
            let capacity = bytes.next_multiple_of(POOLED_BUFFER_BYTES_MIN);
            Buffer {
                bytes: BytesMut::with_capacity(capacity),
                capacity,
            }
        })
    }

    /// The oldest buffer, if nothing else holds it; one that is too small is given up.
    fn take_free(&mut self, bytes: usize) -> Option<Buffer> {
        let oldest = self.used.front_mut()?;
        let is_free = oldest.handle.try_reclaim(oldest.capacity);
        if !is_free {
            return None;
        }
        let Used { handle, capacity } = self.used.pop_front()?;
        self.bytes -= capacity;
        (capacity >= bytes).then_some(Buffer {
            bytes: handle,
            capacity,
        })
    }

    /// Takes a buffer back whose frames were taken; others may hold them yet. If there are too many, the
    /// oldest goes: a client that takes its answer slowly may hold it for long, and those behind it are free.
    pub(crate) fn give(&mut self, buffer: Buffer) {
        let Buffer {
            bytes: mut handle,
            capacity,
        } = buffer;
        if capacity == 0 {
            return;
        }
        while self.bytes + capacity > POOLED_BYTES_MAX
            && let Some(oldest) = self.used.pop_front()
        {
            self.bytes -= oldest.capacity;
        }
        handle.clear();
        self.bytes += capacity;
        self.used.push_back(Used { handle, capacity });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = POOLED_BUFFER_BYTES_MIN;

    fn fill(buffer: &mut Buffer) -> BytesMut {
        buffer.bytes.extend_from_slice(&[1; BYTES]);
        buffer.bytes.split()
    }

    #[test]
    fn a_buffer_is_used_again_when_its_frames_are_gone() {
        let mut pool = BufferPool::default();
        let mut buffer = pool.take(BYTES);
        let frame = fill(&mut buffer);
        let place = frame.as_ptr();
        pool.give(buffer);
        let other = pool.take(BYTES);
        assert_ne!(other.bytes.as_ptr(), place, "its frame is in use");
        drop(frame);
        let again = pool.take(BYTES);
        assert_eq!(again.bytes.as_ptr(), place);
        assert!(again.bytes.is_empty() && again.bytes.capacity() >= BYTES);
    }

    #[test]
    fn one_that_is_held_for_long_does_not_keep_the_others() {
        let mut pool = BufferPool::default();
        let mut buffer = pool.take(BYTES);
        let _held = fill(&mut buffer);
        pool.give(buffer);
        for _ in 0..POOLED_BYTES_MAX / BYTES {
            let buffer = Buffer {
                bytes: BytesMut::with_capacity(BYTES),
                capacity: BYTES,
            };
            pool.give(buffer);
        }
        assert_eq!(pool.bytes, POOLED_BYTES_MAX);
        drop(pool.take(BYTES));
        assert_eq!(pool.bytes, POOLED_BYTES_MAX - BYTES, "the next one is free");
    }

    #[test]
    fn what_is_too_much_or_too_small_is_given_up() {
        let mut pool = BufferPool::default();
        for _ in 0..3 {
            let mut buffer = pool.take(BYTES);
            drop(fill(&mut buffer));
            pool.give(buffer);
        }
        assert_eq!(pool.bytes, BYTES, "each turn finds the one before free");
        let larger = pool.take(2 * BYTES);
        assert!(larger.bytes.capacity() >= 2 * BYTES);
        assert_eq!(pool.bytes, 0);
        let small = pool.take(BYTES - 1);
        pool.give(small);
        assert_eq!(pool.bytes, 0, "small ones are the allocator's");
    }
}
