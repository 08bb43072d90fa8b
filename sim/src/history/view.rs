//! A history sorted by what it is about.

use std::collections::BTreeMap;

use super::{Call, Observed, Operation, OperationId, Outcome, Partition, Place, ProducerRef, Sent};

/// A batch that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Send<'h> {
    pub(super) id: OperationId,
    pub(super) operation: &'h Operation,
    pub(super) producer: Option<ProducerRef>,
    pub(super) records: &'h [Sent],
    pub(super) outcome: &'h Outcome<i64>,
    /// Acknowledged, and not by the leader alone.
    pub(super) kept: bool,
}

/// Records that were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'h> {
    pub(super) id: OperationId,
    pub(super) operation: &'h Operation,
    /// Who, unless it is the last look at everything.
    pub(super) consumer: Option<&'h str>,
    pub(super) from: i64,
    pub(super) place: &'h Place,
}

/// A record at an offset, as somebody saw or was told it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'h> {
    pub(super) id: OperationId,
    pub(super) operation: &'h Operation,
    pub(super) offset: i64,
    pub(super) value: &'h str,
    /// Absent where the producer was told the offset.
    pub(super) read: Option<&'h Observed>,
}

/// A search for the first record that is not older than a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup<'h> {
    pub(super) id: OperationId,
    pub(super) operation: &'h Operation,
    pub(super) timestamp: i64,
    /// Offset and timestamp.
    pub(super) found: Option<(i64, i64)>,
}

/// All that is known of one partition.
#[derive(Debug, Default)]
pub(super) struct Topic<'h> {
    pub(super) sends: Vec<Send<'h>>,
    pub(super) reads: Vec<Read<'h>>,
    /// Deletions that may have happened: id, operation, below which offset.
    pub(super) deletes: Vec<(OperationId, &'h Operation, i64)>,
    /// First offsets that were told.
    pub(super) earliest: Vec<(OperationId, &'h Operation, i64)>,
    /// Offsets after the last record that were told.
    pub(super) latest: Vec<(OperationId, &'h Operation, i64)>,
    pub(super) by_time: Vec<Lookup<'h>>,
}

/// The history by partitions.
#[derive(Debug)]
pub(super) struct View<'h> {
    pub(super) history: &'h [Operation],
    pub(super) partitions: BTreeMap<&'h Partition, Topic<'h>>,
}

impl<'h> View<'h> {
    pub(super) fn of(history: &'h [Operation]) -> Self {
        let mut partitions: BTreeMap<&Partition, Topic<'h>> = BTreeMap::new();
        for (at, operation) in history.iter().enumerate() {
            let id = OperationId(at);
            if let Some(partition) = partition_of(&operation.call) {
                partitions.entry(partition).or_default().add(id, operation);
            }
        }
        Self {
            history,
            partitions,
        }
    }
}

fn partition_of(call: &Call) -> Option<&Partition> {
    match call {
        Call::Send { partition, .. }
        | Call::Poll { partition, .. }
        | Call::Drain { partition, .. }
        | Call::DeleteRecords { partition, .. }
        | Call::Earliest { partition, .. }
        | Call::Latest { partition, .. }
        | Call::ByTime { partition, .. } => Some(partition),
        Call::Assigned { .. } | Call::Commit { .. } | Call::Committed { .. } => None,
    }
}

impl<'h> Topic<'h> {
    fn add(&mut self, id: OperationId, operation: &'h Operation) {
        match &operation.call {
            Call::Send {
                acks,
                producer,
                records,
                outcome,
                ..
            } => self.sends.push(Send {
                id,
                operation,
                producer: *producer,
                records,
                outcome,
                kept: outcome.ok().is_some() && *acks == super::Acks::All,
            }),
            Call::Poll {
                consumer,
                from,
                outcome,
                ..
            } => self.reads.extend(outcome.ok().map(|place| Read {
                id,
                operation,
                consumer: Some(consumer),
                from: *from,
                place,
            })),
            Call::Drain { found, .. } => self.reads.push(Read {
                id,
                operation,
                consumer: None,
                from: found.log_start,
                place: found,
            }),
            Call::DeleteRecords {
                before, outcome, ..
            } => {
                if *outcome != Outcome::Failed {
                    self.deletes.push((id, operation, *before));
                }
            }
            Call::Earliest { outcome, .. } => {
                self.earliest
                    .extend(outcome.ok().map(|&first| (id, operation, first)));
            }
            Call::Latest { outcome, .. } => {
                self.latest
                    .extend(outcome.ok().map(|&last| (id, operation, last)));
            }
            Call::ByTime {
                timestamp, outcome, ..
            } => {
                self.by_time.extend(outcome.ok().map(|&found| Lookup {
                    id,
                    operation,
                    timestamp: *timestamp,
                    found,
                }));
            }
            Call::Assigned { .. } | Call::Commit { .. } | Call::Committed { .. } => {}
        }
    }

    /// Every record at an offset: told to producers, then read.
    pub(super) fn sights(&self) -> Vec<Sight<'h>> {
        let mut sights = Vec::new();
        for send in self.sends.iter().filter(|send| send.kept) {
            let base = send.outcome.ok().copied().unwrap_or_default();
            sights.extend((base..).zip(send.records).map(|(offset, sent)| Sight {
                id: send.id,
                operation: send.operation,
                offset,
                value: &sent.value,
                read: None,
            }));
        }
        for read in &self.reads {
            sights.extend(read.place.records.iter().map(|record| Sight {
                id: read.id,
                operation: read.operation,
                offset: record.offset,
                value: &record.value,
                read: Some(record),
            }));
        }
        sights
    }

    /// The last look at everything, if there was one.
    pub(super) fn drain(&self) -> Option<&Read<'h>> {
        self.reads.iter().rev().find(|read| read.consumer.is_none())
    }

    /// The highest offset below which somebody may have deleted, asked before `by`.
    pub(super) fn deleted_below(&self, by: u64) -> i64 {
        let asked = self
            .deletes
            .iter()
            .filter(|(_, delete, _)| delete.invoked <= by);
        asked.map(|(_, _, before)| *before).max().unwrap_or(0)
    }
}
