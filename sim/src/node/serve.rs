//! What the broker's handlers would do: requests in, answers out.

use bytes::Bytes;
use thalweg_log::GroupId;
use thalweg_log::disk::{DiskFile, SimDisk};
use thalweg_model::batch::StoredBatch;
use thalweg_model::{Now, Offset, Tick, TopicPartition};
use thalweg_replica::{
    AccessError, Acks, AppendError, Appended, Isolation, Piece, ReadRequest, Ticket, WaiterId,
};

use super::{Output, Running, SimNode};
use crate::call::{CallId, ClientId, Fetched, Produced, Reply, Request, checked};

/// An append that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppendCall {
    client: ClientId,
    call: CallId,
    group: GroupId,
}

/// A fetch that may have to wait.
#[derive(Clone, Debug)]
pub(super) struct FetchCall {
    client: ClientId,
    call: CallId,
    group: GroupId,
    from: Offset,
    bytes_max: usize,
    deadline: Tick,
    at_replica: bool,
}

impl SimNode {
    /// A request arrives.
    pub(crate) fn serve(&mut self, client: ClientId, call: CallId, request: Request, at: Tick) {
        let now = self.clock(at);
        if let Some(running) = &mut self.running {
            running.serve((client, call), request, now);
        }
    }
}

impl Running {
    pub(super) fn answer(&mut self, (client, call): (ClientId, CallId), reply: Reply) {
        self.outputs.push(Output::Answer {
            client,
            call,
            reply,
        });
    }

    fn serve(&mut self, asked: (ClientId, CallId), request: Request, now: Now) {
        let group = |partition: TopicPartition| self.groups.get(&partition).copied();
        match request {
            Request::Produce {
                partition,
                batch,
                acks,
            } => match group(partition) {
                Some(group) => self.produce(asked, group, &batch, acks),
                None => self.answer(asked, Reply::NotHere),
            },
            Request::Fetch {
                partition,
                from,
                bytes_max,
                wait_us,
                at_replica,
            } => match group(partition) {
                Some(group) => {
                    let (client, call) = asked;
                    let deadline = Tick(now.tick.0 + wait_us);
                    self.fetch(
                        FetchCall {
                            client,
                            call,
                            group,
                            from,
                            bytes_max,
                            deadline,
                            at_replica,
                        },
                        now,
                    );
                }
                None => self.answer(asked, Reply::NotHere),
            },
            Request::DeleteRecords { partition, up_to } => {
                let reply = match group(partition) {
                    Some(group) => match self.shard.delete_records(group, up_to, now) {
                        Ok(marks) => Reply::Deleted(marks),
                        Err(error) => refusal(error),
                    },
                    None => Reply::NotHere,
                };
                self.answer(asked, reply);
            }
            Request::Group(partition, call) => match group(partition) {
                Some(group) => self.ask_group(asked, group, &call, now),
                None => self.answer(asked, Reply::NotHere),
            },
            Request::Administer(call) => self.administer(asked, call, now),
        }
    }

    fn produce(&mut self, asked: (ClientId, CallId), group: GroupId, batch: &Bytes, acks: Acks) {
        self.next_ticket += 1;
        let ticket = Ticket {
            request: self.next_ticket,
            part: 0,
        };
        match self.shard.append(group, checked(batch), acks, ticket) {
            Ok(()) if acks == Acks::None => {}
            Ok(()) => {
                let (client, call) = asked;
                let append = AppendCall {
                    client,
                    call,
                    group,
                };
                self.tickets.insert(ticket, append);
            }
            Err(AppendError::NotLeader | AppendError::UnknownPartition) => {
                self.answer(asked, Reply::NotHere);
            }
            Err(AppendError::StorageFailed) => self.answer(asked, Reply::Unknown),
            Err(error) => self.answer(asked, Reply::Refused(error)),
        }
    }

    pub(super) fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<Appended, AppendError>,
        now: Now,
    ) {
        if self.group_append_completed(ticket, &result, now)
            || self.metadata_append_completed(ticket, &result, now)
        {
            return;
        }
        let Some(append) = self.tickets.remove(&ticket) else {
            return;
        };
        let reply = match result {
            Ok(appended) => Reply::Produced(Produced {
                appended,
                epoch: self.shard.leader_epoch(append.group),
            }),
            // It had been taken: what becomes of it is not known.
            Err(AppendError::NotLeader | AppendError::StorageFailed) => Reply::Unknown,
            Err(error) => Reply::Refused(error),
        };
        self.answer((append.client, append.call), reply);
    }

    fn fetch(&mut self, fetch: FetchCall, now: Now) {
        let request = ReadRequest {
            group: fetch.group,
            from: fetch.from,
            bytes_max: fetch.bytes_max,
            at_least_one: true,
            isolation: Isolation::Committed,
            epoch: None,
            from_files: false,
        };
        let asked = (fetch.client, fetch.call);
        let epoch = self.shard.leader_epoch(fetch.group);
        let read = if fetch.at_replica {
            self.shard.read_at_replica(&request)
        } else {
            self.shard.read(&request)
        };
        match read {
            Err(error) => self.answer(asked, refusal(error)),
            Ok(read) if read.pieces.is_empty() && now.tick < fetch.deadline => {
                match self.shard.wait(vec![fetch.group], 1, fetch.deadline) {
                    Some(waiter) => {
                        self.fetches.insert(waiter, fetch);
                    }
                    None => self.answer(asked, Reply::NotHere),
                }
            }
            Ok(read) => {
                let marks = read.marks;
                let reply = match batches(&read.pieces) {
                    Ok(batches) => Reply::Fetched(Fetched {
                        batches,
                        marks,
                        epoch,
                    }),
                    Err(error) => Reply::Unreadable(error),
                };
                self.answer(asked, reply);
            }
        }
    }

    pub(super) fn woken(&mut self, waiter: WaiterId, now: Now) {
        if let Some(fetch) = self.fetches.remove(&waiter) {
            self.fetch(fetch, now);
        }
    }
}

fn refusal(error: AccessError) -> Reply {
    match error {
        AccessError::OutOfRange(marks) => Reply::OutOfRange(marks),
        AccessError::Log(error) => Reply::Unreadable(error.to_string()),
        AccessError::UnknownPartition
        | AccessError::NotLeader
        | AccessError::FencedEpoch { .. }
        | AccessError::UnknownEpoch { .. } => Reply::NotHere,
    }
}

/// The batches of all pieces, checked as a client would.
pub(super) fn batches(pieces: &[Piece<SimDisk>]) -> Result<Vec<StoredBatch>, String> {
    let mut batches = Vec::new();
    for piece in pieces {
        let mut bytes = match piece {
            Piece::Bytes(bytes) => bytes.clone(),
            Piece::Extent(extent) => {
                let length = usize::try_from(extent.length).expect("an extent fits memory");
                let mut bytes = vec![0; length];
                let read = extent.file.read_exact_at(&mut bytes, extent.position);
                read.map_err(|error| error.to_string())?;
                bytes.into()
            }
        };
        while !bytes.is_empty() {
            let batch = StoredBatch::split_first(&mut bytes);
            batches.push(batch.map_err(|error| error.to_string())?);
        }
    }
    Ok(batches)
}
