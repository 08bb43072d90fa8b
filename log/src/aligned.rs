//! A byte buffer at the alignment that direct writes need.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::disk::DIRECT_ALIGNMENT;

/// A buffer whose first byte lies at a multiple of [`DIRECT_ALIGNMENT`]; made once, used again.
///
/// The vector behind it is longer than asked for and never grows, so that the aligned place in it
/// stays where it is, through moves of the owner too.
pub struct AlignedBuf {
    bytes: Vec<u8>,
    start: usize,
    capacity: usize,
    len: usize,
}

impl AlignedBuf {
    /// An empty buffer that takes up to `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let bytes = vec![0; capacity + DIRECT_ALIGNMENT - 1];
        let start = bytes.as_ptr().align_offset(DIRECT_ALIGNMENT);
        Self {
            bytes,
            start,
            capacity,
            len: 0,
        }
    }

    /// Most bytes that it takes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends bytes.
    ///
    /// # Panics
    /// If they do not fit.
    pub fn extend(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        assert!(end <= self.capacity, "an aligned buffer never grows");
        let from = self.start + self.len;
        self.bytes[from..from + bytes.len()].copy_from_slice(bytes);
        self.len = end;
    }

    /// Fills with zeros up to `len`, or cuts there.
    ///
    /// # Panics
    /// If `len` is more than the capacity.
    pub fn resize(&mut self, len: usize) {
        assert!(len <= self.capacity, "an aligned buffer never grows");
        if len > self.len {
            self.bytes[self.start + self.len..self.start + len].fill(0);
        }
        self.len = len;
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBuf({} of {} bytes)", self.len, self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_aligned_when_moved_and_reused() {
        let mut buffers: Vec<AlignedBuf> = (0..5)
            .map(|i| AlignedBuf::with_capacity(8192 + i))
            .collect();
        for buffer in &mut buffers {
            buffer.extend(b"first");
            buffer.resize(4096);
            assert_eq!(&buffer[..6], b"first\0");
            buffer.clear();
            buffer.extend(b"2");
            buffer.resize(4096);
            assert_eq!(&buffer[..6], b"2\0\0\0\0\0", "what was there is gone");
        }
        for buffer in buffers {
            assert_eq!(buffer.as_ptr().align_offset(DIRECT_ALIGNMENT), 0);
        }
    }
}
