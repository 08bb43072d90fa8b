//! The topic of which every record is looked at: producers of all kinds, one reader at the end, one from the start.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use bytes::Bytes;
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp};
use thalweg_model::compression::Compression;
use thalweg_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use thalweg_wire::Str;
use thalweg_wire::messages::ListOffsetsRequest;
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::{World, answered};
use crate::harness::{Client, Dice};

pub(super) const TOPIC: &str = "kept";
pub(super) const PARTITIONS: i32 = 4;

/// Two of them are idempotent.
pub(super) const PRODUCERS: u64 = 3;

/// Records that are acknowledged and not yet followed: far less than retention leaves.
const UNREAD_MAX: usize = 2_000;

const OUT_OF_RANGE: &str = "error 1";

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// What was acknowledged and not yet read, and the reverse.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: Mutex<Open>,
    /// Producers that have ended.
    ended: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    acked: BTreeMap<(i32, i64), Vec<u8>>,
    /// Read before the answer was, or never answered.
    seen: BTreeMap<(i32, i64), Vec<u8>>,
}

impl Ledger {
    fn acked(&self, partition: i32, base: i64, values: Vec<Vec<u8>>) {
        let mut open = self.open.lock().unwrap();
        for (offset, value) in (base..).zip(values) {
            let place = (partition, offset);
            match open.seen.remove(&place) {
                Some(seen) => assert!(seen == value, "{place:?} is not what was sent"),
                None => assert!(open.acked.insert(place, value).is_none(), "{place:?} twice"),
            }
        }
    }

    fn seen(&self, partition: i32, offset: i64, value: Vec<u8>) {
        let mut open = self.open.lock().unwrap();
        let place = (partition, offset);
        match open.acked.remove(&place) {
            Some(acked) => assert!(acked == value, "{place:?} is not what was sent"),
            None => drop(open.seen.insert(place, value)),
        }
    }

    fn unread(&self) -> usize {
        self.open.lock().unwrap().acked.len()
    }

    /// Everything acknowledged was read.
    pub(super) fn assert_settled(&self) {
        let open = self.open.lock().unwrap();
        let lost: Vec<_> = open.acked.keys().collect();
        assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
    }
}

fn is_idempotent(producer: u64) -> bool {
    producer != 1
}

/// The value that a producer sends as the n-th to a partition: its name and a body that follows from it.
fn value(producer: u64, partition: i32, n: u64) -> Vec<u8> {
    let mut value = format!("{producer}/{partition}/{n} ").into_bytes();
    let mut dice = Dice(n << 8 | producer);
    let count = dice.roll(1_200);
    value.extend((0..count).map(|at| {
        if at % 2 == 0 {
            b'x'
        } else {
            u8::try_from(dice.roll(256)).unwrap()
        }
    }));
    value
}

/// Producer and number of a value, which is looked at to the last byte.
fn named(value_found: &[u8], partition: i32) -> (u64, u64) {
    let name = value_found.split(|&byte| byte == b' ').next().unwrap();
    let name = std::str::from_utf8(name).unwrap();
    let mut parts = name.split('/').map(|part| part.parse::<u64>().unwrap());
    let [producer, _, n] = [(); 3].map(|()| parts.next().unwrap());
    assert!(
        value_found == value(producer, partition, n),
        "{name} is changed"
    );
    (producer, n)
}

/// A batch on its way, which an idempotent producer sends until it is answered.
struct Pending {
    partition: i32,
    values: Vec<Vec<u8>>,
    bytes: Bytes,
}

/// What a producer knows.
struct Producer {
    number: u64,
    id: Option<i64>,
    dice: Dice,
    sequences: BTreeMap<i32, i32>,
    next: BTreeMap<i32, u64>,
}

impl Producer {
    fn pack(&mut self) -> Pending {
        let partition = i32::try_from(self.dice.roll(4)).unwrap() % PARTITIONS;
        let count = 1 + self.dice.roll(12);
        let next = self.next.entry(partition).or_default();
        let values: Vec<_> = (*next..*next + count)
            .map(|n| value(self.number, partition, n))
            .collect();
        *next += count;
        let sequence = self.sequences.entry(partition).or_default();
        let stamp = self.id.map(|id| ProducerStamp {
            id: ProducerId(id),
            epoch: ProducerEpoch(0),
            base_sequence: *sequence,
        });
        *sequence += i32::try_from(count).unwrap();
        let codec = CODECS[usize::try_from(self.dice.roll(5)).unwrap()];
        Pending {
            partition,
            bytes: packed(&values, stamp, codec),
            values,
        }
    }
}

fn packed(values: &[Vec<u8>], producer: Option<ProducerStamp>, compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression,
        producer,
        ..BatchOptions::default()
    });
    for value in values {
        builder.push(&NewRecord {
            timestamp: Timestamp::NONE,
            key: Some(b"key"),
            value: Some(value),
            headers: &[(b"name", Some(b"header")), (b"name", None)],
        });
    }
    let batch = builder.finish().unwrap();
    let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
    stored.bytes().clone()
}

/// Counts a producer that ends, also where it fails.
struct Ended<'a>(&'a Ledger);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Produces at a steady pace.
pub(super) fn produce(world: &World, ledger: &Ledger, number: u64) {
    let _ended = Ended(ledger);
    let mut producer = Producer {
        number,
        id: None,
        dice: Dice(number),
        sequences: BTreeMap::new(),
        next: BTreeMap::new(),
    };
    let mut pending: Option<Pending> = None;
    world.work(|client| {
        if !is_idempotent(number) {
            // Nobody knows whether it was taken.
            pending = None;
        } else if producer.id.is_none() {
            producer.id = Some(client.new_producer()?);
        }
        while pending.is_some() || !world.is_enough() {
            if pending.is_none() && ledger.unread() > UNREAD_MAX {
                sleep(Duration::from_millis(5));
                continue;
            }
            let batch = pending.get_or_insert_with(|| producer.pack());
            let (code, base) = client.produce(TOPIC, batch.partition, batch.bytes.clone())?;
            answered(code, &[0], TOPIC)?;
            if let Some(batch) = pending.take() {
                ledger.acked(batch.partition, base, batch.values);
            }
            sleep(Duration::from_millis(4));
        }
        Ok(())
    });
}

/// Reads what comes, in order, without a gap, from an idempotent producer each record once; how many.
pub(super) fn follow(world: &World, ledger: &Ledger) -> u64 {
    let mut positions: BTreeMap<i32, i64> = (0..PARTITIONS).map(|p| (p, 0)).collect();
    let mut next: BTreeMap<(i32, u64), u64> = BTreeMap::new();
    let mut count = 0;
    world.work(|client| {
        loop {
            let is_last = ledger.ended.load(Ordering::Relaxed) == PRODUCERS;
            let before = count;
            for (&partition, position) in &mut positions {
                for (offset, value) in client.read_some(TOPIC, partition, *position)? {
                    assert_eq!(offset, *position, "partition {partition} has a gap");
                    let (producer, n) = named(&value, partition);
                    let next = next.entry((partition, producer)).or_default();
                    let is_next = n == *next || n > *next && !is_idempotent(producer);
                    assert!(is_next, "{producer}/{partition}: {n}, not {next}");
                    *next = n + 1;
                    *position += 1;
                    count += 1;
                    ledger.seen(partition, offset, value);
                }
            }
            if count == before {
                if is_last {
                    return Ok(());
                }
                sleep(Duration::from_millis(5));
            }
        }
    });
    count
}

/// First offset and the one after the last.
fn bounds(client: &mut Client, partition: i32) -> io::Result<(i64, i64)> {
    let mut ask = |timestamp| {
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic {
                name: Str::from(TOPIC),
                partitions: vec![ListOffsetsPartition {
                    partition_index: partition,
                    current_leader_epoch: -1,
                    timestamp,
                }],
            }],
            ..ListOffsetsRequest::default()
        };
        let answer = client.ask(&request, 5)?;
        let found = &answer.topics[0].partitions[0];
        answered(found.error_code, &[0], TOPIC)?;
        io::Result::Ok(found.offset)
    };
    Ok((ask(-2)?, ask(-1)?))
}

/// Reads all that is there, again and again; how many records.
pub(super) fn read_again_and_again(world: &World) -> u64 {
    let mut count = 0;
    world.work(|client| {
        while !world.is_enough() {
            for partition in 0..PARTITIONS {
                count += read_whole(client, partition)?;
                sleep(Duration::from_millis(100));
            }
        }
        Ok(())
    });
    count
}

fn read_whole(client: &mut Client, partition: i32) -> io::Result<u64> {
    let mut count = 0;
    let (start, end) = bounds(client, partition)?;
    let mut from = start;
    while from < end {
        let records = match client.read_some(TOPIC, partition, from) {
            Ok(records) => records,
            // Retention was faster.
            Err(error) if error.to_string() == OUT_OF_RANGE => {
                let (start, _) = bounds(client, partition)?;
                assert!(start > from, "what is there can be read");
                break;
            }
            Err(error) => return Err(error),
        };
        assert!(!records.is_empty(), "what was told to be there is there");
        for (offset, value) in records {
            assert_eq!(offset, from, "partition {partition} has a gap");
            named(&value, partition);
            from += 1;
            count += 1;
        }
    }
    Ok(count)
}
