//! How far a long run has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what is done while it is done; whoever waits may look at it.
#[derive(Debug, Default)]
pub struct Progress {
    operations: AtomicU64,
    images: AtomicU64,
}

impl Progress {
    /// Operations whose images were all recovered.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// Images that were recovered.
    #[must_use]
    pub fn images(&self) -> u64 {
        self.images.load(Ordering::Relaxed)
    }

    pub(super) fn operation_done(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn image_done(&self) {
        self.images.fetch_add(1, Ordering::Relaxed);
    }
}
