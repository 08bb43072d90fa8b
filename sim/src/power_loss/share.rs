//! One thread's share: the whole trace, and the images of every so many-th operation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use thalweg_log::disk::sim::PowerCut;

use super::expected::compare;
use super::voyage::Voyage;
use super::{PowerLoss, PowerLossOutcome, Progress};
use crate::Random;
use crate::violation::Violation;

/// A promise that was broken, and when.
pub(super) struct Broken {
    pub(super) operation: u64,
    pub(super) violation: Violation,
}

/// The first operation that is known to have broken something: those after it need no look.
pub(super) struct FirstBroken(AtomicU64);

impl FirstBroken {
    pub(super) const fn none() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    fn is_before(&self, operation: u64) -> bool {
        self.0.load(Ordering::Relaxed) < operation
    }

    fn may_be(&self, operation: u64) {
        self.0.fetch_min(operation, Ordering::Relaxed);
    }
}

/// Runs the trace and checks the operations whose number leaves `share`.
pub(super) fn check_share(
    plan: PowerLoss,
    share: u64,
    first: &FirstBroken,
    progress: &Progress,
) -> Result<PowerLossOutcome, Broken> {
    let broken = |operation| {
        move |violation: Violation| {
            first.may_be(operation);
            Broken {
                operation,
                violation: violation.at(format_args!("operation {operation}")),
            }
        }
    };
    let mut voyage = unbroken(|| Voyage::begin(plan.seed)).map_err(broken(0))?;
    let mut dice = Random::new(plan.seed).split();
    let mut outcome = PowerLossOutcome::default();
    for operation in 0..plan.operations {
        if first.is_before(operation) {
            break;
        }
        let dice = dice.split();
        if operation % plan.threads == share {
            let checked = check_operation(&mut voyage, plan.images, dice, progress);
            outcome.add(checked.map_err(broken(operation))?);
            progress.operation_done();
        } else {
            unbroken(|| voyage.operate()).map_err(broken(operation))?;
        }
    }
    Ok(outcome)
}

/// Does the next thing, and recovers from every image of every moment of it.
fn check_operation(
    voyage: &mut Voyage,
    images: u64,
    mut dice: Random,
    progress: &Progress,
) -> Result<PowerLossOutcome, Violation> {
    let before = voyage.expected.clone();
    voyage.disk.watch();
    let under_way = unbroken(|| voyage.operate())?;
    let mut outcome = PowerLossOutcome::default();
    for (number, moment) in voyage.disk.take_moments().iter().enumerate() {
        outcome.moments += 1;
        for image in 0..images {
            let cut = match image {
                0 => PowerCut::LosesUnsynced,
                1 => PowerCut::KeepsUnsynced,
                _ => PowerCut::Random,
            };
            let left = moment.cut(cut, dice.roll());
            let read = unbroken(|| compare(&left, &voyage.specs, &before, &under_way));
            let place = format_args!("{under_way:?}, moment {number}, image {image}");
            outcome.batches += read.map_err(|violation| violation.at(place))?;
            outcome.images += 1;
            progress.image_done();
        }
    }
    Ok(outcome)
}

/// What a machine does; an invariant of its own that it finds broken is a promise like any other.
fn unbroken<T>(work: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let seen = said.unwrap_or("a panic").to_owned();
        Err(Violation::new("the machine's invariants hold", seen))
    })
}
