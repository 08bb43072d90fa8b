//! How fast the journal's ring goes round, and how fast it opens.
//!
//! Envelope. Planning costs one copy and one checksum of the payload (some 7 and 50 GB/s): a block
//! of 256 KiB takes 40 us of the planning thread, far from the limit. The device is the limit: at
//! 1 GB/s a block of 64 KiB takes 64 us and one of 256 KiB 256 us, plus 50 to 150 us for a write that
//! is durable when it returns. One I/O thread pays that every time: 64 KiB / (64 + 100 us) = 400
//! MB/s, 256 KiB / (256 + 100 us) = 730 MB/s. Two threads hide it: about 1 GB/s at either size. An
//! opening reads two pages for each large block: 64 MiB of 256 KiB blocks in 256 reads of 50 to
//! 100 us, so less than 30 ms from a cold cache.
//!
//! Run with `cargo bench -p thalweg-log --bench journal_ring`; the journal lies in cargo's target
//! directory, which has to be on the disk in question.
#![expect(clippy::unwrap_used, reason = "a bench ends at the first surprise")]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::RealDisk;
use thalweg_log::journal::{
    BlockSequence, BlockWrite, EntryKind, HardState, Journal, JournalEntry, JournalOptions,
    Payload, ShardId,
};
use thalweg_log::manifest::{GroupManifest, Manifest, ManifestChange};
use thalweg_log::partition::LogState;
use thalweg_model::{LogIndex, Offset, PartitionIndex, ReplicaId, Term, Uuid};

const RUN: Duration = Duration::from_millis(1500);
const ENTRY_BYTES: usize = 16 << 10;

const SHARD: ShardId = ShardId {
    directory: Uuid::NIL,
    shard: 0,
};

type Done = (BlockSequence, AlignedBuf, Duration);

fn main() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("blocks of {ENTRY_BYTES}-byte entries, writes durable when they return");
    for kib in [64_usize, 128, 256] {
        for (threads, depth) in [(1, 2), (1, 4), (2, 2), (4, 4)] {
            let dir = home.path().join(format!("{kib}-{threads}-{depth}"));
            ring(&dir, kib << 10, threads, depth);
        }
    }
    for kib in [64, 256] {
        opening(&home.path().join(format!("open-{kib}")), kib << 10);
    }
    manifest(&home.path().join("manifest"));
}

fn options(block_bytes: usize, depth: usize) -> JournalOptions {
    JournalOptions {
        depth,
        // The header and the table come on top of the entries.
        block_bytes_target: block_bytes + 4096,
        chunks_initial: 20,
        ..JournalOptions::default()
    }
}

fn open(dir: &Path, options: JournalOptions) -> (Journal<RealDisk>, usize) {
    let (journal, replay) =
        Journal::open(&RealDisk, dir, SHARD, BlockSequence::START, options).unwrap();
    (journal, replay.entries.len())
}

/// Fills a block with entries up to its target.
fn plan(journal: &mut Journal<RealDisk>, payload: &[Bytes]) -> Option<BlockWrite<RealDisk>> {
    let mut builder = journal.begin_block()?;
    let mut index = 0;
    while builder.fits(ENTRY_BYTES) {
        index += 1;
        builder.push(&JournalEntry {
            group: GroupId(index % 64),
            index: LogIndex(index),
            term: Term(1),
            kind: EntryKind::Append {
                base_offset: Some(Offset::ZERO),
            },
            payload: Payload::Inline(payload),
        });
    }
    Some(journal.seal(builder))
}

/// Writes blocks as they come.
fn write_all(blocks: &Mutex<Receiver<BlockWrite<RealDisk>>>, done: &Sender<Done>) {
    loop {
        let next = blocks.lock().unwrap().recv();
        let Ok(block) = next else { return };
        let begin = Instant::now();
        let (sequence, buffer, result) = block.perform();
        result.unwrap();
        if done.send((sequence, buffer, begin.elapsed())).is_err() {
            return;
        }
    }
}

fn ring(dir: &Path, block_bytes: usize, threads: usize, depth: usize) {
    let (mut journal, _) = open(dir, options(block_bytes, depth));
    let payload = [Bytes::from(vec![0x5a; ENTRY_BYTES])];
    let (blocks, taken) = channel();
    let (done, finished) = channel();
    let taken = Arc::new(Mutex::new(taken));
    for _ in 0..threads {
        let (taken, done) = (Arc::clone(&taken), done.clone());
        thread::spawn(move || write_all(&taken, &done));
    }
    let mut latencies = Vec::new();
    let mut planning = Duration::ZERO;
    let begin = Instant::now();
    while begin.elapsed() < RUN {
        let planned = Instant::now();
        while let Some(block) = plan(&mut journal, &payload) {
            blocks.send(block).unwrap();
        }
        planning += planned.elapsed();
        let (sequence, buffer, latency) = finished.recv().unwrap();
        journal.recycle(buffer);
        journal.completed(sequence);
        if journal.wants_checkpoint() {
            journal.release(journal.durable());
        }
        latencies.push(latency);
    }
    let elapsed = begin.elapsed();
    latencies.sort();
    let count = u32::try_from(latencies.len()).unwrap();
    let at = |permille: usize| latencies[latencies.len() * permille / 1000].as_micros();
    let bytes = f64::from(count) * f64::from(u32::try_from(block_bytes).unwrap());
    println!(
        "{:3} KiB, {threads} thread(s), depth {depth}: {:5.0} MB/s, write p50 {:4} us, p99 {:5} us, \
         planning {:3} us per block",
        block_bytes >> 10,
        bytes / 1e6 / elapsed.as_secs_f64(),
        at(500),
        at(990),
        (planning / count).as_micros(),
    );
}

/// Opens a journal with 64 MiB since its last checkpoint. Direct writes leave the page cache cold.
fn opening(dir: &Path, block_bytes: usize) {
    let payload = [Bytes::from(vec![0x5a; ENTRY_BYTES])];
    let options = options(block_bytes, 2);
    let (mut journal, _) = open(dir, options);
    while !journal.wants_checkpoint() {
        let block = plan(&mut journal, &payload).expect("the ring is larger");
        let (sequence, buffer, result) = block.perform();
        result.unwrap();
        journal.recycle(buffer);
        journal.completed(sequence);
    }
    drop(journal);
    let begin = Instant::now();
    let (_, entries) = open(dir, options);
    let cold = begin.elapsed().as_micros();
    let warm = fastest(|| drop(open(dir, options)));
    println!(
        "opening 64 MiB in blocks of {} KiB, {entries} entries: cold {cold} us, warm {warm} us",
        block_bytes >> 10,
    );
}

/// Opens a manifest of ten thousand groups.
fn manifest(dir: &Path) {
    let group = |number: u64| GroupManifest {
        topic: Uuid::from_bytes([7; 16]),
        topic_name: format!("topic-{number}"),
        partition: PartitionIndex(0),
        directory: format!("topic-{number}-0"),
        replica: ReplicaId(1),
        hard_state: HardState::default(),
        membership: Bytes::from_static(&[1; 40]),
        log: LogState::default(),
    };
    let changes: Vec<_> = (0..10_000)
        .map(|number| ManifestChange::Group(GroupId(number), Box::new(group(number))))
        .collect();
    let (mut manifest, _) = Manifest::open(&RealDisk, dir).unwrap();
    manifest.commit(&changes).unwrap();
    drop(manifest);
    let warm = fastest(|| drop(Manifest::open(&RealDisk, dir).unwrap()));
    println!("opening a manifest of 10,000 groups: warm {warm} us");
}

/// Microseconds of the fastest of ten turns.
fn fastest(turn: impl Fn()) -> u128 {
    let timed = (0..10).map(|_| {
        let begin = Instant::now();
        turn();
        begin.elapsed().as_micros()
    });
    timed.min().expect("there are ten")
}
