//! Medians and how sure they are.

/// Resamples of the bootstrap: enough for steady ends of a 95 % interval.
const RESAMPLES: usize = 2000;

/// A median with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) median: f64,
    /// 95 % of the medians of resampled values lie between these.
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The median; 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.get(middle) {
        None => 0.0,
        Some(upper) if sorted.len() % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[middle - 1], *upper),
    }
}

/// Median and 95 % bootstrap interval. The same values give the same interval.
pub(super) fn estimate(values: &[f64]) -> Estimate {
    let mut random = Xorshift(0x9E37_79B9_7F4A_7C15);
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let resample: Vec<f64> = values
                .iter()
                .map(|_| values[random.below(values.len())])
                .collect();
            median(&resample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    Estimate {
        median: median(values),
        low: medians[RESAMPLES * 25 / 1000],
        high: medians[RESAMPLES * 975 / 1000],
    }
}

struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let drawn = usize::try_from(self.0 >> 33).expect("31 bits fit a usize");
        drawn % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (values, expected) in [
            (vec![3.0, 1.0, 2.0], 2.0),
            (vec![4.0, 1.0, 3.0, 2.0], 2.5),
            (vec![], 0.0),
        ] {
            assert!((median(&values) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn the_interval_holds_the_median_and_shrinks_with_the_spread() {
        let wide = estimate(&[0.5, 0.8, 1.0, 1.3, 2.0]);
        let narrow = estimate(&[0.98, 0.99, 1.0, 1.01, 1.02]);
        for one in [wide, narrow] {
            assert!(one.low <= one.median && one.median <= one.high, "{one:?}");
        }
        assert!(narrow.high - narrow.low < wide.high - wide.low);
    }
}
