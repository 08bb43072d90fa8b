//! Where each leader epoch begins: what tells a client or a follower that its log was cut (KIP-101,
//! KIP-320).

use thalweg_model::{LeaderEpoch, Offset};

/// The end of an epoch, as OffsetForLeaderEpoch answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The highest known epoch that is not above the one asked for.
    pub epoch: LeaderEpoch,
    /// The first offset that is not of it: the start of the next epoch, or the log's end.
    pub end: Offset,
}

/// An epoch and its first offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its first offset.
    pub start: Offset,
}

/// The epochs of one log, both epochs and offsets growing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    starts: Vec<EpochStart>,
}

impl LeaderEpochs {
    /// Epochs that were saved; what is out of order is dropped.
    #[must_use]
    pub fn restore(starts: &[EpochStart]) -> Self {
        let mut epochs = Self::default();
        for start in starts {
            epochs.assign(start.epoch, start.start);
        }
        epochs
    }

    /// The epochs in order.
    #[must_use]
    pub fn starts(&self) -> &[EpochStart] {
        &self.starts
    }

    /// The highest epoch.
    #[must_use]
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.starts.last().map(|last| last.epoch)
    }

    /// Notes that `epoch` begins at `start`, unless it is known already. An epoch that begins no
    /// earlier left no record and is forgotten. Returns whether anything changed.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if self.latest().is_some_and(|latest| latest >= epoch) {
            return false;
        }
        while self.starts.last().is_some_and(|last| last.start >= start) {
            self.starts.pop();
        }
        self.starts.push(EpochStart { epoch, start });
        true
    }

    /// The epoch of the record at `offset`.
    #[must_use]
    pub fn at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let later = self.starts.partition_point(|start| start.start <= offset);
        Some(self.starts[later.checked_sub(1)?].epoch)
    }

    /// The end of `epoch`; `None` if it is above all that are known.
    #[must_use]
    pub fn end_of(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        let latest = self.latest()?;
        if epoch == latest {
            return Some(EpochEnd {
                epoch,
                end: log_end,
            });
        }
        let later = self.starts.partition_point(|start| start.epoch <= epoch);
        let next = self.starts.get(later)?;
        let floor = match later.checked_sub(1) {
            Some(floor) => self.starts[floor].epoch,
            None => epoch,
        };
        Some(EpochEnd {
            epoch: floor,
            end: next.start,
        })
    }

    /// Forgets the epochs that begin at `end` or after it.
    pub fn cut_end(&mut self, end: Offset) {
        self.starts.retain(|start| start.start < end);
    }

    /// Moves the log's start: the epoch that it lies in begins there, earlier ones are forgotten.
    pub fn cut_start(&mut self, log_start: Offset) {
        let below = self
            .starts
            .partition_point(|start| start.start <= log_start);
        if let Some(floor) = below.checked_sub(1) {
            self.starts.drain(..floor);
            self.starts[0].start = log_start;
        }
    }

    /// The text of Kafka's `leader-epoch-checkpoint`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("0\n{}\n", self.starts.len());
        for EpochStart { epoch, start } in &self.starts {
            text.push_str(&format!("{epoch} {start}\n"));
        }
        text
    }

    /// Reads that text; `None` if it is not of the format.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()?.trim() != "0" {
            return None;
        }
        let count: usize = lines.next()?.trim().parse().ok()?;
        let entries = || lines.clone().take(count).map(entry);
        // Looked at once before anything is kept: what a damaged file announces takes no memory.
        let (mut found, mut before) = (0, None);
        for entry in entries() {
            let entry = entry?;
            let grows = |last: EpochStart| last.epoch < entry.epoch && last.start < entry.start;
            if !before.is_none_or(grows) {
                return None;
            }
            before = Some(entry);
            found += 1;
        }
        let mut starts = Vec::with_capacity(found);
        starts.extend(entries().flatten());
        (found == count).then_some(Self { starts })
    }
}

/// One line: an epoch and its first offset.
fn entry(line: &str) -> Option<EpochStart> {
    let (epoch, start) = line.trim().split_once(' ')?;
    Some(EpochStart {
        epoch: LeaderEpoch::from_wire(epoch.parse().ok()?)?,
        start: Offset::from_wire(start.parse().ok()?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(value: i32) -> LeaderEpoch {
        LeaderEpoch::from_wire(value).unwrap()
    }

    fn sample() -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (e, start) in [(2, 10), (4, 20), (7, 30)] {
            assert!(epochs.assign(epoch(e), Offset::new(start)));
        }
        epochs
    }

    fn end(epochs: &LeaderEpochs, of: i32) -> Option<(i32, i64)> {
        epochs
            .end_of(epoch(of), Offset::new(35))
            .map(|found| (found.epoch.value(), found.end.value()))
    }

    #[test]
    fn the_end_of_an_epoch_is_the_start_of_the_next() {
        let epochs = sample();
        assert_eq!(end(&epochs, 7), Some((7, 35)));
        assert_eq!(end(&epochs, 4), Some((4, 30)));
        assert_eq!(end(&epochs, 5), Some((4, 30)), "the epoch below answers");
        assert_eq!(
            end(&epochs, 1),
            Some((1, 10)),
            "before all: the first start"
        );
        assert_eq!(end(&epochs, 8), None, "an epoch of the future is unknown");
        assert_eq!(end(&LeaderEpochs::default(), 0), None);
    }

    #[test]
    fn an_epoch_without_records_is_forgotten_and_old_ones_never_return() {
        let mut epochs = sample();
        assert!(epochs.assign(epoch(8), Offset::new(40)));
        assert!(epochs.assign(epoch(9), Offset::new(40)));
        assert!(!epochs.assign(epoch(9), Offset::new(50)));
        assert!(!epochs.assign(epoch(3), Offset::new(60)));
        let all: Vec<_> = epochs.starts().iter().map(|s| s.epoch.value()).collect();
        assert_eq!(all, [2, 4, 7, 9]);
    }

    #[test]
    fn cutting_keeps_what_is_in_between() {
        let mut epochs = sample();
        epochs.cut_end(Offset::new(30));
        assert_eq!(epochs.latest(), Some(epoch(4)));
        epochs.cut_start(Offset::new(15));
        assert_eq!(epochs.starts()[0].start, Offset::new(15));
        assert_eq!(epochs.at(Offset::new(15)), Some(epoch(2)));
        epochs.cut_start(Offset::new(25));
        assert_eq!(epochs.starts().len(), 1);
        assert_eq!(epochs.at(Offset::new(26)), Some(epoch(4)));
        assert_eq!(epochs.at(Offset::new(24)), None);
    }

    #[test]
    fn the_text_is_kafkas() {
        let text = sample().to_text();
        assert_eq!(text, "0\n3\n2 10\n4 20\n7 30\n");
        assert_eq!(LeaderEpochs::from_text(&text), Some(sample()));
        for bad in [
            "",
            "1\n0\n",
            "0\n2\n2 10\n",
            "0\n1\n2 -1\n",
            "0\n2\n4 1\n2 3\n",
        ] {
            assert_eq!(LeaderEpochs::from_text(bad), None, "{bad:?}");
        }
    }
}
