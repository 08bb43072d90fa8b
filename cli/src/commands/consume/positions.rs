//! How far each partition has been read, and where reading ends.

use std::collections::BTreeMap;

use thalweg_model::batch::Record;

/// The place of one partition's reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The offset that comes next.
    pub(super) next: i64,
    /// The offset at which to end; none to go on for ever.
    pub(super) stop: Option<i64>,
}

/// The places of all partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions(BTreeMap<i32, Position>);

impl Positions {
    /// Begins at these offsets.
    pub(super) fn new(positions: impl IntoIterator<Item = (i32, Position)>) -> Self {
        Self(positions.into_iter().collect())
    }

    /// Partitions that have not reached their end.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = i32> + '_ {
        let unfinished = self
            .0
            .iter()
            .filter(|(_, position)| !position.is_finished());
        unfinished.map(|(partition, _)| *partition)
    }

    /// The place of one partition.
    pub(super) fn get(&self, partition: i32) -> Option<Position> {
        self.0.get(&partition).copied()
    }

    /// The next offsets, as a group commits them.
    pub(super) fn offsets(&self) -> BTreeMap<i32, i64> {
        let next = |(partition, position): (&i32, &Position)| (*partition, position.next);
        self.0.iter().map(next).collect()
    }

    /// Whether this record is to be shown: batches may begin before the place and end behind the end.
    pub(super) fn wants(&self, partition: i32, record: &Record<'_>) -> bool {
        self.get(partition).is_some_and(|position| {
            let offset = record.offset.value();
            offset >= position.next && position.stop.is_none_or(|stop| offset < stop)
        })
    }

    /// Goes on to an offset; never back.
    pub(super) fn advance(&mut self, partition: i32, next: i64) {
        if let Some(position) = self.0.get_mut(&partition) {
            position.next = position.next.max(next);
        }
    }

    /// Goes to an offset, back too: the one expected is not kept.
    pub(super) fn reset(&mut self, partition: i32, next: i64) {
        if let Some(position) = self.0.get_mut(&partition) {
            position.next = next;
        }
    }
}

impl Position {
    fn is_finished(&self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord};
    use thalweg_model::{LeaderEpoch, Offset, Timestamp};

    #[test]
    fn records_outside_of_place_and_end_are_left_out() {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for _ in 0..6 {
            builder.push(&NewRecord {
                timestamp: Timestamp(0),
                key: None,
                value: None,
                headers: &[],
            });
        }
        let batch = builder.finish().unwrap();
        let batch = batch.assign(Offset::new(10), LeaderEpoch::ZERO);
        let position = Position {
            next: 12,
            stop: Some(14),
        };
        let mut positions = Positions::new([(0, position)]);
        let unpacked = batch.unpack().unwrap();
        let wanted: Vec<i64> = unpacked
            .records()
            .map(Result::unwrap)
            .filter(|record| positions.wants(0, record))
            .map(|record| record.offset.value())
            .collect();
        assert_eq!(wanted, [12, 13]);
        assert_eq!(positions.unfinished().collect::<Vec<_>>(), [0]);
        positions.advance(0, 16);
        positions.advance(0, 3);
        assert_eq!(positions.offsets(), BTreeMap::from([(0, 16)]));
        assert_eq!(positions.unfinished().count(), 0);
    }
}
