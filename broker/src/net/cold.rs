//! Records that are on the disk and not in memory: read by a thread that nobody else waits for.

use std::io;

use thalweg_log::disk::{DiskFile, RealFile};
use thalweg_log::partition::Extent;

use super::output::unreadable;
use crate::limits::{COLD_PROBE_BYTES, COLD_READ_BYTES, COLD_WINDOW_BYTES};

/// The next stretch of an extent.
#[derive(Debug)]
pub(crate) struct ColdRange {
    extent: Extent<RealFile>,
    /// Bytes of it, from its beginning.
    pub(super) length: usize,
}

impl ColdRange {
    pub(super) fn first_of(extent: &Extent<RealFile>) -> Self {
        let length = usize::try_from(extent.length).unwrap_or(usize::MAX);
        Self {
            extent: extent.clone(),
            length: length.min(COLD_WINDOW_BYTES),
        }
    }

    /// Whether it is in the page cache, as far as a look here and there tells.
    pub(super) fn is_cached(&self) -> bool {
        let last = self.length.saturating_sub(1);
        (0..self.length)
            .step_by(COLD_PROBE_BYTES)
            .chain([last])
            .all(|at| {
                let read = self.extent.file.read_cached_at(&mut [0], self.position(at));
                // What cannot be read at all is told by the one who sends it.
                !read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            })
    }

    /// Brings it into the page cache. Waits for the disk.
    pub(super) fn read(self) -> io::Result<Self> {
        let mut buffer = vec![0; COLD_READ_BYTES.min(self.length)];
        for at in (0..self.length).step_by(COLD_READ_BYTES) {
            let bytes = COLD_READ_BYTES.min(self.length - at);
            self.extent
                .file
                .read_exact_at(&mut buffer[..bytes], self.position(at))
                .map_err(|error| unreadable(&self.extent, &error.to_string()))?;
        }
        Ok(self)
    }

    fn position(&self, at: usize) -> u64 {
        self.extent.position + u64::try_from(at).expect("a length fits 64 bits")
    }
}
