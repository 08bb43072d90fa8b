//! Whether the machine itself did nothing for a while: clients run into their timeouts then, and a play says nothing about the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(100);

/// Nothing takes that long but a machine that stands still.
const STILL: Duration = Duration::from_secs(3);

/// Looks at the clock until dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    stood_still: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
}

impl Machine {
    /// Begins to look.
    pub(crate) fn watch() -> Self {
        let machine = Self {
            stood_still: Arc::default(),
            is_over: Arc::default(),
        };
        let (stood_still, is_over) = (machine.stood_still.clone(), machine.is_over.clone());
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let before = clock::now();
                std::thread::park_timeout(LOOK);
                if before.elapsed() > STILL {
                    stood_still.store(true, Ordering::Relaxed);
                }
            }
        });
        machine
    }

    /// Whether it stood still since it is watched.
    pub(crate) fn stood_still(&self) -> bool {
        self.stood_still.load(Ordering::Relaxed)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
