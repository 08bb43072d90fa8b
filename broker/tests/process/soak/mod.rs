//! Everything at once for a long time: records of all codecs, readers from the start and at the end, a group whose
//! members come and go, topics made and deleted, connections that break, retention, kills and clean restarts. What
//! was acknowledged is read once, and what the process takes stays what it was.
//!
//! `THALWEG_SOAK_SECONDS` sets for how long (8 unless set); `cargo xtask soak --minutes N` runs it with an optimised broker.
//! The first half is one process's life, in the second it is killed and ended in turn.

mod churn;
mod group;
mod kept;
mod usage;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Broker, Client, setting};
use usage::{Life, Usage};

/// How often a broker is ended in the second half.
const RESTARTS: u32 = 20;

/// What all who take part know.
struct World {
    port: u16,
    enough: AtomicBool,
}

impl World {
    fn is_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed)
    }

    /// Works with a connection until the work says that it is done, and with another one when the broker was gone.
    fn work(&self, mut work: impl FnMut(&mut Client) -> io::Result<()>) {
        let _alarm = Alarm(self);
        loop {
            let Err(error) = Client::connect(self.port).and_then(|mut client| work(&mut client))
            else {
                return;
            };
            let is_gone = error.kind() != io::ErrorKind::Other;
            assert!(is_gone, "a broker that runs answers: {error}");
            // At the end the broker outlives all work: somebody else has failed, unless it is only late.
            if self.is_enough() && !is_late(&error) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock].contains(&error.kind())
}

/// Whoever fails does not leave the others at work for the rest of the time.
struct Alarm<'a>(&'a World);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.enough.store(true, Ordering::Relaxed);
        }
    }
}

/// What was not done in time may have been done all the same: whoever hears of it asks again, as after a lost answer.
const REQUEST_TIMED_OUT: i16 = 7;

/// An answer that is none of the expected codes ends the test; one that came too late is no answer.
fn answered(code: i16, expected: &[i16], what: &str) -> io::Result<()> {
    if code == REQUEST_TIMED_OUT {
        return Err(io::ErrorKind::TimedOut.into());
    }
    assert!(expected.contains(&code), "{what}: {code}");
    Ok(())
}

/// Settings under which much happens in a short time.
fn settings(is_long: bool) -> Vec<&'static str> {
    let mut settings = vec![
        "log.segment.bytes=1048576",
        "log.retention.check.interval.ms=1000",
        "group.min.session.timeout.ms=100",
        "group.initial.rebalance.delay.ms=0",
        "offsets.topic.num.partitions=3",
    ];
    settings.push(if is_long {
        "log.retention.bytes=16777216"
    } else {
        "log.retention.bytes=4194304"
    });
    settings
}

#[test]
fn mixed_load_stays_flat_and_loses_nothing() {
    let time = Duration::from_secs(setting("THALWEG_SOAK_SECONDS", 8));
    let settings = settings(time >= Duration::from_secs(120));
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &settings);
    for (topic, partitions) in [
        (kept::TOPIC, kept::PARTITIONS),
        (group::TOPIC, group::PARTITIONS),
    ] {
        churn::create(&mut broker.connect(), topic, partitions).unwrap();
    }
    let world = World {
        port: broker.port,
        enough: AtomicBool::new(false),
    };
    let ledger = kept::Ledger::default();
    let (life, did) = thread::scope(|scope| {
        for producer in 0..kept::PRODUCERS {
            let (world, ledger) = (&world, &ledger);
            scope.spawn(move || kept::produce(world, ledger, producer));
        }
        let tail = scope.spawn(|| kept::follow(&world, &ledger));
        let whole = scope.spawn(|| kept::read_again_and_again(&world));
        let group = scope.spawn(|| group::run(&world));
        let topics = scope.spawn(|| churn::topics(&world));
        let breaks = scope.spawn(|| churn::connections(&world));
        let (_broker, life) = live(&world, broker, &settings, time);
        world.enough.store(true, Ordering::Relaxed);
        let did = format!(
            "{} records followed, {} read from the start\n{}\n{} topics, {} broken connections",
            tail.join().unwrap(),
            whole.join().unwrap(),
            group.join().unwrap(),
            topics.join().unwrap(),
            breaks.join().unwrap(),
        );
        (life, did)
    });
    println!("{did}\n{life}");
    ledger.assert_settled();
    life.assert_bounded();
    if time >= Duration::from_secs(600) {
        life.assert_flat();
    }
}

/// The process's life: left alone in the first half, ended in turn in the second.
fn live(world: &World, mut broker: Broker, settings: &[&str], time: Duration) -> (Broker, Life) {
    let _alarm = Alarm(world);
    let begun = Instant::now();
    let mut life = Life::default();
    let pause = (time / 200).max(Duration::from_millis(500));
    while begun.elapsed() < time / 2 && !world.is_enough() {
        thread::sleep(pause);
        life.steady.push(Usage::of(&broker, begun));
    }
    let restarts = RESTARTS.min(u32::try_from(time.as_secs() / 4).unwrap());
    for number in 0..restarts {
        if world.is_enough() {
            break;
        }
        thread::sleep(time / 2 / restarts);
        life.restarted.push(Usage::of(&broker, begun));
        let (data, port) = end(broker, number);
        broker = Broker::start_on(&data, port, settings).unwrap();
        life.ready_ms.push(broker.ready_ms);
    }
    (broker, life)
}

/// Ends the process by `kill -9` or politely, in turn.
fn end(mut broker: Broker, number: u32) -> (PathBuf, u16) {
    if number.is_multiple_of(2) {
        return broker.kill();
    }
    assert!(broker.terminate().success(), "{}", broker.said());
    (broker.data.clone(), broker.port)
}
