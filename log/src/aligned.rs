//! A byte buffer at the alignment that direct writes need.

use std::fmt;
use std::ops::{Deref, DerefMut};

use memmap2::{Advice, MmapMut};

use crate::disk::DIRECT_ALIGNMENT;
use crate::limits::{HUGE_FROM_BYTES, HUGE_PAGE_BYTES};

/// A buffer whose first byte lies at a multiple of [`DIRECT_ALIGNMENT`]; made once, used again.
///
/// The memory behind it is more than was asked for and never grows, so that the aligned place in it
/// stays where it is, through moves of the owner too.
pub struct AlignedBuf {
    memory: Memory,
    start: usize,
    capacity: usize,
    len: usize,
}

/// Where the bytes of a buffer are.
enum Memory {
    Plain(Vec<u8>),
    /// Pages of 2 MiB, if the system has them: a direct write of 1 MiB looks up and hands over one page
    /// instead of 256.
    Huge(MmapMut),
}

impl Memory {
    fn of(bytes: usize) -> Self {
        if bytes >= HUGE_FROM_BYTES
            && let Ok(map) = MmapMut::map_anon(bytes.next_multiple_of(HUGE_PAGE_BYTES))
        {
            // A wish: small pages hold the same bytes.
            let _granted = map.advise(Advice::HugePage);
            return Self::Huge(map);
        }
        Self::Plain(vec![0; bytes + DIRECT_ALIGNMENT - 1])
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Huge(map) => map,
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Huge(map) => map,
        }
    }
}

impl AlignedBuf {
    /// An empty buffer that takes up to `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let memory = Memory::of(capacity);
        let start = memory.as_ptr().align_offset(DIRECT_ALIGNMENT);
        Self {
            memory,
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
        self.memory[from..from + bytes.len()].copy_from_slice(bytes);
        self.len = end;
    }

    /// Fills with zeros up to `len`, or cuts there.
    ///
    /// # Panics
    /// If `len` is more than the capacity.
    pub fn resize(&mut self, len: usize) {
        assert!(len <= self.capacity, "an aligned buffer never grows");
        if len > self.len {
            self.memory[self.start + self.len..self.start + len].fill(0);
        }
        self.len = len;
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
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
