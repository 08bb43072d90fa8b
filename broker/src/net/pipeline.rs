//! Whether a client sends on while its earlier requests are not answered.

use std::cell::Cell;
use std::rc::Rc;

use super::charge::Charge;

/// Requests after which a depth that was not reached again is forgotten.
const REMEMBERED_REQUESTS: u32 = 32;

/// The produce requests of a connection. While some wait, and two more than these the client is known to have
/// under way, the connection counts in the node's total: more is about to come. Not up to the last one: the
/// client would stand still while what waited is written.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// One while it counts.
    counted: Charge,
    under_way: usize,
    /// Most that were under way at once in the last stretch of requests, and in this one.
    depth: usize,
    deepest: usize,
    requests: u32,
}

impl Pipeline {
    pub(crate) fn new(total: &Rc<Cell<usize>>) -> Self {
        Self {
            counted: Charge::new(total),
            under_way: 0,
            depth: 0,
            deepest: 0,
            requests: 0,
        }
    }

    /// A request came.
    pub(crate) fn asked(&mut self) {
        self.under_way += 1;
        self.deepest = self.deepest.max(self.under_way);
        self.depth = self.depth.max(self.under_way);
        self.requests += 1;
        if self.requests == REMEMBERED_REQUESTS {
            self.requests = 0;
            self.depth = std::mem::replace(&mut self.deepest, self.under_way);
        }
        self.count();
    }

    /// The oldest one is answered.
    pub(crate) fn answered(&mut self) {
        self.under_way -= 1;
        self.count();
    }

    fn count(&mut self) {
        let is_counted = self.under_way > 0 && self.under_way + 1 < self.depth;
        self.counted.set(usize::from(is_counted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> (Rc<Cell<usize>>, Pipeline) {
        let total = Rc::default();
        let pipeline = Pipeline::new(&total);
        (total, pipeline)
    }

    #[test]
    fn a_client_that_waits_for_each_answer_never_counts() {
        let (total, mut client) = pipeline();
        for _ in 0..100 {
            client.asked();
            assert_eq!(total.get(), 0);
            client.answered();
            assert_eq!(total.get(), 0);
        }
    }

    #[test]
    fn one_that_sends_on_counts_until_all_but_one_are_there() {
        let (total, mut client) = pipeline();
        for _ in 0..5 {
            client.asked();
            assert_eq!(total.get(), 0, "nobody knows of more than these");
        }
        for left in [4, 3, 2, 1, 0] {
            client.answered();
            assert_eq!(total.get(), usize::from((1..=3).contains(&left)), "{left}");
        }
        client.asked();
        assert_eq!(total.get(), 1);
        drop(client);
        assert_eq!(total.get(), 0);
    }

    #[test]
    fn a_depth_that_is_not_reached_again_is_forgotten() {
        let (total, mut client) = pipeline();
        for _ in 0..5 {
            client.asked();
        }
        for _ in 0..5 {
            client.answered();
        }
        for _ in 0..2 * REMEMBERED_REQUESTS {
            client.asked();
            client.answered();
        }
        client.asked();
        assert_eq!(total.get(), 0);
    }
}
