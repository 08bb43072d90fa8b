//! How slow a peer may be: a request that has begun, and an answer that leaves, has to get on.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::TRANSFER_BYTES_PER_SECOND_MIN;

/// A transfer under way. It ends when nothing moves for its patience, and when all in all it was
/// slower than the least rate, of which its patience at the beginning is excepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    began: Instant,
    moved: Instant,
    bytes: u64,
    patience: Duration,
}

impl Pace {
    pub(crate) fn begin(patience: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            moved: began,
            bytes: 0,
            patience,
        }
    }

    /// Takes note of bytes that came or went.
    pub(crate) fn on_moved(&mut self, bytes: usize) {
        self.moved = Instant::now();
        self.bytes += u64::try_from(bytes).expect("a length fits 64 bits");
    }

    /// When it is too slow; none if its patience is beyond all time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let earned = Duration::from_millis(self.bytes * 1000 / TRANSFER_BYTES_PER_SECOND_MIN);
        let by_rate = self.began.checked_add(self.patience + earned)?;
        Some(by_rate.min(self.moved.checked_add(self.patience)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn later(pace: &mut Pace, after: Duration, bytes: u64) {
        pace.moved = pace.began + after;
        pace.bytes += bytes;
    }

    #[test]
    fn a_byte_now_and_then_is_not_enough() {
        let mut pace = Pace::begin(PATIENCE);
        assert_eq!(pace.deadline(), Some(pace.began + PATIENCE));
        for second in (0..60).step_by(10) {
            later(&mut pace, Duration::from_secs(second), 1);
        }
        let end = pace.deadline().unwrap();
        assert!(end < pace.began + PATIENCE + Duration::from_secs(1));
    }

    #[test]
    fn what_moves_at_the_least_rate_goes_on() {
        let mut pace = Pace::begin(PATIENCE);
        for second in 1..1000 {
            later(
                &mut pace,
                Duration::from_secs(second),
                TRANSFER_BYTES_PER_SECOND_MIN,
            );
            assert!(pace.deadline().unwrap() > pace.moved);
        }
    }

    #[test]
    fn what_stands_still_ends_however_fast_it_was() {
        let mut pace = Pace::begin(PATIENCE);
        later(&mut pace, Duration::from_secs(1), 100 << 20);
        assert_eq!(pace.deadline(), Some(pace.moved + PATIENCE));
    }
}
