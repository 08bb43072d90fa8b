//! I26: answers about offsets against what is read.

use super::view::{Lookup, Topic, View};
use super::{Broken, Invariant, Partition};

pub(super) fn check(view: &View<'_>, broken: &mut Vec<Broken>) {
    for (partition, topic) in &view.partitions {
        earliest(partition, topic, broken);
        latest(partition, topic, broken);
        by_time(partition, topic, broken);
    }
}

/// The first offset never falls, is never beyond what is read later, and moves only by deletion.
fn earliest(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    for (id, operation, first) in &topic.earliest {
        let deleted = topic.deleted_below(operation.returned.unwrap_or(u64::MAX));
        if *first > deleted {
            let seen = format!("{partition}: the first offset is {first}, deleted below {deleted}");
            broken.push(Broken::new(Invariant::OffsetLookup, seen, [*id]));
        }
        let before = topic.reads.iter().find(|read| {
            let start = read.place.log_start;
            operation.precedes(read.operation) && start < *first
        });
        if let Some(read) = before {
            let seen = format!(
                "{partition}: the first offset was {first}, and later the log began at {}",
                read.place.log_start
            );
            broken.push(Broken::new(Invariant::OffsetLookup, seen, [*id, read.id]));
        }
        let later = topic.reads.iter().find(|read| {
            let start = read.place.log_start;
            read.operation.precedes(operation) && *first < start
        });
        if let Some(read) = later {
            let seen = format!(
                "{partition}: the first offset is {first}, and before the log began at {}",
                read.place.log_start
            );
            broken.push(Broken::new(Invariant::OffsetLookup, seen, [*id, read.id]));
        }
    }
}

/// What was read before is below the last offset.
fn latest(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    for (id, operation, last) in &topic.latest {
        let beyond = topic
            .sights()
            .into_iter()
            .find(|sight| sight.operation.precedes(operation) && sight.offset >= *last);
        if let Some(sight) = beyond {
            let seen = format!(
                "{partition}: the last offset is {last}, and {} was there before",
                sight.offset
            );
            broken.push(Broken::new(Invariant::OffsetLookup, seen, [*id, sight.id]));
        }
    }
}

/// An offset by time is the first of those that are not older.
fn by_time(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    for lookup in &topic.by_time {
        let Lookup {
            id,
            operation,
            timestamp,
            found,
        } = lookup;
        if let Some((offset, time)) = found
            && time < timestamp
        {
            let seen =
                format!("{partition}: asked for {timestamp} or later, got {offset} of {time}");
            broken.push(Broken::new(Invariant::OffsetLookup, seen, [*id]));
            continue;
        }
        let deleted = topic.deleted_below(operation.returned.unwrap_or(u64::MAX));
        let below = found.map_or(i64::MAX, |(offset, _)| offset);
        let missed = topic.reads.iter().find_map(|read| {
            let records = read.place.records.iter();
            let mut fits = records.filter(|record| {
                record.timestamp >= *timestamp && record.offset >= deleted && record.offset < below
            });
            let record = fits.next()?;
            read.operation
                .precedes(operation)
                .then_some((read.id, record))
        });
        if let Some((read, record)) = missed {
            let seen = format!(
                "{partition}: asked for {timestamp} or later, got {found:?}, and {} of {} was there",
                record.offset, record.timestamp
            );
            broken.push(Broken::new(Invariant::OffsetLookup, seen, [*id, read]));
        }
    }
}
