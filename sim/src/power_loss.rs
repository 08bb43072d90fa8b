//! Power loss at every change of the disk: each moment of a trace of operations becomes images of
//! what may be left, and each image is recovered and compared.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use thalweg_log::LogConfig;
use thalweg_log::disk::SimDisk;
use thalweg_log::disk::sim::PowerCut;
use thalweg_log::journal::JournalOptions;
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp, StoredBatch};
use thalweg_model::{
    LeaderEpoch, Offset, PartitionIndex, ProducerEpoch, ProducerId, ReplicaId, Timestamp,
    TopicPartition, Uuid,
};
use thalweg_replica::PartitionSpec;

use crate::Random;
use crate::quiet_node::QuietNode;
use crate::truth::same_bytes;
use crate::violation::Violation;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct PowerLoss {
    /// Decides everything.
    pub seed: u64,
    /// Operations of the trace.
    pub operations: u64,
    /// Images of each moment: two for all lost and all kept, the others of random parts.
    pub images: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct PowerLossOutcome {
    /// Changes of the disk.
    pub moments: u64,
    /// Images that were recovered.
    pub images: u64,
}

/// What must be found in one partition.
#[derive(Clone, Debug, Default)]
struct Expected {
    /// Acknowledged batches by base offset.
    batches: BTreeMap<i64, Bytes>,
    next: i64,
    log_start: i64,
}

/// What an operation under way may have done already.
#[derive(Clone)]
enum UnderWay {
    Nothing,
    Append(usize, Bytes),
    Delete(usize, i64),
    Remove(usize),
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("a checkpoint"),
            Self::Append(at, bytes) => write!(f, "{} bytes to topic{at}", bytes.len()),
            Self::Delete(at, up_to) => write!(f, "deletion in topic{at} up to {up_to}"),
            Self::Remove(at) => write!(f, "another topic{at}"),
        }
    }
}

const PARTITIONS: usize = 3;

/// Largest batch that is meant to be small, and what one is like that is too large for the journal.
const SMALL_VALUE_BYTES_MAX: u64 = 300;
const LARGE_VALUE_BYTES: u64 = (1 << 20) + 1_000;

struct Voyage {
    node: QuietNode,
    random: Random,
    /// Dice of their own for what came later, so that it does not change what earlier seeds draw.
    other: Random,
    /// Operations during which something waits for the background, on the average; 0 if nothing waits.
    lag: u64,
    /// Large batches, in a thousand.
    large_per_mille: u64,
    specs: Vec<PartitionSpec>,
    expected: Vec<Expected>,
    sequences: Vec<i32>,
    incarnations: u64,
}

/// Runs a trace.
///
/// # Errors
/// What was broken, with the operation, the moment and the image.
pub fn power_loss(plan: PowerLoss) -> Result<PowerLossOutcome, Violation> {
    let mut random = Random::new(plan.seed);
    let disk = SimDisk::new(random.roll());
    let specs: Vec<_> = (0..PARTITIONS).map(|at| spec(at, 0)).collect();
    let node = QuietNode::open(&disk, journal(), &specs)?;
    let mut other = Random::new(!plan.seed);
    let mut voyage = Voyage {
        node,
        random,
        lag: if other.percent(50) {
            other.between(3, 40)
        } else {
            0
        },
        large_per_mille: if other.percent(20) { 30 } else { 0 },
        other,
        specs,
        expected: vec![Expected::default(); PARTITIONS],
        sequences: vec![0; PARTITIONS],
        incarnations: 0,
    };
    if voyage.lag > 0 {
        voyage.node.lag();
    }
    let mut outcome = PowerLossOutcome::default();
    for operation in 0..plan.operations {
        let before = voyage.expected.clone();
        disk.watch();
        let under_way = voyage.operate()?;
        for (number, moment) in disk.take_moments().iter().enumerate() {
            outcome.moments += 1;
            for image in 0..plan.images {
                let cut = match image {
                    0 => PowerCut::LosesUnsynced,
                    1 => PowerCut::KeepsUnsynced,
                    _ => PowerCut::Random,
                };
                let seed = voyage.random.roll();
                let left = moment.cut(cut, seed);
                outcome.images += 1;
                compare(&left, &voyage.specs, &before, &under_way).map_err(|violation| {
                    let place = format!(
                        "operation {operation} ({under_way:?}), moment {number}, image {image}"
                    );
                    Violation::new(violation.rule, format!("{place}: {}", violation.seen))
                })?;
            }
        }
    }
    Ok(outcome)
}

fn journal() -> JournalOptions {
    JournalOptions {
        chunk_bytes: 32 << 10,
        ring_bytes_max: 512 << 10,
        block_bytes_max: 24 << 10,
        block_bytes_target: 16 << 10,
        checkpoint_bytes: 32 << 10,
        ..JournalOptions::default()
    }
}

fn spec(at: usize, incarnation: u64) -> PartitionSpec {
    let mut topic = [0; 16];
    topic[0] = u8::try_from(at).expect("there are few");
    topic[8..].copy_from_slice(&incarnation.to_be_bytes());
    PartitionSpec {
        topic: Uuid::from_bytes(topic),
        topic_name: format!("topic{at}"),
        partition: PartitionIndex(0),
        replica: ReplicaId(1),
        voters: vec![(ReplicaId(1), thalweg_model::BrokerId(1))],
        config: LogConfig {
            // One partition's segments are long enough for stretches past the page cache.
            segment_bytes: if at == 0 { 40_000 } else { 2_000 },
            write_behind_bytes: 4 << 10,
            index_interval_bytes: 300,
            retention_ms: None,
            ..LogConfig::default()
        },
        min_insync_replicas: 1,
    }
}

impl Voyage {
    fn operate(&mut self) -> Result<UnderWay, Violation> {
        if self.lag > 0 && self.other.below(self.lag) == 0 {
            self.node.work_behind()?;
        }
        let at = usize::try_from(self.random.below(3)).unwrap_or(0);
        let partition = self.specs[at].topic_partition();
        Ok(match self.random.below(100) {
            0..88 => {
                let bytes = self.batch(at);
                let appended = self.node.append(partition, &bytes)?;
                let expected = &mut self.expected[at];
                if appended != Offset::new(expected.next) {
                    let seen = format!("{appended} instead of {}", expected.next);
                    return Err(Violation::new("offsets are dense", seen));
                }
                expected.batches.insert(expected.next, bytes.clone());
                expected.next += records(&bytes);
                UnderWay::Append(at, bytes)
            }
            88..96 => {
                let expected = &mut self.expected[at];
                let span = u64::try_from(expected.next - expected.log_start).unwrap_or(0);
                let by = i64::try_from(self.random.below(span + 1)).unwrap_or(0);
                let up_to = expected.log_start + by;
                self.node.delete_records(partition, Offset::new(up_to))?;
                expected.log_start = up_to;
                // Durable with the next checkpoint: until then the records may be there.
                self.node.checkpoint()?;
                expected
                    .batches
                    .retain(|&base, bytes| base + records(bytes) > up_to);
                UnderWay::Delete(at, up_to)
            }
            96..98 => {
                self.node.checkpoint()?;
                UnderWay::Nothing
            }
            _ => {
                self.incarnations += 1;
                self.specs[at] = spec(at, self.incarnations);
                self.expected[at] = Expected::default();
                self.sequences[at] = 0;
                self.node.replace(partition, &self.specs[at])?;
                UnderWay::Remove(at)
            }
        })
    }

    fn batch(&mut self, at: usize) -> Bytes {
        let records = self.random.between(1, 3);
        let mut length = self.random.between(1, SMALL_VALUE_BYTES_MAX);
        if self.other.below(1_000) < self.large_per_mille {
            length = LARGE_VALUE_BYTES;
        }
        let length = usize::try_from(length).unwrap_or(1);
        let mut builder = BatchBuilder::new(BatchOptions {
            producer: Some(ProducerStamp {
                id: ProducerId(7),
                epoch: ProducerEpoch(0),
                base_sequence: self.sequences[at],
            }),
            ..BatchOptions::default()
        });
        let value = vec![u8::try_from(self.random.below(256)).unwrap_or(0); length];
        for _ in 0..records {
            builder.push(&NewRecord {
                timestamp: Timestamp(1_700_000_000_000),
                key: None,
                value: Some(&value),
                headers: &[],
            });
        }
        self.sequences[at] += i32::try_from(records).unwrap_or(0);
        let batch = builder.finish().expect("a plain batch needs no codec");
        let stored = batch.assign(Offset::ZERO, LeaderEpoch::default());
        stored.bytes().clone()
    }
}

fn records(bytes: &Bytes) -> i64 {
    i64::from(crate::call::checked(bytes).record_count())
}

/// Starts from an image: what was acknowledged is there, what was under way is there or not.
fn compare(
    disk: &SimDisk,
    specs: &[PartitionSpec],
    before: &[Expected],
    under_way: &UnderWay,
) -> Result<(), Violation> {
    // A topic that was being replaced is known to the metadata under its new id already.
    let mut node = QuietNode::open(disk, journal(), specs)?;
    for (at, spec) in specs.iter().enumerate() {
        let mut low = before[at].log_start;
        let mut expected = before[at].clone();
        let mut maybe = None;
        match under_way {
            UnderWay::Append(to, bytes) if *to == at => maybe = Some(bytes),
            UnderWay::Delete(to, up_to) if *to == at => low = *up_to,
            UnderWay::Remove(to) if *to == at => expected = Expected::default(),
            UnderWay::Append(..) | UnderWay::Delete(..) | UnderWay::Remove(_) => {}
            UnderWay::Nothing => {}
        }
        let range = expected.log_start..=low.max(expected.log_start);
        let partition = spec.topic_partition();
        let (start, batches) = node.read_all(partition, expected.log_start)?;
        if !range.contains(&start) {
            let seen = format!("{partition} begins at {start}, not in {range:?}");
            return Err(Violation::new("only what was deleted goes", seen));
        }
        compare_batches(partition, start, &expected, maybe, &batches)?;
    }
    Ok(())
}

fn compare_batches(
    partition: TopicPartition,
    start: i64,
    expected: &Expected,
    maybe: Option<&Bytes>,
    found: &[StoredBatch],
) -> Result<(), Violation> {
    let due = expected
        .batches
        .iter()
        .filter(|(base, bytes)| **base + records(bytes) > start);
    let mut found = found.iter();
    for (base, bytes) in due {
        let batch = found.next();
        let same = batch.is_some_and(|batch| {
            batch.header().base_offset == *base && same_bytes(bytes, batch.bytes())
        });
        if !same {
            let header = batch.map(|batch| *batch.header());
            let seen = format!("{partition} at {base}: {header:?}");
            return Err(Violation::new("nothing acknowledged is lost", seen));
        }
    }
    match (found.next(), maybe) {
        (None, _) => Ok(()),
        (Some(batch), Some(bytes))
            if batch.header().base_offset == expected.next
                && same_bytes(bytes, batch.bytes())
                && found.next().is_none() =>
        {
            Ok(())
        }
        (Some(batch), _) => {
            let seen = format!("{partition}: {:?}", batch.header());
            Err(Violation::new("nobody reads what nobody sent", seen))
        }
    }
}
