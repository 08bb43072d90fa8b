//! When the next journal block begins: at once, or when more has come that is on its way.
//!
//! A disk that is done before the next request comes makes a block of each request, and each block costs
//! two threads a turn. At a high rate a block therefore waits a little, as long as some client is known to
//! send on without waiting for its answers; one that waits for them would only be held up.

use std::rc::Rc;

use thalweg_model::Tick;
use tokio::time::sleep_until;

use crate::limits::{GATHER_BYTES, GATHER_BYTES_PER_MICROSECOND, GATHER_RATE_TIME, GATHER_TIME};
use crate::node::Node;

/// What the flow of appends is like.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    /// Since when the rate is taken, and what went with blocks since then.
    measured_from: Tick,
    taken: usize,
    /// Whether the last measurement showed a rate at which waiting is worth it.
    is_fast: bool,
    /// Since when the oldest append waits.
    since: Option<Tick>,
}

impl Gather {
    /// Whether `pending` bytes wait for more; `more` tells whether any may come.
    fn holds(&mut self, pending: usize, more: bool, now: Tick) -> bool {
        if pending == 0 {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        self.is_fast && more && pending < GATHER_BYTES && now < since.after(GATHER_TIME)
    }

    /// Blocks took so much of what was pending; `left` was not taken.
    fn took(&mut self, taken: usize, left: usize, now: Tick) {
        if taken == 0 {
            return;
        }
        self.since = (left > 0).then_some(now);
        self.taken += taken;
        if now >= self.measured_from.after(GATHER_RATE_TIME) {
            let passed = now.0.saturating_sub(self.measured_from.0);
            let came = u64::try_from(self.taken).unwrap_or(u64::MAX);
            self.is_fast = came >= passed.saturating_mul(GATHER_BYTES_PER_MICROSECOND);
            self.measured_from = now;
            self.taken = 0;
        }
    }

    /// When what waits has waited long enough.
    fn deadline(&self) -> Option<Tick> {
        self.since.map(|since| since.after(GATHER_TIME))
    }
}

impl Node {
    /// Starts journal blocks for what arrived, unless it waits for more, and carries out what the shard
    /// asks for.
    pub(crate) fn flush(&self) {
        let now = self.clock.now();
        let pending = self.with_shard(|shard| shard.pending_bytes());
        let more = self.clients_sending_on.get() > 0;
        if self.gather.borrow_mut().holds(pending, more, now.tick) {
            self.gathering.notify_one();
        } else {
            let left = self.with_shard(|shard| {
                shard.flush(now);
                shard.pending_bytes()
            });
            let taken = pending.saturating_sub(left);
            self.gather.borrow_mut().took(taken, left, now.tick);
        }
        self.carry_out();
    }
}

/// Starts the blocks that waited long enough.
pub(crate) async fn keep_gathering(node: Rc<Node>) {
    loop {
        node.gathering.notified().await;
        let deadline = node.gather.borrow().deadline();
        if let Some(deadline) = deadline {
            sleep_until(node.clock.instant(deadline)).await;
            node.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KIB: usize = 1 << 10;

    /// Blocks of so many bytes, one each millisecond; and when the next one is due.
    fn flow(bytes: usize) -> (Gather, Tick) {
        let mut gather = Gather::default();
        let mut now = Tick(0);
        for _ in 0..100 {
            now = now.after(Duration::from_millis(1));
            gather.took(bytes, 0, now);
        }
        (gather, now.after(Duration::from_millis(1)))
    }

    #[test]
    fn a_fast_flow_waits_until_enough_is_there_or_the_time_is_over() {
        let (mut gather, now) = flow(240 * KIB);
        assert!(gather.holds(120 * KIB, true, now));
        assert!(gather.holds(360 * KIB, true, now));
        assert!(!gather.holds(GATHER_BYTES, true, now), "enough");
        let end = gather.deadline().expect("something waits");
        assert_eq!(end, now.after(GATHER_TIME));
        assert!(!gather.holds(500 * KIB, true, end), "long enough");
    }

    #[test]
    fn nothing_waits_where_no_client_sends_on() {
        let (mut gather, now) = flow(240 * KIB);
        assert!(!gather.holds(120 * KIB, false, now));
    }

    #[test]
    fn a_slow_flow_does_not_wait_nor_do_a_few_large_requests_at_once() {
        let (mut gather, now) = flow(100 * KIB);
        assert!(!gather.holds(100 * KIB, true, now));
        gather.took(400 * KIB, 0, now);
        assert!(!gather.holds(100 * KIB, true, now));
    }

    #[test]
    fn what_a_block_left_waits_from_then_on() {
        let (mut gather, now) = flow(240 * KIB);
        assert!(gather.holds(120 * KIB, true, now));
        let later = now.after(Duration::from_micros(200));
        gather.took(0, 120 * KIB, later);
        assert_eq!(gather.deadline(), Some(now.after(GATHER_TIME)));
        gather.took(100 * KIB, 20 * KIB, later);
        assert_eq!(gather.deadline(), Some(later.after(GATHER_TIME)));
    }
}
