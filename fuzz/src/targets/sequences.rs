//! Requests that make sense, in any order, to a shard whose disk may lose power: what it answers is what a list of
//! batches would.

use std::collections::VecDeque;

use thalweg_log::GroupId;
use thalweg_log::disk::SimDisk;
use thalweg_model::batch::{BatchBuilder, BatchOptions, CheckedBatch, NewRecord, ProducerStamp};
use thalweg_model::{Offset, ProducerEpoch, ProducerId, Timestamp};
use thalweg_replica::{
    AccessError, Acks, AppendError, Appended, Isolation, OffsetTarget, Shard, Ticket,
};

use super::directory::{NOW, config, read_all, settle_with, spec};
use super::{Target, leave};

pub(super) const SEQUENCES: Target = Target {
    name: "sequences",
    make: |dice| {
        let count = REQUEST_BYTES * (1 + dice.below(60));
        dice.bytes(count)
    },
    repair: leave,
    take,
};

/// Bytes of one request: what, and two numbers.
const REQUEST_BYTES: usize = 3;

/// Batches of a producer that are recognised when they come again.
const RECENT_MAX: usize = 5;

/// A batch as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batch {
    base: i64,
    count: i64,
    /// Names it; ten times that is its timestamp.
    number: i64,
}

/// One partition as it should be.
#[derive(Debug, Default)]
struct Partition {
    batches: Vec<Batch>,
    start: i64,
    next_sequence: i32,
    /// Sequence, number of records and place of the newest batches of the producer.
    recent: VecDeque<(i32, i64, Batch)>,
}

impl Partition {
    fn end(&self) -> i64 {
        self.batches.last().map_or(0, |last| last.base + last.count)
    }

    fn is_there(&self, batch: &Batch) -> bool {
        batch.base + batch.count > self.start
    }
}

struct Run {
    disk: SimDisk,
    shard: Shard<SimDisk>,
    groups: Vec<GroupId>,
    partitions: Vec<Partition>,
    number: i64,
}

fn open(disk: &SimDisk) -> (Shard<SimDisk>, Vec<GroupId>) {
    let opened = Shard::open(disk.clone(), config(), NOW);
    let mut shard = opened.expect("a sound directory opens");
    let groups = ["a", "b"].map(|name| shard.add(spec(name), NOW)).into();
    assert!(settle_with(&mut shard, |_, _| {}), "the disk is well");
    (shard, groups)
}

fn take(input: &[u8]) {
    let disk = SimDisk::new(5);
    let (shard, groups) = open(&disk);
    let mut run = Run {
        disk,
        shard,
        groups,
        partitions: vec![Partition::default(), Partition::default()],
        number: 0,
    };
    for request in input.chunks_exact(REQUEST_BYTES) {
        let which = usize::from(request[0] >> 7);
        run.request(which, request[0] & 0x0f, (request[1], request[2]));
    }
    run.power_cut(0);
    for which in 0..run.groups.len() {
        run.compare(which);
    }
}

impl Run {
    fn request(&mut self, which: usize, what: u8, (a, b): (u8, u8)) {
        match what {
            0..=3 => self.append(which, a, b),
            4..=5 => self.append_next(which, a),
            6 => self.append_again(which, a),
            7 => self.append_gap(which, a),
            8 => self.delete(which, a),
            9 => self.checkpoint(),
            10 => self.power_cut(u64::from(a) << 8 | u64::from(b)),
            11 => self.marks(which),
            12 => self.by_time(which, a),
            13 => self.beyond(which, a),
            _ => self.compare(which),
        }
    }

    fn batch(&self, count: i64, bytes: u8, producer: Option<i32>) -> CheckedBatch {
        let mut builder = BatchBuilder::new(BatchOptions {
            producer: producer.map(|base_sequence| ProducerStamp {
                id: ProducerId(9),
                epoch: ProducerEpoch(0),
                base_sequence,
            }),
            ..BatchOptions::default()
        });
        let mut value = self.number.to_be_bytes().to_vec();
        value.resize(8 + usize::from(bytes), 7);
        for _ in 0..count {
            builder.push(&NewRecord {
                timestamp: Timestamp(self.number * 10),
                key: None,
                value: Some(&value),
                headers: &[],
            });
        }
        builder.finish().expect("it is small")
    }

    /// Appends and waits; how it ended.
    fn ask(&mut self, which: usize, batch: CheckedBatch) -> Result<Appended, AppendError> {
        let ticket = Ticket {
            request: self.number.unsigned_abs(),
            part: 0,
        };
        self.shard
            .append(self.groups[which], batch, Acks::All, ticket)?;
        let mut ended = None;
        let is_well = settle_with(&mut self.shard, |of, result| {
            assert_eq!(of, ticket, "one append is under way");
            ended = Some(result);
        });
        assert!(is_well, "the disk is well");
        ended.expect("an append ends")
    }

    /// Appends something new, which must succeed at the end.
    fn append_new(&mut self, which: usize, count: i64, bytes: u8, producer: Option<i32>) -> Batch {
        self.number += 1;
        let batch = self.batch(count, bytes, producer);
        let appended = self
            .ask(which, batch)
            .expect("the shard leads and has room");
        let partition = &mut self.partitions[which];
        let batch = Batch {
            base: partition.end(),
            count,
            number: self.number,
        };
        assert_eq!(appended.base.value(), batch.base, "it is at the end");
        assert_eq!(appended.log_start.value(), partition.start);
        partition.batches.push(batch);
        batch
    }

    fn append(&mut self, which: usize, a: u8, bytes: u8) {
        self.append_new(which, 1 + i64::from(a % 4), bytes, None);
    }

    fn append_next(&mut self, which: usize, a: u8) {
        let sequence = self.partitions[which].next_sequence;
        let count = 1 + i64::from(a % 4);
        let batch = self.append_new(which, count, 0, Some(sequence));
        let partition = &mut self.partitions[which];
        partition.next_sequence += i32::from(a % 4) + 1;
        partition.recent.push_back((sequence, count, batch));
        if partition.recent.len() > RECENT_MAX {
            partition.recent.pop_front();
        }
    }

    /// The same batch again gets the place of its first time.
    fn append_again(&mut self, which: usize, a: u8) {
        let recent = &self.partitions[which].recent;
        let at = usize::from(a) % recent.len().max(1);
        let Some(&(sequence, count, first)) = recent.get(at) else {
            return;
        };
        self.number += 1;
        let batch = self.batch(count, 0, Some(sequence));
        let appended = self.ask(which, batch).expect("a repeated batch is fine");
        assert_eq!(appended.base.value(), first.base, "it was there before");
    }

    fn append_gap(&mut self, which: usize, a: u8) {
        if self.partitions[which].next_sequence == 0 {
            // Who was never seen may begin anywhere.
            return;
        }
        self.number += 1;
        let sequence = self.partitions[which].next_sequence + 1 + i32::from(a);
        let batch = self.batch(1, 0, Some(sequence));
        let refused = self.ask(which, batch);
        let is_producer = matches!(refused, Err(AppendError::Producer(_)));
        assert!(is_producer, "a gap is refused: {refused:?}");
    }

    fn delete(&mut self, which: usize, a: u8) {
        let partition = &mut self.partitions[which];
        let mut bounds: Vec<i64> = partition.batches.iter().map(|batch| batch.base).collect();
        bounds.push(partition.end());
        bounds.retain(|bound| *bound >= partition.start);
        let up_to = bounds[usize::from(a) % bounds.len()];
        partition.start = up_to;
        let asked = Some(Offset::new(up_to));
        let marks = self.shard.delete_records(self.groups[which], asked, NOW);
        let start = marks.expect("it is inside the log").log_start;
        assert_eq!(start.value(), up_to);
        self.checkpoint();
    }

    fn checkpoint(&mut self) {
        self.shard.start_checkpoint();
        assert!(settle_with(&mut self.shard, |_, _| {}), "the disk is well");
    }

    fn power_cut(&mut self, seed: u64) {
        self.disk.crash(seed);
        (self.shard, self.groups) = open(&self.disk);
    }

    fn marks(&self, which: usize) {
        let marks = self.shard.marks(self.groups[which], None);
        let marks = marks.expect("the shard leads");
        let partition = &self.partitions[which];
        assert_eq!(marks.log_start.value(), partition.start);
        assert_eq!(marks.high_watermark.value(), partition.end());
    }

    fn by_time(&mut self, which: usize, a: u8) {
        let wanted = i64::from(a) * 5;
        let target = OffsetTarget::Timestamp(Timestamp(wanted));
        let group = self.groups[which];
        let found = self
            .shard
            .find_offset(group, target, Isolation::Uncommitted, None);
        let found = found
            .expect("the shard leads")
            .map(|found| found.offset.value());
        let partition = &self.partitions[which];
        let mut there = partition
            .batches
            .iter()
            .filter(|batch| partition.is_there(batch));
        let first = there.find(|batch| batch.number * 10 >= wanted);
        assert_eq!(found, first.map(|batch| batch.base), "asked for {wanted}");
    }

    fn beyond(&mut self, which: usize, a: u8) {
        let end = Offset::new(self.partitions[which].end() + 1 + i64::from(a));
        let deleted = self
            .shard
            .delete_records(self.groups[which], Some(end), NOW);
        let refused = matches!(deleted, Err(AccessError::OutOfRange(_)));
        assert!(refused, "nothing is deleted that is not there");
    }

    /// Everything that is read is what it should be.
    fn compare(&mut self, which: usize) {
        self.marks(which);
        let partition = &self.partitions[which];
        let start = Offset::new(partition.start);
        let found = read_all(&mut self.shard, self.groups[which], start);
        let found = found.expect("nothing is damaged").into_iter().map(|batch| {
            let header = *batch.header();
            let unpacked = batch.unpack().expect("its checksum is right");
            let first = unpacked.records().next().expect("it has records");
            let value = first.expect("it is whole").value.expect("it has a value");
            let number = value.first_chunk().expect("it begins with its number");
            Batch {
                base: header.base_offset,
                count: i64::from(header.record_count),
                number: i64::from_be_bytes(*number),
            }
        });
        let found: Vec<Batch> = found.collect();
        let partition = &self.partitions[which];
        let expected: Vec<Batch> = partition
            .batches
            .iter()
            .filter(|batch| partition.is_there(batch))
            .copied()
            .collect();
        assert_eq!(found, expected);
    }
}
