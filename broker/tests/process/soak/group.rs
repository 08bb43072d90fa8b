//! A group whose members come, go and fall silent; what it has committed is deleted behind it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use thalweg_model::batch::ProducerStamp;
use thalweg_model::{ProducerEpoch, ProducerId};
use thalweg_wire::Str;
use thalweg_wire::messages::DeleteRecordsRequest;
use thalweg_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};

use super::{Alarm, World, answered};
use crate::harness::{Client, Dice, batch, becomes};
use crate::member::{Member, committed, reads_on};

pub(super) const TOPIC: &str = "grouped";
pub(super) const PARTITIONS: i32 = 3;
const GROUP: &str = "soaked";
const MEMBERS: usize = 4;

/// What is at an offset, since one idempotent producer writes them all.
fn value(partition: i32, offset: i64) -> Vec<u8> {
    format!("{partition}/{offset} {}", "z".repeat(200)).into_bytes()
}

/// Writes; what is at the end of each partition is told.
fn produce(world: &World, ends: &[AtomicI64]) {
    let mut id = None;
    let mut turn = 0;
    world.work(|client| {
        let id = match id {
            Some(id) => id,
            None => *id.insert(client.new_producer()?),
        };
        loop {
            let end = &ends[turn % ends.len()];
            let partition = i32::try_from(turn % ends.len()).unwrap();
            let from = end.load(Ordering::Relaxed);
            let values: Vec<_> = (from..from + 5)
                .map(|offset| value(partition, offset))
                .collect();
            let stamp = ProducerStamp {
                id: ProducerId(id),
                epoch: ProducerEpoch(0),
                base_sequence: i32::try_from(from).unwrap(),
            };
            let (code, base) = client.produce(TOPIC, partition, batch(&values, Some(stamp)))?;
            answered(code, &[0], TOPIC)?;
            assert_eq!(base, from, "each batch is taken once");
            end.store(from + 5, Ordering::Relaxed);
            turn += 1;
            // Not before: of a batch whose answer came too late nobody would know whether it is there.
            if world.is_enough() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
    });
}

/// What has to be true of the group.
#[derive(Default)]
struct Expected {
    committed: BTreeMap<i32, i64>,
    /// The offset after the highest read, without a gap below it.
    read: BTreeMap<i32, i64>,
    records: u64,
}

impl Expected {
    /// Nothing is skipped, all is what was sent, and commits are where they were put.
    fn check(&mut self, members: &mut [Member], found: BTreeMap<i32, i64>) {
        let mut sent = self.committed.clone();
        let mut read = BTreeMap::new();
        for member in members {
            for (places, of) in [
                (&mut self.committed, &member.seen.acknowledged),
                (&mut sent, &member.seen.sent),
            ] {
                for (&partition, &offset) in of {
                    let known = places.entry(partition).or_default();
                    *known = offset.max(*known);
                }
            }
            read.extend(member.seen.read.drain(..));
        }
        for ((partition, offset), found) in read {
            assert!(found == value(partition, offset), "{partition}/{offset}");
            let next = self.read.entry(partition).or_default();
            assert!(offset <= *next, "{next} of {partition} is skipped");
            *next = (offset + 1).max(*next);
            self.records += 1;
        }
        for (partition, offset) in found {
            let acknowledged = self.committed.get(&partition).copied().unwrap_or(0);
            let sent = sent.get(&partition).copied().unwrap_or(0).max(acknowledged);
            assert!(
                (acknowledged..=sent).contains(&offset),
                "{partition} is at {offset}, committed were {acknowledged}, sent {sent}"
            );
            self.committed.insert(partition, offset);
        }
    }
}

/// Runs the group until it is enough and has read all; what it did.
pub(super) fn run(world: &World) -> String {
    let _alarm = Alarm(world);
    let ends: Vec<AtomicI64> = (0..PARTITIONS).map(|_| AtomicI64::new(0)).collect();
    let mut members: Vec<_> = (0..MEMBERS)
        .map(|_| Member::new(GROUP, TOPIC, PARTITIONS))
        .collect();
    let mut expected = Expected::default();
    let mut rounds = 0;
    thread::scope(|scope| {
        scope.spawn(|| produce(world, &ends));
        let mut dice = Dice(3);
        while !world.is_enough() {
            rounds += 1;
            round(world, &mut members, &mut dice);
            look(world, &mut members, &mut expected, true);
        }
    });
    finish(world, &mut members, &mut expected, &ends);
    let joins: u64 = members.iter().map(|member| member.seen.joins).sum();
    format!(
        "group: {} records, {rounds} rounds, {joins} joins",
        expected.records
    )
}

/// Some members take part for a while; one leaves at the end at times, another just stays away.
fn round(world: &World, members: &mut [Member], dice: &mut Dice) {
    let over = AtomicBool::new(false);
    let time = Duration::from_millis(300 + dice.roll(2_000));
    thread::scope(|scope| {
        for member in members.iter_mut() {
            let leaves = dice.roll(4) == 0;
            if dice.roll(5) == 0 {
                continue;
            }
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    member.take_part(world.port, |_| over.load(Ordering::Relaxed));
                    sleep(Duration::from_millis(2));
                }
                if leaves {
                    member.leave(world.port);
                }
            });
        }
        sleep(time);
        over.store(true, Ordering::Relaxed);
    });
}

/// Checks what was seen, and deletes what nobody needs any more.
fn look(world: &World, members: &mut [Member], expected: &mut Expected, deletes: bool) {
    world.work(|client| {
        let found = reads_on(committed(client, GROUP, TOPIC, PARTITIONS)?);
        expected.check(members, found);
        if deletes {
            delete(client, &expected.committed)?;
        }
        Ok(())
    });
}

fn delete(client: &mut Client, up_to: &BTreeMap<i32, i64>) -> std::io::Result<()> {
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: Str::from(TOPIC),
            partitions: up_to
                .iter()
                .map(|(&partition_index, &offset)| DeleteRecordsPartition {
                    partition_index,
                    offset,
                })
                .collect(),
        }],
        timeout_ms: 10_000,
    };
    let answer = client.ask(&request, 1)?;
    for partition in &answer.topics[0].partitions {
        answered(partition.error_code, &[0], TOPIC)?;
    }
    Ok(())
}

/// All members read what is left.
fn finish(world: &World, members: &mut [Member], expected: &mut Expected, ends: &[AtomicI64]) {
    let end: BTreeMap<i32, i64> = (0..)
        .zip(ends.iter().map(|end| end.load(Ordering::Relaxed)))
        .collect();
    let position = || {
        let mut client = Client::connect(world.port).unwrap();
        reads_on(committed(&mut client, GROUP, TOPIC, PARTITIONS).unwrap())
    };
    let done = AtomicBool::new(false);
    let reached = thread::scope(|scope| {
        for member in members.iter_mut() {
            let done = &done;
            scope.spawn(move || member.take_part(world.port, |_| done.load(Ordering::Relaxed)));
        }
        let mut reached = position();
        // However long it takes, as long as it gets on.
        while reached != end && becomes(|| position() != reached) {
            reached = position();
        }
        done.store(true, Ordering::Relaxed);
        reached
    });
    assert_eq!(reached, end, "the group comes to the end");
    look(world, members, expected, false);
    assert_eq!(expected.read, end, "the group read everything");
}
