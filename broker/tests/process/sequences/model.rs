//! The cluster as it should be.

use std::collections::{BTreeMap, VecDeque};

use thalweg_model::Uuid;
use thalweg_model::compression::Compression;

/// Batches of a producer that are recognised when they come again.
const RECENT_MAX: usize = 5;

/// What is known of the cluster.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Ids of topics that are no more.
    pub(super) gone: Vec<Uuid>,
    /// Ids that producers were given.
    pub(super) producers: Vec<i64>,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: Uuid,
    pub(super) partitions: Vec<Partition>,
    pub(super) configs: BTreeMap<String, String>,
}

impl Topic {
    /// The largest batch that it takes.
    pub(super) fn bytes_max(&self) -> usize {
        let own = self.configs.get("max.message.bytes");
        own.map_or(1_048_588, |text| text.parse().unwrap())
    }
}

impl Topic {
    /// The codec in which batches are stored, if it is not their own.
    pub(super) fn codec(&self) -> Option<Compression> {
        match self.configs.get("compression.type").map(String::as_str) {
            None | Some("producer") => None,
            Some("uncompressed") => Some(Compression::None),
            Some(name) => Compression::ALL
                .into_iter()
                .find(|codec| codec.name() == name),
        }
    }
}

/// A record: when it was made and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) timestamp: i64,
    pub(super) value: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) base: i64,
    /// The leader epoch in which it was appended.
    pub(super) epoch: i32,
    pub(super) records: Vec<Record>,
}

impl Batch {
    pub(super) fn end(&self) -> i64 {
        self.base + i64::try_from(self.records.len()).unwrap()
    }

    /// Its records with their offsets.
    pub(super) fn placed(&self) -> impl Iterator<Item = (i64, &Record)> {
        (self.base..).zip(&self.records)
    }
}

/// What a partition knows of an idempotent producer.
#[derive(Clone, Debug, Default)]
pub(super) struct Producer {
    pub(super) epoch: i16,
    /// First and last sequence and place of the newest batches of this epoch.
    pub(super) recent: VecDeque<(i32, i32, i64)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    pub(super) batches: Vec<Batch>,
    pub(super) start: i64,
    /// The leader's epoch, as Metadata told it.
    pub(super) epoch: i32,
    pub(super) producers: BTreeMap<i64, Producer>,
}

impl Partition {
    pub(super) fn end(&self) -> i64 {
        self.batches.last().map_or(0, Batch::end)
    }

    /// Batches of which something is there.
    pub(super) fn there(&self) -> impl Iterator<Item = &Batch> {
        self.batches.iter().filter(|batch| batch.end() > self.start)
    }

    /// Records that are there.
    pub(super) fn records(&self) -> impl Iterator<Item = (i64, &Record)> {
        let placed = self.there().flat_map(Batch::placed);
        placed.filter(|(offset, _)| *offset >= self.start)
    }

    /// Appends a batch; its place.
    pub(super) fn append(&mut self, records: Vec<Record>) -> i64 {
        let base = self.end();
        self.batches.push(Batch {
            base,
            epoch: self.epoch,
            records,
        });
        base
    }

    /// What becomes of a producer's batch: the place of its first copy, nothing if it is new, or an error.
    pub(super) fn judge(&self, stamp: Stamp, count: i32) -> Result<Option<i64>, i16> {
        const OUT_OF_ORDER: i16 = 45;
        const INVALID_EPOCH: i16 = 47;
        let last = stamp.sequence + count - 1;
        let Some(known) = self.producers.get(&stamp.id) else {
            let is_first = self.end() == 0 && stamp.sequence != 0;
            return if is_first {
                Err(OUT_OF_ORDER)
            } else {
                Ok(None)
            };
        };
        if stamp.epoch < known.epoch {
            return Err(INVALID_EPOCH);
        }
        if stamp.epoch > known.epoch {
            let begins = stamp.sequence == 0;
            return if begins { Ok(None) } else { Err(OUT_OF_ORDER) };
        }
        let mut recent = known.recent.iter();
        if let Some((.., base)) = recent.find(|batch| (batch.0, batch.1) == (stamp.sequence, last))
        {
            return Ok(Some(*base));
        }
        let expected = known.recent.back().map_or(0, |(_, last, _)| last + 1);
        if stamp.sequence == expected {
            Ok(None)
        } else {
            Err(OUT_OF_ORDER)
        }
    }

    /// Remembers a producer's batch that was appended.
    pub(super) fn note(&mut self, stamp: Stamp, count: i32, base: i64) {
        let known = self.producers.entry(stamp.id).or_default();
        if stamp.epoch > known.epoch {
            known.recent.clear();
        }
        known.epoch = stamp.epoch;
        let last = stamp.sequence + count - 1;
        known.recent.push_back((stamp.sequence, last, base));
        if known.recent.len() > RECENT_MAX {
            known.recent.pop_front();
        }
    }

    /// Leader epochs and where they begin, the current one included.
    pub(super) fn epochs(&self) -> Vec<(i32, i64)> {
        let mut epochs: Vec<(i32, i64)> = Vec::new();
        for batch in self.there() {
            if epochs.last().is_none_or(|(last, _)| *last < batch.epoch) {
                epochs.push((batch.epoch, batch.base.max(self.start)));
            }
        }
        if epochs.last().is_none_or(|(last, _)| *last < self.epoch) {
            epochs.push((self.epoch, self.end()));
        }
        epochs
    }
}

/// How an idempotent producer marks a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) id: i64,
    pub(super) epoch: i16,
    pub(super) sequence: i32,
}

/// A position that a group stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: i64,
    pub(super) epoch: i32,
    pub(super) note: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: String,
    /// What the leader gave it.
    pub(super) assignment: Vec<u8>,
}

/// Who is in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) generation: i32,
    pub(super) members: Vec<Member>,
    pub(super) leader: String,
    /// The topic that its members read.
    pub(super) topic: String,
    /// Whether it ever had members.
    pub(super) was_joined: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) now: Membership,
    /// What a restart comes back to.
    pub(super) stored: Membership,
    /// Somebody left, and the others have not joined again.
    pub(super) is_rebalancing: bool,
    pub(super) positions: BTreeMap<(String, i32), Position>,
}

impl Group {
    pub(super) fn state(&self) -> &'static str {
        match (self.now.members.is_empty(), self.is_rebalancing) {
            (true, _) => "Empty",
            (false, true) => "PreparingRebalance",
            (false, false) => "Stable",
        }
    }

    pub(super) fn protocol_type(&self) -> &'static str {
        if self.now.was_joined { "consumer" } else { "" }
    }
}
