//! I6 to I8: the order of what is read, of what one producer sent, and of time.

use std::collections::BTreeMap;

use super::view::{Read, Send, Topic, View};
use super::{Broken, Invariant, Operation, OperationId, Partition};

pub(super) fn check(view: &View<'_>, broken: &mut Vec<Broken>) {
    for (partition, topic) in &view.partitions {
        polls(partition, topic, broken);
        sends(partition, topic, broken);
        real_time(partition, topic, broken);
        high_watermarks(partition, topic, broken);
    }
}

/// A consumer's polls by its session, each in the order in which they were made.
fn polls(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    let mut sessions: BTreeMap<&str, Vec<&Read<'_>>> = BTreeMap::new();
    for read in &topic.reads {
        let consumer = read.consumer.unwrap_or("");
        sessions.entry(consumer).or_default().push(read);
    }
    // Where records are known to be, and who knows it.
    let mut known: BTreeMap<i64, OperationId> = BTreeMap::new();
    for sight in topic.sights() {
        known.entry(sight.offset).or_insert(sight.id);
    }
    for (consumer, mut reads) in sessions {
        reads.sort_by_key(|read| read.operation.invoked);
        let mut before: Option<(i64, OperationId)> = None;
        for read in reads {
            if consumer.is_empty() {
                before = None;
            }
            let start = before.map_or((read.from - 1, read.id), |before| before);
            if let Some(found) = poll(partition, topic, read, start, &known) {
                broken.push(found);
                break;
            }
            before = read
                .place
                .records
                .last()
                .map(|record| (record.offset, read.id))
                .or(Some(start));
        }
    }
}

/// One poll, behind the offset that the consumer had seen last.
fn poll(
    partition: &Partition,
    topic: &Topic<'_>,
    read: &Read<'_>,
    (mut last, mut seen_by): (i64, OperationId),
    known: &BTreeMap<i64, OperationId>,
) -> Option<Broken> {
    let deleted = topic.deleted_below(read.operation.returned.unwrap_or(u64::MAX));
    let who = read.consumer.unwrap_or("the last look");
    for record in &read.place.records {
        let offset = record.offset;
        if offset <= last && offset < read.from {
            // The batch that holds the offset asked for begins before it.
            continue;
        }
        if offset <= last {
            let seen = format!("{partition}: {who} was given offset {offset} after {last}");
            return Some(Broken::new(Invariant::PollOrder, seen, [seen_by, read.id]));
        }
        let from = (last + 1).max(deleted);
        if from < offset
            && let Some((skipped, id)) = known.range(from..offset).next()
        {
            let seen = format!(
                "{partition}: {who} was given {offset} after {last}, and {skipped} is there"
            );
            let operations = [seen_by, read.id, *id];
            return Some(Broken::new(Invariant::PollOrder, seen, operations));
        }
        (last, seen_by) = (offset, read.id);
    }
    None
}

/// The batches of one idempotent producer in the order of its numbers.
fn sends(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    let seen_at: BTreeMap<&str, (i64, OperationId)> = topic
        .sights()
        .iter()
        .map(|sight| (sight.value, (sight.offset, sight.id)))
        .collect();
    let mut producers: BTreeMap<(i64, i16), BTreeMap<i64, &Send<'_>>> = BTreeMap::new();
    for send in &topic.sends {
        if let Some(producer) = send.producer {
            let of = producers.entry((producer.id, producer.epoch)).or_default();
            of.insert(producer.sequence, send);
        }
    }
    for ((id, _), by_sequence) in producers {
        let mut before: Option<(i64, i64, OperationId)> = None;
        for (sequence, send) in by_sequence {
            let first = send.records.first();
            let Some(&(offset, seen_by)) = first.and_then(|sent| seen_at.get(sent.value.as_str()))
            else {
                continue;
            };
            if let Some((earlier, at, by)) = before
                && offset <= at
            {
                let seen = format!(
                    "{partition}: producer {id} numbered {earlier} before {sequence}, and they are at {at} and {offset}"
                );
                broken.push(Broken::new(Invariant::SendOrder, seen, [by, seen_by]));
                break;
            }
            before = Some((sequence, offset, seen_by));
        }
    }
}

/// A batch that was acknowledged before another was sent is before it.
fn real_time(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    let mut acknowledged: Vec<(u64, i64, OperationId)> = Vec::new();
    let mut begun: Vec<(u64, i64, OperationId)> = Vec::new();
    for send in topic.sends.iter().filter(|send| send.kept) {
        let base = send.outcome.ok().copied().unwrap_or_default();
        begun.push((send.operation.invoked, base, send.id));
        acknowledged.extend(send.operation.returned.map(|at| (at, base, send.id)));
    }
    begun.sort_unstable();
    acknowledged.sort_unstable();
    let repeated = repeated(topic);
    let mut ended = acknowledged.iter().peekable();
    let mut highest: Option<(i64, OperationId)> = None;
    for (invoked, base, id) in begun {
        while let Some((_, offset, by)) = ended.next_if(|(returned, ..)| *returned < invoked) {
            if highest.is_none_or(|(most, _)| *offset > most) {
                highest = Some((*offset, *by));
            }
        }
        if let Some((most, by)) = highest
            && base <= most
            && !repeated.contains(&id)
        {
            let seen = format!("{partition}: {most} was acknowledged before {base} was sent");
            broken.push(Broken::new(Invariant::RealTime, seen, [by, id]));
            return;
        }
    }
}

/// Sends of records that were sent before: they may be answered with the place of the first time.
fn repeated(topic: &Topic<'_>) -> Vec<OperationId> {
    let mut by_time: Vec<&Send<'_>> = topic.sends.iter().collect();
    by_time.sort_by_key(|send| send.operation.invoked);
    let mut sent = std::collections::BTreeSet::new();
    let again = by_time.into_iter().filter(|send| {
        let fresh = send.records.iter().map(|record| sent.insert(&record.value));
        fresh.filter(|fresh| !fresh).count() > 0
    });
    again.map(|send| send.id).collect()
}

/// A high watermark that anybody was told never falls.
fn high_watermarks(partition: &Partition, topic: &Topic<'_>, broken: &mut Vec<Broken>) {
    // What each answer proves the mark to be at least, and those answers that told it exactly.
    let mut proven: Vec<(u64, i64, OperationId)> = Vec::new();
    let mut told: Vec<(u64, i64, OperationId)> = Vec::new();
    let mut tell = |operation: &Operation, mark: i64, id: OperationId| {
        told.push((operation.invoked, mark, id));
        proven.extend(operation.returned.map(|at| (at, mark, id)));
    };
    for read in &topic.reads {
        tell(read.operation, read.place.high_watermark, read.id);
    }
    for (id, operation, last) in &topic.latest {
        tell(operation, *last, *id);
    }
    for send in topic.sends.iter().filter(|send| send.kept) {
        let count = i64::try_from(send.records.len()).unwrap_or(i64::MAX);
        let end = send.outcome.ok().map_or(0, |base| base + count);
        proven.extend(send.operation.returned.map(|at| (at, end, send.id)));
    }
    told.sort_unstable();
    proven.sort_unstable();
    let mut ended = proven.iter().peekable();
    let mut highest: Option<(i64, OperationId)> = None;
    for (invoked, mark, id) in told {
        while let Some((_, proven, by)) = ended.next_if(|(returned, ..)| *returned < invoked) {
            if highest.is_none_or(|(most, _)| *proven > most) {
                highest = Some((*proven, *by));
            }
        }
        if let Some((most, by)) = highest
            && mark < most
        {
            let seen = format!("{partition}: the high watermark is {mark}, and was {most} before");
            broken.push(Broken::new(Invariant::RealTime, seen, [by, id]));
            return;
        }
    }
}
