//! `kill -9` under load: nothing acknowledged is missing, offsets and bytes are unchanged.
//!
//! `THALWEG_KILL_ROUNDS` sets how often (10 unless set), `THALWEG_KILL_SEED` the dice.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crate::harness::{Broker, Client, Dice, batch, setting};
use thalweg_model::batch::ProducerStamp;
use thalweg_model::{ProducerEpoch, ProducerId};

const PARTITIONS: i32 = 4;
const TOPIC: &str = "killed";

/// A record that was acknowledged: where it is and what it holds.
type Acked = ((i32, i64), Vec<u8>);

/// Produces until the broker is gone; reports what was acknowledged. Values never repeat.
fn produce(port: u16, producer: u64, round: u64, acked: &Sender<Acked>) {
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
        match client.produce(TOPIC, partition, batch(&values, stamp)) {
            Ok((0, base)) => {
                *base_sequence += i32::try_from(count).unwrap();
                for (offset, value) in (base..).zip(values) {
                    acked.send(((partition, offset), value)).unwrap();
                }
            }
            Ok((code, _)) => panic!("error {code} while the broker ran"),
            Err(_killed) => return,
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_changed_by_kill_nine() {
    let rounds = setting("THALWEG_KILL_ROUNDS", 10);
    let mut dice = Dice(setting("THALWEG_KILL_SEED", 1));
    let dir = tempfile::tempdir().unwrap();
    let overrides = [format!("num.partitions={PARTITIONS}")];
    let overrides: Vec<_> = overrides.iter().map(String::as_str).collect();
    let mut broker = Broker::start_with(dir.path(), &overrides);
    broker.connect().create(TOPIC).unwrap();
    let mut expected: BTreeMap<(i32, i64), Vec<u8>> = BTreeMap::new();
    let mut slowest_ms = 0;
    for round in 0..rounds {
        let (sender, receiver) = channel();
        let port = broker.port;
        let producers: Vec<_> = (0..3)
            .map(|producer| {
                let sender = sender.clone();
                thread::spawn(move || produce(port, producer, round, &sender))
            })
            .collect();
        drop(sender);
        thread::sleep(Duration::from_millis(20 + dice.roll(200)));
        let (data, port) = broker.kill();
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        let acked: Vec<Acked> = receiver.iter().collect();
        assert!(round > 3 || !acked.is_empty(), "the load did something");
        for (place, value) in acked {
            assert!(
                expected.insert(place, value).is_none(),
                "an offset was given twice: {place:?}"
            );
        }
        broker = Broker::start_on(&data, port, &overrides).unwrap();
        slowest_ms = slowest_ms.max(broker.ready_ms);
        check(&broker, &mut expected, round);
    }
    println!(
        "{rounds} kills, {} records, slowest restart {slowest_ms} ms",
        expected.len()
    );
}

/// Every acknowledged record is where it was, and what else is there stays from now on.
fn check(broker: &Broker, expected: &mut BTreeMap<(i32, i64), Vec<u8>>, round: u64) {
    let mut client = broker.connect();
    for partition in 0..PARTITIONS {
        let found: BTreeMap<_, _> = client
            .read_all(TOPIC, partition)
            .unwrap()
            .into_iter()
            .collect();
        let offsets: Vec<_> = found.keys().copied().collect();
        let dense: Vec<_> = (0..i64::try_from(found.len()).unwrap()).collect();
        assert_eq!(
            offsets, dense,
            "round {round}: offsets of partition {partition} are dense"
        );
        for ((_, offset), value) in expected.range((partition, 0)..(partition + 1, 0)) {
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
