//! A segment that another replica sends: it is taken only if every entry is as its records say, and a log that
//! begins with it can be read.

use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use thalweg_log::disk::{DiskFile, SimDisk};
use thalweg_log::incoming::{Incoming, move_in};
use thalweg_log::partition::{EntryId, LogEntry, LogState, ProducerBase};
use thalweg_log::{FileCache, FileKind, LogConfig, LogHome, PartitionLog, SegmentState};
use thalweg_model::batch::StoredBatch;
use thalweg_model::{LeaderEpoch, LogIndex, Offset, Term, Uuid};

use super::Target;
use super::directory::{NOW, batch};
use crate::{Dice, bounded};

pub(super) const COPIES: Target = Target {
    name: "copies",
    make: |_: &mut Dice| made().input.clone(),
    repair,
    take,
};

const TOPIC: Uuid = Uuid::from_bytes([5; 16]);
const ENTRIES: u64 = 5;

/// Bytes of an entry's record: its own checksum is the last field, that of the entry's bytes the one before.
const RECORD_BYTES: usize = 44;

/// What the simulated disk keeps of the files, and the log of the one it is read from.
const DISK_BYTES: usize = 512 << 10;

/// A segment as it is sent: a count, so many records, and batches.
struct Made {
    segment: SegmentState,
    input: Vec<u8>,
}

fn stored(number: u8) -> StoredBatch {
    let base = Offset::new(3 * i64::from(number));
    batch(number).assign(base, LeaderEpoch::from(Term(1)))
}

fn home(disk: &SimDisk, dir: &str) -> LogHome<SimDisk> {
    LogHome::new(disk.clone(), dir.into(), TOPIC, &FileCache::new(4))
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let disk = SimDisk::new(1);
        let mut log = PartitionLog::create(home(&disk, "/from"), LogConfig::default());
        for (number, index) in (0_u8..).zip(1..=ENTRIES) {
            let entry = LogEntry {
                index: LogIndex(index),
                term: Term(1),
                batches: &[stored(number)],
            };
            log.append(&entry, NOW).expect("there is room");
        }
        log.force_roll(NOW).expect("there is room");
        let last = LogIndex(ENTRIES);
        let state = log.portable(last, 1).expect("it can be read");
        let segment = state.segments[0];
        let read = |kind| {
            let found = log.sealed_file(&segment, kind).expect("it is there");
            let (file, bytes) = found.expect("it is sealed");
            let mut all = vec![0; usize::try_from(bytes).expect("it is small")];
            file.read_exact_at(&mut all, 0).expect("it is that long");
            all
        };
        let mut input = vec![5];
        input.extend(read(FileKind::Entries));
        input.extend(read(FileKind::Log));
        Made { segment, input }
    })
}

/// The records and the batches.
fn split(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&count, rest) = input.split_first()?;
    let bytes = usize::from(count) * RECORD_BYTES;
    rest.split_at_checked(bytes)
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(sum).expect("a 32-bit checksum").to_be_bytes()
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |n, &byte| (n << 8) | usize::from(byte))
}

fn repair(input: &mut [u8]) {
    let Some((records, log)) = split(input) else {
        return;
    };
    let mut repaired = records.to_vec();
    for record in repaired.chunks_mut(RECORD_BYTES) {
        let (position, length) = (number(&record[28..32]), number(&record[32..36]));
        if let Some(bytes) = log.get(position..position.saturating_add(length)) {
            record[36..40].copy_from_slice(&crc(bytes));
        }
        let own = crc(&record[..40]);
        record[40..].copy_from_slice(&own);
    }
    input[1..=repaired.len()].copy_from_slice(&repaired);
}

fn take(input: &[u8]) {
    let Some((records, log)) = split(input) else {
        return;
    };
    let Some(last) = records.chunks(RECORD_BYTES).next_back() else {
        return;
    };
    let next = number(&last[16..24]).saturating_add(number(&last[24..28]));
    let Some(next) = i64::try_from(next).ok().and_then(Offset::from_wire) else {
        return;
    };
    let segment = SegmentState {
        bytes: u64::try_from(log.len()).expect("a length fits 64 bits"),
        entries: u32::from(input[0]),
        next_offset: next,
        offsets: 0,
        times: 0,
        ..made().segment
    };
    let state = LogState {
        next_offset: next,
        last: EntryId {
            index: LogIndex(input[0].into()),
            term: Term(1),
        },
        segments: vec![segment],
        producers: ProducerBase {
            at: next,
            inline: Some(Bytes::new()),
        },
        ..LogState::default()
    };
    if !state.is_portable() {
        return;
    }
    let disk = SimDisk::new(1);
    let most = 4 * input.len() + DISK_BYTES;
    bounded(most, || begin_with(&disk, state, (records, log)));
}

/// Copies the segment; if it is taken, every entry of it can be read.
fn begin_with(disk: &SimDisk, state: LogState, (records, log): (&[u8], &[u8])) {
    let mut incoming = Incoming::new(disk.clone(), "/incoming/copy".into(), TOPIC, state);
    while let Some(place) = incoming.wanted() {
        let all = if place.kind == FileKind::Log {
            log
        } else {
            records
        };
        let from = usize::try_from(place.position).expect("it is small");
        let part = &all[from..all.len().min(from + 300)];
        let total = u64::try_from(all.len()).expect("a length fits 64 bits");
        let arrival = incoming.take(&place, total, Bytes::copy_from_slice(part));
        let arrived = arrival.expect("it was asked for").perform();
        if incoming.arrived(arrived).is_err() {
            return;
        }
    }
    let state = incoming.state();
    move_in(disk, incoming.dir(), Path::new("/log")).expect("the place is free");
    let mut log = PartitionLog::begin(home(disk, "/log"), LogConfig::default(), &state);
    log.finish_recovery().expect("there is nothing to derive");
    let end = state.last.index.next();
    let entries = log.entries(LogIndex(1), end, u64::MAX);
    let count = entries.expect("they were looked at").len();
    assert_eq!(count, usize::try_from(state.last.index.0).unwrap_or(0));
    let read = log.read(state.log_start, u64::MAX, state.next_offset, true);
    let read = read.expect("it was looked at");
    assert_eq!(read.next, state.next_offset);
}
