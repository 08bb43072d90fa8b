//! `kill -9` under load: nothing acknowledged is missing, offsets and bytes are unchanged, and a
//! group goes on where it was, with nothing skipped.
//!
//! `THALWEG_KILL_ROUNDS` sets how often (10 unless set), `THALWEG_KILL_SEED` the dice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crate::harness::{Broker, Client, Dice, becomes_within, setting};
use crate::history::{REQUEST_TIMED_OUT, Recorder};
use crate::member::{Member, committed, reads_on};
use thalweg_model::batch::ProducerStamp;
use thalweg_model::{ProducerEpoch, ProducerId};

const PARTITIONS: i32 = 4;
const TOPIC: &str = "killed";
const GROUP: &str = "survivors";
const MEMBERS: usize = 2;

/// Records of a partition that are looked at in every round: more than several rounds write.
const NEWEST: i64 = 5_000;

/// A record that was acknowledged: where it is and what it holds.
type Acked = ((i32, i64), Vec<u8>);

/// Produces until the broker is gone; reports what was acknowledged. Values never repeat.
fn produce(port: u16, (producer, round): (u64, u64), acked: &Sender<Acked>, recorder: &Recorder) {
    let Ok(mut client) = Client::connect(port) else {
        return;
    };
    let id = if producer.is_multiple_of(2) {
        client.new_producer().ok()
    } else {
        None
    };
    let mut sequences = BTreeMap::new();
    for n in 0.. {
        let partition = i32::try_from(n % u64::try_from(PARTITIONS).unwrap()).unwrap();
        let count = n % 5 + 1;
        let values: Vec<_> = (0..count)
            .map(|k| format!("{producer}/{round}/{n}/{k} {}", "x".repeat(500)).into_bytes())
            .collect();
        let base_sequence: &mut i32 = sequences.entry(partition).or_default();
        let stamp = id.map(|id| ProducerStamp {
            id: ProducerId(id),
            epoch: ProducerEpoch(0),
            base_sequence: *base_sequence,
        });
        match recorder.produce(&mut client, (TOPIC, partition), &values, stamp) {
            Ok((0, base)) => {
                *base_sequence += i32::try_from(count).unwrap();
                for (offset, value) in (base..).zip(values) {
                    acked.send(((partition, offset), value)).unwrap();
                }
            }
            // The machine stood still for ten seconds.
            Ok((REQUEST_TIMED_OUT, _)) => return,
            Ok((code, _)) => panic!("error {code} while the broker ran"),
            Err(_killed) => return,
        }
    }
}

/// What has to be true of the topic and the group.
#[derive(Default)]
struct Expected {
    records: BTreeMap<(i32, i64), Vec<u8>>,
    /// The highest acknowledged commit of each partition.
    committed: BTreeMap<i32, i64>,
    /// Highest offset read by the group, without a gap below it.
    read: BTreeMap<i32, i64>,
}

/// Three producers and the group's members work until the broker is killed.
fn work_until_killed(
    broker: Broker,
    members: &mut [Member],
    round: u64,
    pause: Duration,
    recorder: &Recorder,
) -> (PathBuf, Vec<Acked>) {
    let (sender, receiver) = channel();
    let port = broker.port;
    let data = thread::scope(|scope| {
        for producer in 0..3 {
            let sender = sender.clone();
            scope.spawn(move || produce(port, (producer, round), &sender, recorder));
        }
        drop(sender);
        for member in members {
            scope.spawn(move || member.take_part(port, |_| false));
        }
        thread::sleep(pause);
        broker.kill().0
    });
    (data, receiver.iter().collect())
}

#[test]
fn nothing_acknowledged_is_lost_or_changed_by_kill_nine() {
    let rounds = setting("THALWEG_KILL_ROUNDS", 10);
    let mut dice = Dice(setting("THALWEG_KILL_SEED", 1));
    let dir = tempfile::tempdir().unwrap();
    let overrides = [
        &format!("num.partitions={PARTITIONS}"),
        "group.min.session.timeout.ms=100",
        "group.initial.rebalance.delay.ms=0",
    ];
    let mut broker = Broker::start_with(dir.path(), &overrides);
    let port = broker.port;
    broker.connect().create(TOPIC).unwrap();
    let recorder = Arc::new(Recorder::new());
    let mut expected = Expected::default();
    let mut members: Vec<_> = (0..MEMBERS)
        .map(|_| Member::new(GROUP, TOPIC, PARTITIONS).recorded(&recorder))
        .collect();
    let mut ready_ms = Vec::new();
    for round in 0..rounds {
        let pause = Duration::from_millis(20 + dice.roll(200));
        let (data, acked) = work_until_killed(broker, &mut members, round, pause, &recorder);
        for (place, value) in acked {
            let before = expected.records.insert(place, value);
            assert!(before.is_none(), "an offset was given twice: {place:?}");
        }
        broker = Broker::start_on(&data, port, &overrides).unwrap();
        ready_ms.push(broker.ready_ms);
        check(&broker, &mut expected.records, round, &recorder);
        check_group(&broker, &mut members, &mut expected, (round, &recorder));
    }
    let (joins, resumed) = finish(&broker, &mut members, &mut expected, &recorder);
    for partition in 0..PARTITIONS {
        recorder.drain(&mut broker.connect(), (TOPIC, partition));
    }
    let operations = recorder.assert_good();
    // A busy machine may leave a round without one.
    assert!(expected.records.len() > usize::try_from(rounds).unwrap());
    ready_ms.sort_unstable();
    println!(
        "{rounds} kills, {} records, {operations} operations, restart {} ms in the middle, {} ms at most; {joins} joins, \
         {resumed} times a member went on in its place",
        expected.records.len(),
        ready_ms[ready_ms.len() / 2],
        ready_ms[ready_ms.len() - 1],
    );
    assert!(resumed > 0, "a group outlives the broker");
}

/// The group reads the rest; how often members joined, and went on without joining again.
fn finish(
    broker: &Broker,
    members: &mut [Member],
    expected: &mut Expected,
    recorder: &Recorder,
) -> (u64, u64) {
    let port = broker.port;
    let position = || position(broker, recorder);
    let last = |partition| {
        let records = expected.records.range((partition, 0)..(partition + 1, 0));
        records.last().map_or(0, |((_, offset), _)| offset + 1)
    };
    let end: BTreeMap<i32, i64> = (0..PARTITIONS).map(|p| (p, last(p))).collect();
    let done = AtomicBool::new(false);
    let reached = thread::scope(|scope| {
        for member in &mut *members {
            let done = &done;
            scope.spawn(move || member.take_part(port, |_| done.load(Ordering::Relaxed)));
        }
        let mut reached = position();
        // However long it takes, as long as it gets on: a member that is thought dead is waited for twice, for a session
        // and for a rebalance of 6 s each.
        let patience = Duration::from_secs(30);
        while reached != end && becomes_within(patience, || position() != reached) {
            reached = position();
        }
        done.store(true, Ordering::Relaxed);
        reached
    });
    assert_eq!(reached, end, "the group comes to the end");
    check_group(broker, members, expected, (u64::MAX, recorder));
    for (partition, offset) in expected.records.keys() {
        assert!(expected.read[partition] > *offset, "{partition}/{offset}");
    }
    let sum = |what: fn(&Member) -> u64| members.iter().map(what).sum();
    (sum(|m| m.seen.joins), sum(|m| m.seen.resumed))
}

fn position(broker: &Broker, recorder: &Recorder) -> BTreeMap<i32, i64> {
    let ask = || committed(&mut broker.connect(), GROUP, TOPIC, PARTITIONS);
    reads_on(recorder.committed((GROUP, TOPIC), ask).unwrap())
}

/// What a member committed is there and not older, nobody else moved it, what the group read are
/// the records that are there, and it skipped none.
fn check_group(
    broker: &Broker,
    members: &mut [Member],
    expected: &mut Expected,
    (round, recorder): (u64, &Recorder),
) {
    let mut highest_sent = expected.committed.clone();
    let mut read: BTreeMap<(i32, i64), Vec<u8>> = BTreeMap::new();
    for member in members {
        for (&partition, &offset) in &member.seen.acknowledged {
            let known = expected.committed.entry(partition).or_default();
            *known = offset.max(*known);
        }
        for (&partition, &offset) in &member.seen.sent {
            let known = highest_sent.entry(partition).or_default();
            *known = offset.max(*known);
        }
        read.extend(member.seen.read.drain(..));
    }
    for ((partition, offset), value) in read {
        let there = expected.records.get(&(partition, offset));
        assert_eq!(there, Some(&value), "round {round}: {partition}/{offset}");
        let next = expected.read.entry(partition).or_default();
        assert!(
            offset <= *next,
            "round {round}: {next} of {partition} is skipped"
        );
        *next = (offset + 1).max(*next);
    }
    for (partition, offset) in position(broker, recorder) {
        let acknowledged = expected.committed.get(&partition).copied().unwrap_or(0);
        let sent = highest_sent.get(&partition).copied().unwrap_or(0);
        assert!(
            (acknowledged..=sent.max(acknowledged)).contains(&offset),
            "round {round}: {partition} is at {offset}, committed were {acknowledged}, sent {sent}"
        );
        // What was told once holds from now on.
        expected.committed.insert(partition, offset);
    }
}

/// Every acknowledged record is where it was, and what else is there stays from now on. Of many rounds few look at all that
/// was ever there, the others at what is newest.
fn check(
    broker: &Broker,
    expected: &mut BTreeMap<(i32, i64), Vec<u8>>,
    round: u64,
    recorder: &Recorder,
) {
    let mut client = broker.connect();
    for partition in 0..PARTITIONS {
        let mut known = expected.range((partition, 0)..(partition + 1, 0));
        let end = known.next_back().map_or(0, |((_, offset), _)| offset + 1);
        let looks_at_all = round < 50 || round.is_multiple_of(50);
        let from = if looks_at_all {
            0
        } else {
            (end - NEWEST).max(0)
        };
        let found = if round.is_power_of_two() {
            let reader = format!("reader/{round}");
            let mut all = recorder.read_all(&mut client, (TOPIC, partition), &reader);
            all.retain(|(offset, _)| *offset >= from);
            all
        } else {
            client.read_from(TOPIC, partition, from).unwrap()
        };
        let found: BTreeMap<_, _> = found.into_iter().collect();
        assert!(
            found
                .keys()
                .copied()
                .eq(from..from + i64::try_from(found.len()).unwrap()),
            "round {round}: offsets of partition {partition} are dense"
        );
        for ((_, offset), value) in expected.range((partition, from)..(partition + 1, 0)) {
            assert_eq!(
                found.get(offset),
                Some(value),
                "round {round}: {partition}/{offset}"
            );
        }
        // What was served once may have been consumed: it must not change either.
        expected.extend(
            found
                .into_iter()
                .map(|(offset, value)| ((partition, offset), value)),
        );
    }
}
