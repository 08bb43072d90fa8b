//! Power loss at every change of the disk, a short trace.

use thalweg_sim::{PowerLoss, power_loss};

/// A checkpoint had taken the names to sync, and a batch that the journal only names was acknowledged before they were.
const FOUND: u64 = 514;

#[test]
fn every_moment_of_a_trace_recovers_to_what_was_acknowledged() {
    for seed in [1, 2, FOUND] {
        let plan = PowerLoss {
            seed,
            operations: 40,
            images: 6,
        };
        let outcome = power_loss(plan).unwrap_or_else(|found| panic!("seed {seed}: {found}"));
        assert!(outcome.images > 1_000, "{outcome:?}");
    }
}
