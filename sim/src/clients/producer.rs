//! Producers, as client libraries are: several batches under way, repeated in order after a failure.

use std::collections::VecDeque;

use bytes::Bytes;
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp};
use thalweg_model::{LeaderEpoch, ProducerEpoch, ProducerId, Timestamp, TopicPartition};
use thalweg_replica::{Acks, AppendError};

use super::{Client, Context, LeaderGuess};
use crate::call::{CallId, Reply, Request};
use crate::truth::BatchId;
use crate::violation::Violation;

/// What a producer promises and expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProducerKind {
    /// Sequence numbers: a repeated batch is there once.
    Idempotent,
    /// Repeats what was not answered; it may be there twice.
    Plain,
    /// Asks for the leader's disk only, and repeats nothing.
    Hasty,
}

#[derive(Debug)]
struct Batch {
    id: BatchId,
    bytes: Bytes,
    call: Option<CallId>,
}

/// A producer that writes to one partition, and to another one when that is deleted.
#[derive(Debug)]
pub(crate) struct Producer {
    number: u64,
    kind: ProducerKind,
    depth: usize,
    bytes_max: u64,
    pause_us: u64,
    partition: Option<TopicPartition>,
    guess: LeaderGuess,
    /// Identity of an idempotent producer; a new one for every partition.
    session: u64,
    next_sequence: i32,
    made: u64,
    under_way: VecDeque<Batch>,
    /// A batch has to be sent again, once none is on its way.
    resend: bool,
    /// One batch was acknowledged, so the partition knows the producer.
    known: bool,
}

impl Producer {
    pub(crate) fn new(
        number: u64,
        kind: ProducerKind,
        depth: usize,
        bytes_max: u64,
        pause_us: u64,
    ) -> Self {
        Self {
            number,
            kind,
            depth,
            bytes_max,
            pause_us,
            partition: None,
            guess: LeaderGuess::default(),
            session: 0,
            next_sequence: 0,
            made: 0,
            under_way: VecDeque::new(),
            resend: false,
            known: false,
        }
    }

    fn acks(&self) -> Acks {
        match self.kind {
            ProducerKind::Idempotent | ProducerKind::Plain => Acks::All,
            ProducerKind::Hasty => Acks::Leader,
        }
    }

    /// The partition to write to; a new one if the last one is gone.
    fn choose(&mut self, cx: &mut Context<'_>) -> Option<TopicPartition> {
        if let Some(partition) = self.partition
            && cx.directory.exists(partition)
        {
            return Some(partition);
        }
        self.under_way.clear();
        self.resend = false;
        self.known = false;
        self.session += 1;
        self.next_sequence = 0;
        self.partition = cx.random.pick(&cx.directory.partitions()).copied();
        self.partition
    }

    fn make(&mut self, cx: &mut Context<'_>) -> Batch {
        self.made += 1;
        let id = BatchId((self.number << 32) | self.made);
        let records = cx.random.between(1, 4);
        let producer = (self.kind == ProducerKind::Idempotent).then(|| ProducerStamp {
            id: ProducerId(i64::try_from(self.number * 10_000 + self.session).unwrap_or(0)),
            epoch: ProducerEpoch(0),
            base_sequence: self.next_sequence,
        });
        let mut builder = BatchBuilder::new(BatchOptions {
            producer,
            ..BatchOptions::default()
        });
        let length = usize::try_from(cx.random.between(1, self.bytes_max)).unwrap_or(1);
        let value = vec![u8::try_from(self.made % 251).unwrap_or(0); length];
        for _ in 0..records {
            builder.push(&NewRecord {
                timestamp: Timestamp(1_700_000_000_000),
                key: Some(&id.0.to_be_bytes()),
                value: Some(&value),
                headers: &[],
            });
        }
        self.next_sequence += i32::try_from(records).unwrap_or(0);
        let batch = builder.finish().expect("a plain batch needs no codec");
        let epoch = LeaderEpoch::default();
        let bytes = batch
            .assign(thalweg_model::Offset::ZERO, epoch)
            .bytes()
            .clone();
        Batch {
            id,
            bytes,
            call: None,
        }
    }

    fn send(&mut self, at: usize, partition: TopicPartition, cx: &mut Context<'_>) {
        let acks = self.acks();
        let Some(node) = self.guess.node(cx.directory, partition) else {
            return;
        };
        let Some(batch) = self.under_way.get_mut(at) else {
            return;
        };
        let idempotent = self.kind == ProducerKind::Idempotent;
        cx.truth
            .sending(partition, batch.id, &batch.bytes, idempotent);
        let request = Request::Produce {
            partition,
            batch: batch.bytes.clone(),
            acks,
        };
        batch.call = Some(cx.call(node, request));
    }

    fn is_waiting(&self) -> bool {
        self.under_way.iter().any(|batch| batch.call.is_some())
    }

    /// What a failed batch means for it and those behind it.
    fn failed(
        &mut self,
        at: usize,
        reply: &Reply,
        partition: TopicPartition,
        cx: &mut Context<'_>,
    ) {
        let id = self.under_way[at].id;
        match reply {
            Reply::Refused(error) => {
                cx.truth.refused(partition, id);
                let again = match error {
                    AppendError::Overloaded
                    | AppendError::NotEnoughReplicas
                    | AppendError::Write(_)
                    | AppendError::Producer(_) => self.kind == ProducerKind::Idempotent,
                    AppendError::UnknownPartition
                    | AppendError::NotLeader
                    | AppendError::StorageFailed => true,
                };
                self.again_or_not(at, again);
            }
            Reply::NotHere | Reply::Unreachable | Reply::Unknown => {
                if !self.resend {
                    // Once for all that was under way: three steps among three nodes lead nowhere.
                    self.guess.was_wrong();
                }
                let again = match self.kind {
                    ProducerKind::Idempotent => true,
                    ProducerKind::Plain => cx.ending || cx.random.percent(50),
                    ProducerKind::Hasty => false,
                };
                self.again_or_not(at, again);
            }
            Reply::Produced(_)
            | Reply::Fetched(_)
            | Reply::Deleted(_)
            | Reply::Group(_)
            | Reply::Heartbeat(_)
            | Reply::Administered(_)
            | Reply::OutOfRange(_)
            | Reply::Unreadable(_) => {}
        }
    }

    fn again_or_not(&mut self, at: usize, again: bool) {
        if again {
            self.resend = true;
        } else {
            self.under_way.remove(at);
        }
    }
}

impl Client for Producer {
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Violation> {
        let Some(partition) = self.choose(cx) else {
            if !cx.ending {
                cx.wake(50_000, 200_000);
            }
            return Ok(());
        };
        if self.resend {
            if !self.is_waiting() {
                self.resend = false;
                for at in 0..self.under_way.len() {
                    self.send(at, partition, cx);
                }
            }
            cx.wake(10_000, 50_000);
            return Ok(());
        }
        let depth = if self.known { self.depth } else { 1 };
        if !cx.ending && self.under_way.len() < depth {
            let batch = self.make(cx);
            self.under_way.push_back(batch);
            self.send(self.under_way.len() - 1, partition, cx);
        }
        if !cx.ending {
            cx.wake(0, self.pause_us);
        }
        Ok(())
    }

    fn answered(
        &mut self,
        call: CallId,
        reply: Reply,
        cx: &mut Context<'_>,
    ) -> Result<(), Violation> {
        let at = self
            .under_way
            .iter()
            .position(|batch| batch.call == Some(call));
        let (Some(at), Some(partition)) = (at, self.partition) else {
            return Ok(());
        };
        self.under_way[at].call = None;
        if !cx.directory.exists(partition) {
            cx.wake(0, 1_000);
            return Ok(());
        }
        if let Reply::Produced(produced) = reply {
            let batch = self.under_way.remove(at).expect("its place was found");
            let kept = self.acks() == Acks::All;
            self.known = true;
            cx.truth.acknowledged(partition, batch.id, produced, kept)?;
        } else {
            self.failed(at, &reply, partition, cx);
        }
        if self.resend || !cx.ending {
            cx.wake(100, 20_000);
        }
        Ok(())
    }

    fn waits_for(&self) -> Option<String> {
        let first = self.under_way.front()?;
        Some(format!(
            "{:?} producer {} with {:?} for {:?}",
            self.kind, self.number, first.id, self.partition
        ))
    }
}
