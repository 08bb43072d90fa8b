//! Power loss at every change of the disk: each moment of a trace of operations becomes images of
//! what may be left, and each image is recovered and compared.

mod expected;
mod progress;
mod share;
mod voyage;

use std::panic::resume_unwind;
use std::thread;

pub use progress::Progress;
use share::{Broken, FirstBroken, check_share};

use crate::violation::Violation;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct PowerLoss {
    /// Decides everything.
    pub seed: u64,
    /// Operations of the trace.
    pub operations: u64,
    /// Images of each moment: two for all lost and all kept, the others of random parts.
    pub images: u64,
    /// Threads that share the operations. What is found does not depend on how many they are.
    pub threads: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerLossOutcome {
    /// Changes of the disk.
    pub moments: u64,
    /// Images that were recovered.
    pub images: u64,
    /// Batches that were read from them.
    pub batches: u64,
}

impl PowerLossOutcome {
    fn add(&mut self, other: Self) {
        self.moments += other.moments;
        self.images += other.images;
        self.batches += other.batches;
    }
}

/// Runs a trace.
///
/// # Errors
/// What was broken first, with the operation, the moment and the image.
pub fn power_loss(plan: PowerLoss, progress: &Progress) -> Result<PowerLossOutcome, Violation> {
    let first = FirstBroken::none();
    let check = |share| check_share(plan, share, &first, progress);
    // Every thread runs the whole trace, which is cheap, and the images of its own operations.
    let shares: Vec<Result<PowerLossOutcome, Broken>> = thread::scope(|scope| {
        let others: Vec<_> = (1..plan.threads)
            .map(|share| scope.spawn(move || check(share)))
            .collect();
        let mine = check(0);
        let joined = others.into_iter().map(|other| other.join());
        let others = joined.map(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(mine).chain(others).collect()
    });
    let mut outcome = PowerLossOutcome::default();
    let mut broken: Option<Broken> = None;
    for share in shares {
        match share {
            Ok(done) => outcome.add(done),
            Err(found) => {
                let earliest = broken.take().into_iter().chain([found]);
                broken = earliest.min_by_key(|broken| broken.operation);
            }
        }
    }
    broken.map_or(Ok(outcome), |broken| Err(broken.violation))
}
