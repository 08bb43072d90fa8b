//! A disk that fails or takes its time, a process that is stopped, descriptors that run out, a
//! directory that goes away: nothing acknowledged is lost, and what cannot go on ends loudly.
//!
//! Failing system calls are made by `strace`, where it is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::faults::SmallDisk;
use crate::harness::{Broker, Client, batch, becomes};
use crate::member::Member;

/// Tampers with a process's system calls until dropped.
struct Tampering(Child);

impl Tampering {
    /// None where there is no `strace`, or it may not attach.
    fn begin(broker: &Broker, call: &str, how: &str) -> Option<Self> {
        let status = format!("/proc/{}/status", broker.pid());
        let child = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-p"])
            .arg(broker.pid().to_string())
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:{how}")])
            .stderr(Stdio::null())
            .spawn();
        let mut tampering = Self(child.ok()?);
        let attached = becomes(|| {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let is_traced = status
                .lines()
                .any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"));
            is_traced || tampering.0.try_wait().unwrap().is_some()
        });
        let runs = tampering.0.try_wait().unwrap().is_none();
        (attached && runs).then_some(tampering)
    }
}

impl Drop for Tampering {
    fn drop(&mut self) {
        // Asked to end, it lets go of the process.
        let kill = format!("kill -TERM {}", self.0.id());
        let _asked = Command::new("sh").args(["-c", &kill]).status();
        // It may wait for a thread of a process that ended meanwhile, which waits for it.
        if !becomes(|| self.0.try_wait().unwrap().is_some()) {
            let _ended = self.0.kill();
            let _reaped = self.0.wait();
        }
    }
}

fn start(overrides: &[&str]) -> (tempfile::TempDir, Broker) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), overrides);
    broker.connect().create("t").unwrap();
    (dir, broker)
}

type Records = BTreeMap<i64, Vec<u8>>;

/// Produces numbered records until one is not acknowledged, at most so many.
fn produce(client: &mut Client, acked: &mut Records, most: usize) {
    for _ in 0..most {
        let value = format!("{}", acked.len()).into_bytes();
        match client.produce("t", 0, batch(std::slice::from_ref(&value), None)) {
            Ok((0, base)) => assert!(acked.insert(base, value).is_none()),
            Ok(_) | Err(_) => return,
        }
    }
}

/// Everything acknowledged is there.
fn assert_kept(broker: &Broker, acked: &Records) {
    let found: Records = broker
        .connect()
        .read_all("t", 0)
        .unwrap()
        .into_iter()
        .collect();
    for (offset, value) in acked {
        assert_eq!(found.get(offset), Some(value), "{offset}");
    }
}

/// The node has ended with a failure that it named, and nothing acknowledged is lost.
fn assert_ended_loudly(mut broker: Broker, acked: &Records, named: &str) {
    let code = broker.ended();
    let said = broker.said();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(named), "{said}");
    let (data, port) = (broker.data.clone(), broker.port);
    drop(broker);
    let again = Broker::start_on(&data, port, &[]).unwrap();
    assert_kept(&again, acked);
}

#[test]
fn a_failed_journal_write_is_never_acknowledged_and_ends_the_node() {
    let (_dir, broker) = start(&[]);
    let mut client = broker.connect();
    let mut acked = Records::new();
    produce(&mut client, &mut acked, 20);
    let Some(tampering) = Tampering::begin(&broker, "pwritev2", "error=EIO") else {
        println!("not checked: strace cannot attach");
        return;
    };
    produce(&mut client, &mut acked, 1);
    assert_eq!(acked.len(), 20, "a write that failed is not acknowledged");
    assert!(becomes(|| broker.said().contains("was not written")));
    drop(tampering);
    assert_ended_loudly(broker, &acked, "stable storage failed");
}

#[test]
fn a_failed_sync_ends_the_node() {
    let (_dir, broker) = start(&["log.retention.check.interval.ms=200"]);
    let mut client = broker.connect();
    let mut acked = Records::new();
    produce(&mut client, &mut acked, 20);
    let Some(tampering) = Tampering::begin(&broker, "fdatasync", "error=EIO") else {
        println!("not checked: strace cannot attach");
        return;
    };
    // Checkpoints sync segments, the sooner the more often retention looks.
    becomes(|| {
        produce(&mut client, &mut acked, 1);
        broker.said().contains("stable storage failed")
    });
    drop(tampering);
    // The segment was not synced, or the manifest not written where the segment's sync came just before.
    assert_ended_loudly(broker, &acked, "Input/output error");
}

#[test]
fn slow_writes_only_take_their_time() {
    let (_dir, broker) = start(&[]);
    let mut client = broker.connect();
    let mut acked = Records::new();
    let Some(tampering) = Tampering::begin(&broker, "pwritev2", "delay_enter=50000") else {
        println!("not checked: strace cannot attach");
        return;
    };
    let begun = Instant::now();
    produce(&mut client, &mut acked, 5);
    assert_eq!(acked.len(), 5, "{}", broker.said());
    assert!(begun.elapsed() >= Duration::from_millis(250));
    // Who does not write does not wait.
    let begun = Instant::now();
    assert_kept(&broker, &acked);
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(tampering);
    produce(&mut client, &mut acked, 5);
    assert_eq!(acked.len(), 10);
}

/// A command that is committed must be believed even where nobody waits for it any more: the next one would repeat it.
#[test]
fn a_client_that_goes_while_its_topic_is_made_leaves_a_log_that_can_be_replayed() {
    let (_dir, broker) = start(&[]);
    let Some(tampering) = Tampering::begin(&broker, "pwritev2", "delay_enter=300000") else {
        println!("not checked: strace cannot attach");
        return;
    };
    let mut hasty = broker.connect();
    hasty.begin_create("twice").unwrap();
    sleep(Duration::from_millis(100));
    drop(hasty);
    sleep(Duration::from_millis(100));
    broker.connect().create("twice").unwrap();
    drop(tampering);
    let (data, port) = broker.kill();
    let broker = Broker::start_on(&data, port, &[]).unwrap();
    assert!(broker.connect().read_all("twice", 0).unwrap().is_empty());
}

#[test]
fn a_stopped_process_goes_on() {
    let (_dir, broker) = start(&[]);
    let mut client = broker.connect();
    let mut acked = Records::new();
    produce(&mut client, &mut acked, 10);
    broker.signal("STOP");
    let resume = std::thread::scope(|scope| {
        scope.spawn(|| {
            sleep(Duration::from_secs(1));
            broker.signal("CONT");
        });
        let begun = Instant::now();
        produce(&mut client, &mut acked, 10);
        begun.elapsed()
    });
    assert!(resume >= Duration::from_millis(900), "it was stopped");
    assert_eq!(acked.len(), 20, "{}", broker.said());
    assert_kept(&broker, &acked);
}

#[test]
fn connections_leave_descriptors_to_the_files() {
    let (_dir, broker) = start(&[]);
    let (data, port) = broker.kill();
    let broker = Broker::start_limited(&data, port, "ulimit -n 200").unwrap();
    let mut client = broker.connect();
    let mut acked = Records::new();
    let crowd: Vec<_> = (0..300).map(|_| broker.connect()).collect();
    produce(&mut client, &mut acked, 50);
    assert_eq!(acked.len(), 50, "{}", broker.said());
    client.create("another").unwrap();
    assert!(becomes(|| broker.said().contains("as many connections as")));
    drop(crowd);
    // Those that waited are served when others have left.
    let mut late = broker.connect();
    produce(&mut late, &mut acked, 1);
    assert_eq!(acked.len(), 51, "{}", broker.said());
}

#[test]
fn a_directory_that_is_removed_ends_the_node() {
    let (dir, mut broker) = start(&[]);
    let mut client = broker.connect();
    let mut acked = Records::new();
    produce(&mut client, &mut acked, 10);
    fs::remove_dir_all(dir.path()).unwrap();
    let code = broker.ended();
    let said = broker.said();
    assert_eq!(code, Some(1), "{said}");
    let path = dir.path().display().to_string();
    assert!(said.contains("stable storage failed"), "{said}");
    assert!(said.contains(&path), "{said}");
}

/// A library that moves the wall clock of the process it is loaded into by as many seconds as a file
/// says; none where there is no compiler for C.
fn moving_clock(dir: &Path) -> Option<PathBuf> {
    let (c, library) = (dir.join("clock.c"), dir.join("clock.so"));
    fs::write(&c, include_str!("moving_clock.c")).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &c])
        .arg("-ldl")
        .stderr(Stdio::null())
        .status();
    built
        .is_ok_and(|status| status.success())
        .then_some(library)
}

#[test]
fn steps_of_the_clock_change_nothing_that_was_acknowledged() {
    let (dir, broker) = start(&[]);
    let mut acked = Records::new();
    produce(&mut broker.connect(), &mut acked, 5);
    let (data, port) = broker.kill();
    let beside = tempfile::tempdir().unwrap();
    let Some(library) = moving_clock(beside.path()) else {
        println!("not checked: there is no compiler for C");
        return;
    };
    let moved = beside.path().join("moved");
    fs::write(&moved, "0").unwrap();
    let (library, file) = (library.display(), moved.display());
    let setting = "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0";
    let line = format!("export LD_PRELOAD={library} MOVED_SECONDS_FILE={file} {setting}");
    let broker = Broker::start_limited(&data, port, &line).unwrap();
    let mut member = Member::new("steady", "t", 1);
    member.take_part(port, |member| member.seen.acknowledged.get(&0) == Some(&5));
    // An hour on, two back, a day on.
    for seconds in ["3600", "-3600", "86400"] {
        fs::write(&moved, seconds).unwrap();
        let before = acked.len();
        produce(&mut broker.connect(), &mut acked, 5);
        assert_eq!(acked.len(), before + 5, "{seconds}: {}", broker.said());
        let end = i64::try_from(acked.len()).unwrap();
        member.take_part(port, |member| {
            member.seen.acknowledged.get(&0) == Some(&end)
        });
        assert_eq!(
            member.seen.joins, 1,
            "no session ends with a step of the clock"
        );
        assert_kept(&broker, &acked);
    }
    let (data, port) = broker.kill();
    let broker = Broker::start_on(&data, port, &[]).unwrap();
    assert_kept(&broker, &acked);
    drop(dir);
}

#[test]
fn a_read_only_disk_is_refused_and_left_as_it_is() {
    let Some(disk) = SmallDisk::mount("size=64m") else {
        println!("not checked: only a superuser can mount a small disk");
        return;
    };
    let data = disk.path().join("data");
    let broker = Broker::start_with(&data, &["num.partitions=1"]);
    let port = broker.port;
    let mut client = broker.connect();
    client.create("t").unwrap();
    let mut acked = Records::new();
    produce(&mut client, &mut acked, 10);
    broker.kill();
    disk.remount("ro");
    let said = Broker::start_on(&data, port, &[]).err().unwrap();
    assert!(said.contains(&data.display().to_string()), "{said}");
    disk.remount("rw");
    let broker = Broker::start_on(&data, port, &[]).unwrap();
    assert_kept(&broker, &acked);
}
