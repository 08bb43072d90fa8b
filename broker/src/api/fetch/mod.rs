//! Fetch: batches out, from memory or straight from segment files.
//!
//! Versions: 4-18
//! Behaviour: whole batches, the first of which holds the offset asked for; the first batch of an
//! answer comes even if it is larger than the limits (KIP-74). With too few bytes the answer waits
//! for more, for a change of leader, or for `max_wait_ms`. Bytes below the high watermark only, and
//! below the last stable offset for readers of committed data.
//! - 7: sessions (KIP-227). - 9: leader epochs (KIP-320). - 12: `last_fetched_epoch` finds where logs
//!   diverge (KIP-595). - 13: topics by id.
//!
//! Not done: fetching from followers (one node has none): a replica id is ignored, so that no client
//! sees more than a consumer; transactions, so that no answer lists aborted ones.

mod read;
pub(crate) mod session;

use std::rc::Rc;
use std::time::Duration;

use thalweg_log::GroupId;
use thalweg_model::{ErrorCode, Tick};
use thalweg_replica::WaiterId;
use thalweg_wire::fetch::{Fetched, FetchedPartition, FetchedTopic, Piece};
use thalweg_wire::header::RequestHeader;
use thalweg_wire::messages::FetchRequest;
use thalweg_wire::{ApiKey, Message};
use tokio::sync::oneshot;

use self::read::{Found, Limits};
use self::session::{Kind, Wanted};
use super::Api;
use crate::limits::FETCH_WAIT_MAX;
use crate::net::answer::{Answer, Call, Reply};
use crate::net::piece::FileExtent;
use crate::node::Node;

pub(super) const API: Api = Api::new(ApiKey::Fetch, 4, 18, handle);

/// A fetch under way.
struct Fetch {
    node: Rc<Node>,
    header: RequestHeader,
    kind: Kind,
    wanted: Vec<Wanted>,
    limits: Limits,
    bytes_min: usize,
    deadline: Tick,
}

fn handle(call: Call) -> Reply {
    let Call {
        node, header, body, ..
    } = call;
    let mut request = match FetchRequest::from_bytes(&body.freeze(), header.version) {
        Ok(request) => request,
        Err(error) => {
            return Reply::Now(Answer::Close(format!(
                "a Fetch request cannot be read: {error}"
            )));
        }
    };
    let now = node.clock.tick();
    let opened = node.fetch_sessions.borrow_mut().open(
        &mut request,
        header.version,
        now,
        node.config.fetch_sessions_max(),
    );
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let requests = &node.metrics.requests;
            requests.note_error(ApiKey::Fetch, error.code());
            return Reply::Now(refuse(error, &header));
        }
    };
    let wait = u64::try_from(request.max_wait_ms).unwrap_or(0);
    let wait = Duration::from_millis(wait).min(FETCH_WAIT_MAX);
    let fetch = Fetch {
        limits: Limits::of(&request, &node, header.version),
        bytes_min: usize::try_from(request.min_bytes).unwrap_or(0),
        deadline: now.after(wait),
        kind: opened.kind,
        wanted: opened.wanted,
        header,
        node,
    };
    let found = fetch.read();
    let read = fetch.node.clock.tick();
    let took = read.0 - now.0;
    fetch.node.metrics.fetch.read.record(took);
    match found {
        Ok(found) if found.iter().any(Found::is_unverified) => {
            Reply::later(fetch.verify_and_finish(found))
        }
        Ok(found) => Reply::Now(fetch.finish(found)),
        Err(short) => Reply::later(fetch.wait(short, read)),
    }
}

fn refuse(error: ErrorCode, header: &RequestHeader) -> Answer {
    let response: Fetched<FileExtent> = Fetched {
        throttle_time_ms: 0,
        error_code: error.code(),
        session_id: 0,
        topics: Vec::new(),
        node_endpoints: Vec::new(),
    };
    encode(response, header)
}

fn encode(response: Fetched<FileExtent>, header: &RequestHeader) -> Answer {
    match response.encode(header.version, header.correlation_id) {
        Ok(frame) => Answer::Frame(frame.pieces),
        Err(error) => Answer::Close(format!("the answer does not fit the protocol: {error}")),
    }
}

/// Too little was found, and where more may come from.
struct Short {
    groups: Vec<GroupId>,
    bytes_missing: usize,
}

impl Fetch {
    /// Reads what there is; an error if waiting may bring more.
    fn read(&self) -> Result<Vec<Found>, Short> {
        let found = read::all(&self.node, &self.wanted, &self.limits);
        let bytes: usize = found.iter().map(Found::bytes).sum();
        let enough = bytes >= self.bytes_min
            || found.iter().any(Found::cannot_wait)
            || self.node.clock.tick() >= self.deadline
            || found.is_empty();
        if enough {
            return Ok(found);
        }
        let groups = found.iter().filter_map(|found| found.group).collect();
        Err(Short {
            groups,
            bytes_missing: self.bytes_min - bytes,
        })
    }

    async fn wait(self, mut short: Short, since: Tick) -> Answer {
        loop {
            let registered = self.register(short);
            let Some((registration, woken)) = registered else {
                let found = read::all(&self.node, &self.wanted, &self.limits);
                return self.verify_and_finish(found).await;
            };
            // A sender that is gone means the shard is: what is there is the answer.
            let _gone = woken.await;
            drop(registration);
            match self.read() {
                Ok(found) => {
                    let waited = self.node.clock.tick().0 - since.0;
                    self.node.metrics.fetch.wait.record(waited);
                    return self.verify_and_finish(found).await;
                }
                Err(still_short) => short = still_short,
            }
        }
    }

    /// Has records looked at that nobody looked at since the start, before they are promised.
    async fn verify_and_finish(self, mut found: Vec<Found>) -> Answer {
        for found in &mut found {
            found.verify().await;
        }
        self.finish(found)
    }

    fn register(&self, short: Short) -> Option<(Registration, oneshot::Receiver<()>)> {
        let Short {
            groups,
            bytes_missing,
        } = short;
        let deadline = self.deadline;
        let waiter = self
            .node
            .with_shard(|shard| shard.wait(groups, bytes_missing, deadline))?;
        let (wake, woken) = oneshot::channel();
        self.node.fetch_waiters.borrow_mut().insert(waiter, wake);
        self.node.deadline_changed.notify_one();
        Some((
            Registration {
                node: Rc::clone(&self.node),
                waiter,
            },
            woken,
        ))
    }

    fn count(&self, partition: &FetchedPartition<FileExtent>) {
        let metrics = &self.node.metrics;
        metrics
            .requests
            .note_error(ApiKey::Fetch, partition.error_code);
        for piece in &partition.records {
            let source = match piece {
                Piece::Bytes(_) => &metrics.fetch.memory_bytes,
                Piece::Extent(_) => &metrics.fetch.file_bytes,
            };
            source.add_len(piece.byte_len());
        }
    }

    fn finish(mut self, found: Vec<Found>) -> Answer {
        let incremental = matches!(self.kind, Kind::Incremental(_));
        let mut topics: Vec<FetchedTopic<FileExtent>> = Vec::new();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (mut wanted, found) in std::mem::take(&mut self.wanted).into_iter().zip(found) {
            let partition = found.partition;
            self.count(&partition);
            let marks = (partition.high_watermark, partition.log_start_offset);
            let has_data = !partition.records.is_empty();
            let news = wanted.is_news(marks)
                || has_data
                || partition.error_code != 0
                || partition.diverging_epoch.is_some();
            if news || !incremental {
                push(&mut topics, &wanted, partition);
            }
            if has_data {
                last.push(wanted);
            } else {
                first.push(wanted);
            }
        }
        first.append(&mut last);
        let now = self.node.clock.tick();
        self.node
            .fetch_sessions
            .borrow_mut()
            .close(self.kind, first, now);
        let response = Fetched {
            throttle_time_ms: 0,
            error_code: 0,
            session_id: self.kind.id(),
            topics,
            node_endpoints: Vec::new(),
        };
        encode(response, &self.header)
    }
}

fn push(
    topics: &mut Vec<FetchedTopic<FileExtent>>,
    wanted: &Wanted,
    partition: FetchedPartition<FileExtent>,
) {
    let key = &wanted.topic;
    match topics.last_mut() {
        Some(topic) if topic.id == key.id && topic.name == key.name => {
            topic.partitions.push(partition);
        }
        Some(_) | None => topics.push(FetchedTopic {
            name: key.name.clone(),
            id: key.id,
            partitions: vec![partition],
        }),
    }
}

/// A waiting fetch's place in the shard; given up with the connection.
struct Registration {
    node: Rc<Node>,
    waiter: WaiterId,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self
            .node
            .fetch_waiters
            .borrow_mut()
            .remove(&self.waiter)
            .is_some()
        {
            self.node.with_shard(|shard| shard.forget(self.waiter));
        }
    }
}
