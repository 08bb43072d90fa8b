//! Virtual time: what happens next, and when.

use std::collections::BTreeMap;

use thalweg_model::Tick;

/// Events in the order of their times; those of one moment in the order in which they were planned.
#[derive(Debug)]
pub(crate) struct Schedule<E> {
    now: Tick,
    planned: u64,
    events: BTreeMap<(Tick, u64), E>,
}

impl<E> Schedule<E> {
    pub(crate) fn new() -> Self {
        Self {
            now: Tick(0),
            planned: 0,
            events: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> Tick {
        self.now
    }

    /// Plans an event `delay_us` from now.
    pub(crate) fn after(&mut self, delay_us: u64, event: E) {
        self.at(Tick(self.now.0 + delay_us), event);
    }

    /// Plans an event.
    pub(crate) fn at(&mut self, at: Tick, event: E) {
        self.planned += 1;
        self.events.insert((at.max(self.now), self.planned), event);
    }

    /// Lets time pass until the next event.
    pub(crate) fn next(&mut self) -> Option<E> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }
}
