//! A connection's share of a total, as of a memory budget.

use std::cell::Cell;
use std::rc::Rc;

/// What is charged to a total; given back when the connection ends.
#[derive(Debug)]
pub(crate) struct Charge {
    total: Rc<Cell<usize>>,
    held: usize,
}

impl Charge {
    pub(crate) fn new(total: &Rc<Cell<usize>>) -> Self {
        Self {
            total: Rc::clone(total),
            held: 0,
        }
    }

    pub(crate) fn set(&mut self, share: usize) {
        self.total.set(self.total.get() + share - self.held);
        self.held = share;
    }

    /// This connection's share.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// All connections' shares.
    pub(crate) fn total(&self) -> usize {
        self.total.get()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}
