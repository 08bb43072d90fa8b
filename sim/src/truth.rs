//! What is true of every partition, by what clients sent and were told.
//!
//! The offsets of a partition are dense here (no compaction, no markers), so a reader must find
//! whole batches without a gap, each the very bytes that some producer sent.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use thalweg_model::batch::{HEADER_BYTES, StoredBatch};
use thalweg_model::{LeaderEpoch, TopicPartition, Uuid};
use thalweg_replica::Marks;

use crate::call::Produced;
use crate::violation::Violation;

/// Number of one batch of one producer, which its first record's key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchId(pub(crate) u64);

#[derive(Debug)]
struct Sent {
    bytes: Bytes,
    records: i64,
    idempotent: bool,
    attempts: u32,
    outcome: Outcome,
    /// Where it was first seen.
    place: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Unknown,
    /// Acknowledged, by a majority.
    Kept {
        base: i64,
    },
    /// Acknowledged by the leader alone: it may be lost with it.
    MayBeLost,
    Refused,
}

/// One partition.
#[derive(Debug, Default)]
struct Partition {
    sent: BTreeMap<BatchId, Sent>,
    /// What was ever seen at an offset.
    at: BTreeMap<i64, BatchId>,
    /// Highest high watermark that an answer of each epoch carried.
    marks: BTreeMap<LeaderEpoch, i64>,
    /// Highest end of a batch that each epoch acknowledged for good: its mark was no lower.
    acknowledged: BTreeMap<LeaderEpoch, i64>,
    /// Highest offset that anybody asked to delete up to.
    deleted_to: i64,
}

/// All partitions.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    partitions: BTreeMap<TopicPartition, Partition>,
    /// Topics that were made, with their ids, or removed; not those of which it is uncertain.
    topics: BTreeMap<String, Option<Uuid>>,
}

impl Truth {
    /// An operator was told that a topic was made.
    pub(crate) fn topic_is_there(&mut self, name: &str, id: Uuid) {
        self.topics.insert(name.to_owned(), Some(id));
    }

    /// An operator was told that a topic was removed.
    pub(crate) fn topic_is_gone(&mut self, name: &str) {
        self.topics.insert(name.to_owned(), None);
    }

    /// An operator was not told what became of a command.
    pub(crate) fn topic_is_uncertain(&mut self, name: &str) {
        self.topics.remove(name);
    }

    pub(crate) fn has_topic(&self, name: &str, id: Uuid) -> bool {
        self.topics.get(name) == Some(&Some(id))
    }

    /// What operators were told and the cluster's topics do not show.
    pub(crate) fn topics_differ(&self, there: &BTreeSet<(&str, Uuid)>) -> Option<String> {
        let differs = |(name, told): (&String, &Option<Uuid>)| {
            let is = there.iter().find(|(of, _)| of == name).map(|(_, id)| *id);
            (is != *told).then(|| format!("{name} was told to be {told:?} and is {is:?}"))
        };
        self.topics.iter().find_map(differs)
    }

    fn of(&mut self, partition: TopicPartition) -> &mut Partition {
        self.partitions.entry(partition).or_default()
    }

    /// A producer is about to send a batch, again perhaps.
    pub(crate) fn sending(
        &mut self,
        partition: TopicPartition,
        id: BatchId,
        bytes: &Bytes,
        idempotent: bool,
    ) {
        let sent = self.of(partition).sent.entry(id).or_insert_with(|| Sent {
            bytes: bytes.clone(),
            records: i64::from(crate::call::checked(bytes).record_count()),
            idempotent,
            attempts: 0,
            outcome: Outcome::Unknown,
            place: None,
        });
        if sent.outcome == Outcome::Refused {
            // Nothing came of the attempts before this one.
            sent.outcome = Outcome::Unknown;
            sent.attempts = 0;
        }
        sent.attempts += 1;
    }

    /// A batch was acknowledged; `kept` if by a majority.
    pub(crate) fn acknowledged(
        &mut self,
        partition: TopicPartition,
        id: BatchId,
        produced: Produced,
        kept: bool,
    ) -> Result<(), Violation> {
        let base = produced.appended.base.value();
        let of = self.of(partition);
        let sent = of
            .sent
            .get_mut(&id)
            .expect("only what was sent is answered");
        sent.outcome = if kept {
            Outcome::Kept { base }
        } else {
            Outcome::MayBeLost
        };
        let end = base + sent.records;
        if kept {
            of.see(base, id)?;
        }
        if kept && let Some(epoch) = produced.epoch {
            let highest = of.acknowledged.entry(epoch).or_default();
            *highest = end.max(*highest);
        }
        Ok(())
    }

    /// A batch was refused for good.
    pub(crate) fn refused(&mut self, partition: TopicPartition, id: BatchId) {
        let sent = self.of(partition).sent.get_mut(&id);
        let sent = sent.expect("only what was sent is answered");
        // An earlier attempt that nobody answered may yet be found.
        if sent.attempts == 1 {
            sent.outcome = Outcome::Refused;
        }
    }

    /// Somebody asked to delete records up to an offset.
    pub(crate) fn deleting(&mut self, partition: TopicPartition, up_to: i64) {
        let of = self.of(partition);
        of.deleted_to = of.deleted_to.max(up_to);
    }

    /// Records were deleted: a leader says where the log begins now.
    pub(crate) fn deleted(
        &mut self,
        partition: TopicPartition,
        up_to: i64,
        marks: Marks,
    ) -> Result<(), Violation> {
        let start = marks.log_start.value();
        let asked = self.of(partition).deleted_to;
        if start < up_to || start > asked {
            let seen = format!("{partition}: {start} after {up_to}, at most {asked}");
            return Err(Violation::new("records are deleted up to the offset", seen));
        }
        Ok(())
    }

    /// The highest high watermark that was ever told of a partition.
    pub(crate) fn high_watermark(&self, partition: TopicPartition) -> i64 {
        let of = self.partitions.get(&partition);
        let told = of.and_then(|of| of.marks.values().copied().max());
        told.unwrap_or(0)
    }

    /// What every answer of a leader carries. `known` is what was [known](Self::known_marks) when the
    /// question was asked. A leader that does not know yet that it was replaced may tell an older mark.
    pub(crate) fn marks(
        &mut self,
        partition: TopicPartition,
        epoch: LeaderEpoch,
        marks: Marks,
        known: &BTreeMap<LeaderEpoch, i64>,
    ) -> Result<(), Violation> {
        let high = marks.high_watermark.value();
        let of = self.of(partition);
        for (&earlier, &told) in known.range(..=epoch) {
            if high < told {
                let seen =
                    format!("{partition}: {high} in epoch {epoch} after {told} in epoch {earlier}");
                return Err(Violation::new("the high watermark never falls", seen));
            }
        }
        let start = marks.log_start.value();
        if start > of.deleted_to {
            let seen = format!("{partition}: {start}, deleted to {}", of.deleted_to);
            return Err(Violation::new("only what was deleted goes", seen));
        }
        let told = of.marks.entry(epoch).or_default();
        *told = high.max(*told);
        Ok(())
    }

    /// What each epoch's mark is known to have been at least.
    pub(crate) fn known_marks(&self, partition: TopicPartition) -> BTreeMap<LeaderEpoch, i64> {
        let Some(of) = self.partitions.get(&partition) else {
            return BTreeMap::new();
        };
        let mut known = of.marks.clone();
        for (&epoch, &end) in &of.acknowledged {
            let mark = known.entry(epoch).or_default();
            *mark = end.max(*mark);
        }
        known
    }

    /// A reader who asked for `from` got batches; returns where to read on.
    pub(crate) fn read(
        &mut self,
        partition: TopicPartition,
        from: i64,
        batches: &[StoredBatch],
    ) -> Result<i64, Violation> {
        let of = self.of(partition);
        let mut next = from;
        for (at, batch) in batches.iter().enumerate() {
            let (base, end) = (batch.header().base_offset, batch.header().next_offset());
            let fits = if at == 0 { base <= next } else { base == next };
            if !fits || end.value() <= next {
                let seen = format!("{partition}: {base}..{end} where {next} was due");
                return Err(Violation::new("a reader finds no gap", seen));
            }
            let id = batch_id(batch).ok_or_else(|| phantom(partition, batch))?;
            let sent = of.sent.get(&id).ok_or_else(|| phantom(partition, batch))?;
            if !same_bytes(&sent.bytes, batch.bytes()) {
                let seen = format!("{partition}: {id:?} at {base}");
                return Err(Violation::new("bytes in are bytes out", seen));
            }
            if sent.outcome == Outcome::Refused {
                let seen = format!("{partition}: {id:?} at {base}");
                return Err(Violation::new("what was refused is not there", seen));
            }
            of.see(base, id)?;
            next = end.value();
        }
        Ok(next)
    }

    /// A reader has read everything from `start` to `end`, when all was healed.
    pub(crate) fn drained(
        &self,
        partition: TopicPartition,
        start: i64,
        end: i64,
    ) -> Result<(), Violation> {
        let Some(of) = self.partitions.get(&partition) else {
            return Ok(());
        };
        for (id, sent) in &of.sent {
            let Outcome::Kept { base } = sent.outcome else {
                continue;
            };
            let gone = base + sent.records <= start;
            let there = base < end && of.at.get(&base) == Some(id);
            if !gone && !there {
                let seen = format!("{partition}: {id:?} at {base}, the log is {start}..{end}");
                return Err(Violation::new("nothing acknowledged is lost", seen));
            }
        }
        Ok(())
    }

    /// Batches that were acknowledged for good.
    pub(crate) fn acknowledged_count(&self) -> u64 {
        let all = self.partitions.values().flat_map(|of| of.sent.values());
        let kept = all.filter(|sent| matches!(sent.outcome, Outcome::Kept { .. }));
        u64::try_from(kept.count()).unwrap_or(u64::MAX)
    }
}

impl Partition {
    fn see(&mut self, base: i64, id: BatchId) -> Result<(), Violation> {
        let before = *self.at.entry(base).or_insert(id);
        if before != id {
            let seen = format!("{before:?} and {id:?} at {base}");
            return Err(Violation::new("an offset holds one thing", seen));
        }
        let sent = self.sent.get_mut(&id).expect("the caller found it");
        let end = base + sent.records;
        let after = self.at.range(base + 1..end).next();
        if let Some((other, there)) = after {
            let seen = format!("{id:?} at {base}..{end} and {there:?} at {other}");
            return Err(Violation::new("an offset holds one thing", seen));
        }
        let place = *sent.place.get_or_insert(base);
        if place != base && (sent.idempotent || sent.attempts == 1) {
            let seen = format!("{id:?} at {place} and at {base}");
            return Err(Violation::new("nothing is there twice", seen));
        }
        Ok(())
    }
}

fn phantom(partition: TopicPartition, batch: &StoredBatch) -> Violation {
    let seen = format!("{partition}: {:?}", batch.header());
    Violation::new("nobody reads what nobody sent", seen)
}

/// The id in the first record's key.
pub(crate) fn batch_id(batch: &StoredBatch) -> Option<BatchId> {
    let unpacked = batch.unpack().ok()?;
    let first = unpacked.records().next()?.ok()?;
    let key: [u8; 8] = first.key?.as_ref().try_into().ok()?;
    Some(BatchId(u64::from_be_bytes(key)))
}

/// Whether stored bytes are the sent ones but for the base offset and the leader epoch.
pub(crate) fn same_bytes(sent: &[u8], stored: &[u8]) -> bool {
    const BASE_OFFSET: std::ops::Range<usize> = 0..8;
    const LEADER_EPOCH: std::ops::Range<usize> = 12..16;
    sent.len() == stored.len()
        && sent.len() >= HEADER_BYTES
        && sent[BASE_OFFSET.end..LEADER_EPOCH.start] == stored[BASE_OFFSET.end..LEADER_EPOCH.start]
        && sent[LEADER_EPOCH.end..] == stored[LEADER_EPOCH.end..]
}
