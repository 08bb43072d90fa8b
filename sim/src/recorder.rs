//! What clients asked and were told, as a history that the checker reads.
//!
//! A batch counts as one record, named by its id, at its base offset.

use std::collections::BTreeMap;

use thalweg_model::batch::{BatchHeader, StoredBatch};
use thalweg_model::{Tick, TopicPartition};
use thalweg_replica::Acks;

use crate::call::{CallId, ClientId, Fetched, Reply, Request};
use crate::history::{
    self, Call, Observed, Operation, Outcome, Partition, Place, ProducerRef, Sent,
};
use crate::session::GroupCall;
use crate::truth::batch_id;
use crate::violation::Violation;

/// A request that is not answered yet.
#[derive(Debug)]
struct Open {
    client: ClientId,
    invoked: Tick,
    request: Request,
}

/// How far a client has read without a jump.
#[derive(Debug)]
struct Session {
    number: u64,
    partition: TopicPartition,
    next: i64,
}

/// Everything that a client who reads all of a partition found.
#[derive(Debug)]
struct Look {
    invoked: Tick,
    found: Place,
}

/// Writes the history of a run.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// There are several nodes: one that does not know yet that it was replaced may tell an older mark.
    marks_may_lag: bool,
    operations: Vec<Operation>,
    open: BTreeMap<CallId, Open>,
    sessions: BTreeMap<ClientId, Session>,
    looks: BTreeMap<ClientId, Look>,
    /// What the mark of each partition is known to be at least, by what anybody was told.
    marks: BTreeMap<TopicPartition, i64>,
}

impl Recorder {
    pub(crate) fn new(marks_may_lag: bool) -> Self {
        Self {
            marks_may_lag,
            ..Self::default()
        }
    }

    pub(crate) fn asked(&mut self, client: ClientId, call: CallId, request: &Request, now: Tick) {
        let open = Open {
            client,
            invoked: now,
            request: request.clone(),
        };
        self.open.insert(call, open);
    }

    pub(crate) fn answered(&mut self, call: CallId, reply: &Reply, now: Tick) {
        let Some(open) = self.open.remove(&call) else {
            return;
        };
        if let Some(call) = self.call(&open, Some((reply, now))) {
            self.operations.push(Operation {
                invoked: open.invoked.0,
                returned: Some(now.0),
                call,
            });
        }
    }

    /// A client is about to read all of a partition.
    pub(crate) fn follow(&mut self, client: ClientId, now: Tick) {
        let found = Place {
            log_start: 0,
            high_watermark: 0,
            records: Vec::new(),
        };
        let look = Look {
            invoked: now,
            found,
        };
        self.looks.insert(client, look);
    }

    /// What a client read that has read all of a partition.
    pub(crate) fn drained(&mut self, client: ClientId, partition: TopicPartition, now: Tick) {
        if let Some(look) = self.looks.remove(&client) {
            self.operations.push(Operation {
                invoked: look.invoked.0,
                returned: Some(now.0),
                call: Call::Drain {
                    partition: named(partition),
                    found: look.found,
                },
            });
        }
    }

    /// The history, checked.
    pub(crate) fn check(&mut self) -> Result<(), Violation> {
        for open in std::mem::take(&mut self.open).into_values() {
            if let Some(call) = self.call(&open, None) {
                self.operations.push(Operation {
                    invoked: open.invoked.0,
                    returned: None,
                    call,
                });
            }
        }
        match history::check(&self.operations).into_iter().next() {
            Some(broken) => Err(Violation::new(broken.invariant.name(), broken.seen)),
            None => Ok(()),
        }
    }

    fn call(&mut self, open: &Open, answer: Option<(&Reply, Tick)>) -> Option<Call> {
        let reply = answer.map(|(reply, _)| reply);
        match &open.request {
            Request::Produce {
                partition,
                batch,
                acks,
            } => {
                if let (Acks::All, Some(Reply::Produced(produced))) = (acks, reply) {
                    self.learn_mark(*partition, produced.appended.base.value() + 1);
                }
                let header = BatchHeader::decode(batch)?;
                let sent = StoredBatch::split_first(&mut batch.clone()).ok()?;
                Some(Call::Send {
                    partition: named(*partition),
                    acks: match acks {
                        Acks::None => history::Acks::None,
                        Acks::Leader => history::Acks::Leader,
                        Acks::All => history::Acks::All,
                    },
                    producer: header.producer().map(|producer| ProducerRef {
                        id: producer.id.0,
                        epoch: producer.epoch.0,
                        sequence: producer.base_sequence.into(),
                    }),
                    records: vec![Sent {
                        value: value(&sent)?,
                        body: header.crc.into(),
                    }],
                    outcome: send_outcome(reply),
                })
            }
            Request::Fetch {
                partition, from, ..
            } => match answer? {
                (Reply::Fetched(found), _) => {
                    let at = (*partition, from.value());
                    Some(self.poll(open.client, at, found))
                }
                (Reply::OutOfRange(_), _) => {
                    if let Some(look) = self.looks.get_mut(&open.client) {
                        look.found.records.clear();
                    }
                    None
                }
                (
                    Reply::Produced(_)
                    | Reply::Refused(_)
                    | Reply::Unknown
                    | Reply::Deleted(_)
                    | Reply::NotHere
                    | Reply::Unreadable(_)
                    | Reply::Group(_)
                    | Reply::Heartbeat(_)
                    | Reply::Administered(_)
                    | Reply::Unreachable,
                    _,
                ) => None,
            },
            Request::DeleteRecords { partition, up_to } => Some(Call::DeleteRecords {
                partition: named(*partition),
                before: up_to.map_or(i64::MAX, |offset| offset.value()),
                outcome: match reply {
                    Some(Reply::Deleted(marks)) => Outcome::Ok(marks.log_start.value()),
                    Some(_) | None => Outcome::Unknown,
                },
            }),
            Request::Group(_, asked) => group_call(asked, reply),
            Request::Administer(_) => None,
        }
    }

    /// The mark of a partition was so high; returns the highest that it was.
    fn learn_mark(&mut self, partition: TopicPartition, high: i64) -> i64 {
        let known = self.marks.entry(partition).or_default();
        *known = high.max(*known);
        *known
    }

    fn poll(
        &mut self,
        client: ClientId,
        (partition, from): (TopicPartition, i64),
        found: &Fetched,
    ) -> Call {
        let high = found.marks.high_watermark.value();
        let known = self.learn_mark(partition, high);
        let place = Place {
            log_start: found.marks.log_start.value(),
            // Marks and acknowledgements of one epoch and the next are compared where epochs are
            // known, see `Truth::marks`.
            high_watermark: if self.marks_may_lag { known } else { high },
            records: found.batches.iter().filter_map(observed).collect(),
        };
        if let Some(look) = self.looks.get_mut(&client) {
            if look.found.records.is_empty() {
                look.found.log_start = from;
            }
            look.found.high_watermark = place.high_watermark;
            look.found.records.extend(place.records.iter().cloned());
        }
        let last = found.batches.last();
        let next = last.map_or(from, |batch| batch.header().next_offset().value());
        let session = self.sessions.entry(client).or_insert(Session {
            number: 0,
            partition,
            next: from,
        });
        if session.partition != partition || session.next != from {
            session.number += 1;
        }
        (session.partition, session.next) = (partition, next);
        Call::Poll {
            consumer: format!("{}/{}", client.0, session.number),
            partition: named(partition),
            from,
            outcome: Outcome::Ok(place),
        }
    }
}

fn group_call(asked: &GroupCall, reply: Option<&Reply>) -> Option<Call> {
    match reply {
        Some(Reply::NotHere | Reply::Unreachable) => None,
        Some(Reply::Group(reply)) => asked.told(Some(reply)),
        Some(_) | None => asked.told(None),
    }
}

fn send_outcome(reply: Option<&Reply>) -> Outcome<i64> {
    match reply {
        Some(Reply::Produced(produced)) => Outcome::Ok(produced.appended.base.value()),
        Some(Reply::Refused(_) | Reply::NotHere | Reply::Unreachable) => Outcome::Failed,
        Some(
            Reply::Unknown
            | Reply::Fetched(_)
            | Reply::Deleted(_)
            | Reply::OutOfRange(_)
            | Reply::Group(_)
            | Reply::Heartbeat(_)
            | Reply::Administered(_)
            | Reply::Unreadable(_),
        )
        | None => Outcome::Unknown,
    }
}

fn named(partition: TopicPartition) -> Partition {
    Partition {
        topic: partition.topic.to_string(),
        number: partition.partition.0,
    }
}

fn value(batch: &StoredBatch) -> Option<String> {
    Some(batch_id(batch)?.0.to_string())
}

fn observed(batch: &StoredBatch) -> Option<Observed> {
    let header = batch.header();
    Some(Observed {
        offset: header.base_offset,
        value: value(batch)?,
        body: header.crc.into(),
        timestamp: header.max_timestamp.0,
    })
}
