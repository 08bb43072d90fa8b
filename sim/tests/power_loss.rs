//! Power loss at every change of the disk, a short trace.

use thalweg_sim::{PowerLoss, PowerLossOutcome, Progress, power_loss};

fn recovered(plan: PowerLoss) -> PowerLossOutcome {
    let progress = Progress::default();
    let outcome = power_loss(plan, &progress);
    let outcome = outcome.unwrap_or_else(|found| panic!("seed {}: {found}", plan.seed));
    assert_eq!(progress.operations(), plan.operations);
    assert_eq!(progress.images(), outcome.images);
    outcome
}

#[test]
fn every_moment_of_a_trace_recovers_to_what_was_acknowledged() {
    for seed in [1, 2] {
        let outcome = recovered(PowerLoss {
            seed,
            operations: 40,
            images: 6,
            threads: 1,
        });
        assert!(outcome.images > 1_000, "{outcome:?}");
    }
}

/// A checkpoint had taken the names to sync, and a batch that the journal only names was acknowledged before they were.
#[test]
fn a_batch_outside_the_journal_waits_for_no_checkpoint() {
    recovered(PowerLoss {
        seed: 337,
        operations: 12,
        images: 3,
        threads: 1,
    });
}

#[test]
fn the_threads_find_together_what_one_finds() {
    let done = [1, 2, 5].map(|threads| {
        recovered(PowerLoss {
            seed: 3,
            operations: 30,
            images: 4,
            threads,
        })
    });
    assert_eq!(done[0], done[1]);
    assert_eq!(done[0], done[2]);
}
