//! Hostile bytes for every decoder: what a stranger may send, and what a failing disk may give back.
//!
//! A [`Target`] makes good inputs, repairs checksums after something was changed, and takes the input. It may refuse
//! it; it must not panic, hang, or take more memory than the input's size allows. There is no feedback from coverage:
//! inputs are good ones with a few changes, half of them with their checksums made right again, so that
//! what is behind a checksum is reached. Inputs that were found once are kept under `regressions/`.

mod dice;
mod mutate;
mod targets;

use std::alloc::System;

use cap::Cap;

pub use dice::Dice;
pub use targets::{ALL, Target};

/// Counts what an input makes a decoder allocate.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What every input may take, however small it is.
const MEMORY_BASE: usize = 64 << 10;

/// Runs one input.
///
/// # Panics
/// If the input breaks something: that is a finding.
pub fn run(target: &Target, input: &[u8]) {
    (target.take)(input);
}

/// Calls a decoder with a bound on its memory, what it returns included: beyond so many bytes and 64 KiB the process aborts.
pub(crate) fn bounded<T>(bytes: usize, decode: impl FnOnce() -> T) -> T {
    let limit = ALLOCATOR.allocated().saturating_add(bytes + MEMORY_BASE);
    ALLOCATOR
        .set_limit(limit)
        .expect("the limit is above what is in use");
    let decoded = decode();
    unbind();
    decoded
}

/// Calls a decoder that may take twice its input: the rule, from which few are excepted.
pub(crate) fn twice<T>(input: &[u8], decode: impl FnOnce() -> T) -> T {
    bounded(2 * input.len(), decode)
}

/// Lifts the bound, after a panic.
///
/// # Panics
/// Never: there is no larger bound than none.
pub fn unbind() {
    ALLOCATOR
        .set_limit(usize::MAX)
        .expect("there is no larger limit");
}

/// The next input of a target.
#[must_use]
pub fn input(target: &Target, dice: &mut Dice) -> Vec<u8> {
    let mut input = (target.make)(dice);
    if dice.below(20) == 0 {
        return input;
    }
    for _ in 0..=dice.below(4) {
        mutate::change(&mut input, dice);
    }
    if dice.below(2) == 0 {
        (target.repair)(&mut input);
    }
    input
}
