//! The network between nodes: slow, lossy, doubling, cut in one direction or both.

use std::collections::BTreeSet;

use thalweg_model::BrokerId;

use crate::Random;

/// How much longer a late message may take: that of one election arrives in the next.
const LATE_TIMES: u64 = 10;

/// What messages meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    /// Messages lost, in a hundred.
    pub(crate) loss_percent: u64,
    /// Messages that arrive twice, in a hundred.
    pub(crate) twice_percent: u64,
    /// Longest way; each message takes its own time, so they overtake each other.
    pub(crate) delay_us_max: u64,
    /// Messages that take up to [`LATE_TIMES`] as long as the longest way, in a hundred.
    pub(crate) late_percent: u64,
    /// Directions in which nothing goes.
    pub(crate) cut: BTreeSet<(BrokerId, BrokerId)>,
}

impl Network {
    /// When copies of a message arrive, from now.
    pub(crate) fn arrivals(&self, from: BrokerId, to: BrokerId, random: &mut Random) -> Vec<u64> {
        let lost = random.percent(self.loss_percent);
        if lost || self.cut.contains(&(from, to)) {
            return Vec::new();
        }
        let copies = if random.percent(self.twice_percent) {
            2
        } else {
            1
        };
        (0..copies)
            .map(|_| {
                let is_late = self.late_percent > 0 && random.percent(self.late_percent);
                let times = if is_late { LATE_TIMES } else { 1 };
                random.between(50, self.delay_us_max.max(50) * times)
            })
            .collect()
    }

    /// Cuts one direction.
    pub(crate) fn cut(&mut self, from: BrokerId, to: BrokerId) {
        self.cut.insert((from, to));
    }

    /// Cuts a node off from all others.
    pub(crate) fn isolate(&mut self, node: BrokerId, all: &[BrokerId]) {
        for &other in all.iter().filter(|&&other| other != node) {
            self.cut(node, other);
            self.cut(other, node);
        }
    }

    /// Lets two halves of the nodes reach each other through one node only.
    pub(crate) fn bridge(&mut self, over: BrokerId, all: &[BrokerId]) {
        let others: Vec<_> = all.iter().copied().filter(|&id| id != over).collect();
        let (left, right) = others.split_at(others.len() / 2);
        for (&one, &other) in left
            .iter()
            .flat_map(|one| right.iter().map(move |other| (one, other)))
        {
            self.cut(one, other);
            self.cut(other, one);
        }
    }

    /// All directions work again.
    pub(crate) fn join(&mut self) {
        self.cut.clear();
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.join();
        self.loss_percent = 0;
        self.twice_percent = 0;
        self.late_percent = 0;
    }
}
