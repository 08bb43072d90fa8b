//! Looking for one defect.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use thalweg_model::defect::{self, Defect};

use super::courses::{Course, courses_of};
use super::known::place_of;

thread_local! {
    /// What the last panic of this thread said.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// Begin with where the committed table says that it was found.
    pub known_first: bool,
    /// Seeds of each course.
    pub seeds_max: u64,
}

/// A defect that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// In which kind of run.
    pub course: Course,
    /// By which seed.
    pub seed: u64,
    /// Runs until then.
    pub runs: u64,
    /// The promise, or the machine's invariant, that was broken.
    pub rule: String,
}

/// Runs seed after seed with a defect switched on, until something speaks; none if nothing does.
#[must_use]
pub fn search(defect: Defect, how: Search) -> Option<Found> {
    let known = place_of(defect).filter(|_| how.known_first);
    let all = (1..=how.seeds_max)
        .flat_map(|seed| courses_of(defect).iter().map(move |&course| (course, seed)));
    for (runs, (course, seed)) in (1..).zip(known.into_iter().chain(all)) {
        if let Some(rule) = run_with(defect, course, seed) {
            return Some(Found {
                course,
                seed,
                runs,
                rule,
            });
        }
    }
    None
}

/// What one seed says about a defect.
fn run_with(defect: Defect, course: Course, seed: u64) -> Option<String> {
    panic::set_hook(Box::new(|info| {
        let said = info.payload_as_str().unwrap_or("a panic").to_owned();
        PANIC.with_borrow_mut(|last| *last = said);
    }));
    let switched = defect::switch_on(defect);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| course.run(seed)));
    drop(switched);
    drop(panic::take_hook());
    match outcome {
        Ok(violation) => violation.map(|violation| violation.rule.to_owned()),
        Err(_) => {
            let said = PANIC.with_borrow(Clone::clone);
            let first = said.lines().next().unwrap_or_default().to_owned();
            Some(format!("an assertion: {first}"))
        }
    }
}
