//! I1 to I5: what is where, and whether it may be.

use std::collections::BTreeMap;

use super::view::{Send, Sight, Topic, View};
use super::{Broken, Invariant, OperationId, Outcome, Partition};

pub(super) fn check(view: &View<'_>, broken: &mut Vec<Broken>) {
    for (partition, topic) in &view.partitions {
        let sights = topic.sights();
        agreement(partition, &sights, broken);
        let senders = Senders::of(topic);
        uniqueness(partition, &sights, &senders, broken);
        phantoms(partition, &sights, &senders, broken);
        lost(partition, topic, broken);
    }
}

/// Who sent which record, and where in the batch it was.
struct Senders<'h>(BTreeMap<&'h str, Vec<(&'h Send<'h>, u64)>>);

impl<'h> Senders<'h> {
    fn of(topic: &'h Topic<'h>) -> Self {
        let mut by_value: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for send in &topic.sends {
            for sent in send.records {
                by_value
                    .entry(sent.value.as_str())
                    .or_default()
                    .push((send, sent.body));
            }
        }
        Self(by_value)
    }

    fn of_value(&self, value: &str) -> &[(&'h Send<'h>, u64)] {
        self.0.get(value).map_or(&[], Vec::as_slice)
    }
}

fn agreement(partition: &Partition, sights: &[Sight<'_>], broken: &mut Vec<Broken>) {
    let mut first: BTreeMap<i64, &Sight<'_>> = BTreeMap::new();
    for sight in sights {
        let before = first.entry(sight.offset).or_insert(sight);
        if before.value != sight.value {
            let seen = format!(
                "{partition} offset {} holds {} and {}",
                sight.offset, before.value, sight.value
            );
            let operations = [before.id, sight.id];
            broken.push(Broken::new(Invariant::OffsetAgreement, seen, operations));
            return;
        }
    }
}

fn uniqueness(
    partition: &Partition,
    sights: &[Sight<'_>],
    senders: &Senders<'_>,
    broken: &mut Vec<Broken>,
) {
    let mut places: BTreeMap<&str, BTreeMap<i64, OperationId>> = BTreeMap::new();
    for sight in sights {
        let of = places.entry(sight.value).or_default();
        of.entry(sight.offset).or_insert(sight.id);
    }
    for (value, offsets) in places {
        let sends = senders.of_value(value);
        let is_idempotent = sends.iter().any(|(send, _)| send.producer.is_some());
        let attempts = sends
            .iter()
            .filter(|(send, _)| *send.outcome != Outcome::Failed);
        let most = if is_idempotent {
            1
        } else {
            attempts.count().max(1)
        };
        if offsets.len() > most {
            let at: Vec<String> = offsets.keys().map(ToString::to_string).collect();
            let seen = format!(
                "{partition}: {value}, sent {} times, is at {}",
                sends.len(),
                at.join(" and ")
            );
            let operations = offsets.into_values().take(most + 1);
            broken.push(Broken::new(Invariant::Uniqueness, seen, operations));
        }
    }
}

fn phantoms(
    partition: &Partition,
    sights: &[Sight<'_>],
    senders: &Senders<'_>,
    broken: &mut Vec<Broken>,
) {
    let reads = sights.iter().filter_map(|sight| Some((sight, sight.read?)));
    for (sight, read) in reads {
        let (value, offset) = (sight.value, sight.offset);
        let sends = senders.of_value(value);
        let Some((first, body)) = sends.iter().min_by_key(|(send, _)| send.operation.invoked)
        else {
            let seen = format!("{partition} offset {offset}: nobody sent {value} there");
            broken.push(Broken::new(Invariant::NoPhantom, seen, [sight.id]));
            continue;
        };
        if *body != read.body {
            let seen = format!("{partition} offset {offset}: {value} came back with other bytes");
            let operations = [first.id, sight.id];
            broken.push(Broken::new(Invariant::NoPhantom, seen, operations));
        }
        if sight.operation.precedes(first.operation) {
            let seen = format!("{partition} offset {offset}: {value} was read before it was sent");
            let operations = [first.id, sight.id];
            broken.push(Broken::new(Invariant::NoPhantom, seen, operations));
        }
        if sends
            .iter()
            .all(|(send, _)| *send.outcome == Outcome::Failed)
        {
            let seen = format!("{partition} offset {offset}: {value} was refused for good");
            let operations = [first.id, sight.id];
            broken.push(Broken::new(Invariant::NoFailedRead, seen, operations));
        }
    }
}

/// What was acknowledged must be in the last look at everything.
fn lost(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    let Some(drain) = topic.drain() else {
        return;
    };
    let there: BTreeMap<i64, &str> = drain
        .place
        .records
        .iter()
        .map(|record| (record.offset, record.value.as_str()))
        .collect();
    let deleted = topic.deleted_below(drain.operation.invoked);
    for send in topic.sends.iter().filter(|send| send.kept) {
        let base = send.outcome.ok().copied().unwrap_or_default();
        let gone = (base..).zip(send.records).find(|(offset, sent)| {
            // Another record at its offset is the business of I1.
            *offset >= deleted && !there.contains_key(offset) && !sent.value.is_empty()
        });
        if let Some((offset, sent)) = gone {
            let seen = format!(
                "{partition} offset {offset}: {} was acknowledged; at the end the log is {}..{}, deleted below {deleted}",
                sent.value, drain.place.log_start, drain.place.high_watermark
            );
            let operations = [send.id, drain.id];
            broken.push(Broken::new(Invariant::NoLostWrite, seen, operations));
        }
    }
}
