//! The trace: what is done to the node, operation by operation.

use bytes::Bytes;
use thalweg_log::LogConfig;
use thalweg_log::disk::SimDisk;
use thalweg_log::journal::JournalOptions;
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp};
use thalweg_model::{
    LeaderEpoch, Offset, PartitionIndex, ProducerEpoch, ProducerId, ReplicaId, Timestamp, Uuid,
};
use thalweg_replica::PartitionSpec;

use super::expected::{Expected, Sent, UnderWay};
use crate::Random;
use crate::quiet_node::QuietNode;
use crate::violation::Violation;

const PARTITIONS: usize = 3;

/// Largest batch that is meant to be small, and what one is like that is too large for the journal.
const SMALL_VALUE_BYTES_MAX: u64 = 300;
const LARGE_VALUE_BYTES: u64 = (1 << 20) + 1_000;

/// A node, what is done to it, and what has become of that.
pub(super) struct Voyage {
    pub(super) disk: SimDisk,
    node: QuietNode,
    random: Random,
    /// Dice of their own for what came later, so that it does not change what earlier seeds draw.
    other: Random,
    /// Operations during which something waits for the background, on the average; 0 if nothing waits.
    lag: u64,
    /// Large batches, in a thousand.
    large_per_mille: u64,
    pub(super) specs: Vec<PartitionSpec>,
    pub(super) expected: Vec<Expected>,
    sequences: Vec<i32>,
    incarnations: u64,
}

impl Voyage {
    pub(super) fn begin(seed: u64) -> Result<Self, Violation> {
        let mut random = Random::new(seed);
        let disk = SimDisk::new(random.roll());
        let specs: Vec<_> = (0..PARTITIONS).map(|at| spec(at, 0)).collect();
        let mut node = QuietNode::open(&disk, journal(), &specs)?;
        let mut other = Random::new(!seed);
        let lag = if other.percent(50) {
            other.between(3, 40)
        } else {
            0
        };
        if lag > 0 {
            node.lag();
        }
        Ok(Self {
            disk,
            node,
            random,
            lag,
            large_per_mille: if other.percent(20) { 30 } else { 0 },
            other,
            specs,
            expected: vec![Expected::NOTHING; PARTITIONS],
            sequences: vec![0; PARTITIONS],
            incarnations: 0,
        })
    }

    /// Does the next thing.
    pub(super) fn operate(&mut self) -> Result<UnderWay, Violation> {
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
                let sent = Sent::new(bytes.clone());
                let next = expected.next + sent.records;
                expected.batches.insert(expected.next, sent);
                expected.next = next;
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
                    .retain(|&base, sent| base + sent.records > up_to);
                UnderWay::Delete(at, up_to)
            }
            96..98 => {
                self.node.checkpoint()?;
                UnderWay::Nothing
            }
            _ => {
                self.incarnations += 1;
                self.specs[at] = spec(at, self.incarnations);
                self.expected[at] = Expected::NOTHING;
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

pub(super) fn journal() -> JournalOptions {
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
