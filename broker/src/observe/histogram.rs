//! A distribution in fixed buckets: two for each power of two, so that a bound is at most half as much
//! again as the one before it.

use std::cell::Cell;
use std::time::Duration;

use super::counter::Counter;

/// Buckets with a bound: up to 2^26, which is 67 s in microseconds and 64 MiB in bytes.
const BUCKETS: usize = 52;

/// How often values fell into each bucket. One thread records: a bucket is found by the position of
/// the highest bit, and recording is three additions.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// The last one is for what is beyond all bounds.
    buckets: [Cell<u64>; BUCKETS + 1],
    sum: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [const { Cell::new(0) }; BUCKETS + 1],
            sum: Counter::default(),
        }
    }
}

impl Histogram {
    /// Records a number.
    pub(crate) fn record(&self, value: u64) {
        let bucket = &self.buckets[bucket(value)];
        bucket.set(bucket.get() + 1);
        self.sum.add(value);
    }

    /// Records the length of something in memory.
    pub(crate) fn record_len(&self, value: usize) {
        self.record(u64::try_from(value).unwrap_or(u64::MAX));
    }

    /// Records a time in microseconds.
    pub(crate) fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many values were recorded.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(Cell::get).sum()
    }

    /// The sum of all values.
    pub(crate) fn sum(&self) -> u64 {
        self.sum.get()
    }

    /// The bounds, each with the number of values up to it; the last has none and counts all.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let mut so_far = 0;
        self.buckets.iter().enumerate().map(move |(at, bucket)| {
            so_far += bucket.get();
            ((at < BUCKETS).then(|| bound(at)), so_far)
        })
    }
}

/// The first bucket whose bound is not below the value.
fn bucket(value: u64) -> usize {
    let below = value.saturating_sub(1);
    if below < 2 {
        return usize::from(below == 1);
    }
    let power = below.ilog2();
    let upper_half = (below >> (power - 1)) & 1 == 1;
    // At most twice 63 and one.
    let at = usize::try_from(2 * power).unwrap_or(BUCKETS) + usize::from(upper_half);
    at.min(BUCKETS)
}

/// The largest value of a bucket.
fn bound(at: usize) -> u64 {
    match (at, at / 2, at % 2) {
        (0 | 1, ..) => [1, 2][at],
        (_, power, 0) => 3 << (power - 1),
        (_, power, _) => 2 << power,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_by_at_most_a_half_above_the_first_ones() {
        let bounds: Vec<u64> = (0..BUCKETS).map(bound).collect();
        assert_eq!(bounds[..8], [1, 2, 3, 4, 6, 8, 12, 16]);
        assert_eq!(bounds[BUCKETS - 1], 1 << 26);
        for pair in bounds[2..].windows(2) {
            assert!(pair[0] < pair[1] && pair[1] * 2 <= pair[0] * 3, "{pair:?}");
        }
    }

    #[test]
    fn a_value_falls_into_the_first_bucket_that_holds_it() {
        for value in (0..5_000).chain([(1 << 26) - 1, 1 << 26]) {
            let at = bucket(value);
            assert!(value <= bound(at), "{value}");
            assert!(at == 0 || value > bound(at - 1), "{value}");
        }
        for value in [(1 << 26) + 1, u64::MAX] {
            assert_eq!(bucket(value), BUCKETS);
        }
    }

    #[test]
    fn counts_are_cumulative_and_the_last_has_all() {
        let histogram = Histogram::default();
        histogram.record(2);
        histogram.record_time(Duration::from_micros(5));
        histogram.record_time(Duration::from_secs(100));
        let all: Vec<_> = histogram.cumulative().collect();
        assert_eq!(all[0], (Some(1), 0));
        assert_eq!(all[1], (Some(2), 1));
        assert_eq!(all[4], (Some(6), 2));
        assert_eq!(all.last(), Some(&(None, 3)));
        assert_eq!((histogram.count(), histogram.sum()), (3, 100_000_007));
    }
}
