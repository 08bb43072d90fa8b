//! Fetches from every leader at once and hands out what arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use thalweg_model::ErrorCode;
use thalweg_model::batch::{StoredBatch, StoredBatchError};
use thalweg_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use thalweg_wire::messages::fetch_response::PartitionData;
use thalweg_wire::messages::{FetchRequest, FetchResponse};
use tokio::task::JoinSet;

use super::positions::Positions;
use super::printer::Printer;
use super::start_at::bounds;
use crate::client::{Client, ClientError, Connection, Retry, check};
use crate::failure::Failure;
use crate::limits::{FETCH_BYTES, FETCH_PARTITION_BYTES, FETCH_WAIT_MS};
use crate::output::Output;
use crate::record::Place;

/// Records of one partition as they came.
#[derive(Debug)]
pub(super) struct Arrived {
    partition: i32,
    records: Bytes,
}

struct Answer {
    partitions: Vec<i32>,
    result: Result<FetchResponse, ClientError>,
}

/// Reads one topic.
pub(super) struct Fetcher {
    topic: String,
    positions: Positions,
    asked: BTreeSet<i32>,
    tasks: JoinSet<Answer>,
    retry: Retry,
}

impl Fetcher {
    /// Reads from these places.
    pub(super) fn new(client: &Client, topic: &str, positions: Positions) -> Self {
        Self {
            topic: topic.to_owned(),
            positions,
            asked: BTreeSet::new(),
            tasks: JoinSet::new(),
            retry: Retry::within(client.timeout()),
        }
    }

    /// How far reading has come.
    pub(super) fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Whether every partition has reached its end.
    pub(super) fn is_finished(&self) -> bool {
        self.positions.unfinished().next().is_none()
    }

    /// Waits until something arrives, and may be dropped while it waits; without partitions it waits for ever.
    pub(super) async fn next(
        &mut self,
        client: &Client,
        out: &mut Output,
    ) -> Result<Vec<Arrived>, Failure> {
        loop {
            if let Err(error) = self.ask(client).await {
                client.forget(&self.topic);
                self.retry.after(error).await?;
                continue;
            }
            let Some(finished) = self.tasks.join_next().await else {
                return std::future::pending().await;
            };
            let answer = finished.map_err(|cause| {
                Failure::new("a fetch ended without an answer").why(cause.to_string())
            })?;
            for partition in &answer.partitions {
                self.asked.remove(partition);
            }
            match self.take(client, out, answer.result).await {
                Ok(arrived) => {
                    self.retry = Retry::within(client.timeout());
                    return Ok(arrived);
                }
                Err(error) => {
                    client.forget(&self.topic);
                    self.retry.after(error).await?;
                }
            }
        }
    }

    /// Asks the leaders of partitions that nobody is asked about.
    async fn ask(&mut self, client: &Client) -> Result<(), ClientError> {
        let idle = self.positions.unfinished();
        let idle: Vec<i32> = idle
            .filter(|partition| !self.asked.contains(partition))
            .collect();
        if idle.is_empty() {
            return Ok(());
        }
        let topic = client.topic(&self.topic).await?;
        for (leader, partitions) in client.by_leader(&self.topic, &idle).await? {
            let connection = client.broker(leader).await?;
            let epochs = topic.partitions.iter().map(|p| (p.index, p.epoch));
            let request = self.request(topic.id, &partitions, &epochs.collect());
            self.asked.extend(&partitions);
            let wait =
                client.timeout() + Duration::from_millis(FETCH_WAIT_MS.unsigned_abs().into());
            self.tasks
                .spawn_local(fetch(connection, request, partitions, wait));
        }
        Ok(())
    }

    fn request(
        &self,
        topic_id: thalweg_model::Uuid,
        partitions: &[i32],
        epochs: &BTreeMap<i32, i32>,
    ) -> FetchRequest {
        let partition = |index: &i32| FetchPartition {
            partition: *index,
            current_leader_epoch: epochs.get(index).copied().unwrap_or(-1),
            fetch_offset: self
                .positions
                .get(*index)
                .map_or(0, |position| position.next),
            partition_max_bytes: FETCH_PARTITION_BYTES,
            ..FetchPartition::default()
        };
        FetchRequest {
            replica_id: -1,
            max_wait_ms: FETCH_WAIT_MS,
            min_bytes: 1,
            max_bytes: FETCH_BYTES,
            // No session: every request names all its partitions.
            session_id: 0,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic: self.topic.as_str().into(),
                topic_id,
                partitions: partitions.iter().map(partition).collect(),
            }],
            ..FetchRequest::default()
        }
    }

    async fn take(
        &mut self,
        client: &Client,
        out: &mut Output,
        result: Result<FetchResponse, ClientError>,
    ) -> Result<Vec<Arrived>, ClientError> {
        let answer = result?;
        check(answer.error_code, "fetch")?;
        let mut arrived = Vec::new();
        let mut failed = Ok(());
        let partitions = answer.responses.into_iter();
        for data in partitions.flat_map(|topic| topic.partitions) {
            let partition = data.partition_index;
            if data.error_code == ErrorCode::OffsetOutOfRange.code() {
                self.back_into_range(client, out, partition).await?;
            } else if let Err(error) = judge(&data, &self.topic) {
                failed = failed.and(Err(error));
            } else if let Some(records) = data.records.filter(|records| !records.is_empty()) {
                arrived.push(Arrived { partition, records });
            }
        }
        // What arrived is shown first; an error that lasts comes again.
        if arrived.is_empty() {
            failed?;
        }
        Ok(arrived)
    }

    /// Retention or a new incarnation took the offset away: the nearest that is kept comes next.
    async fn back_into_range(
        &mut self,
        client: &Client,
        out: &mut Output,
        partition: i32,
    ) -> Result<(), ClientError> {
        let bounds = bounds(client, &self.topic, &[partition]).await?;
        if let (Some(position), Some(bounds)) =
            (self.positions.get(partition), bounds.get(&partition))
        {
            let nearest = position.next.clamp(bounds.start, bounds.end);
            out.notice(format!(
                "partition {partition}: offset {} is not kept, going on at {nearest}",
                position.next
            ));
            self.positions.reset(partition, nearest);
        }
        Ok(())
    }

    /// Prints what arrived, until the printer has enough.
    pub(super) fn print(
        &mut self,
        arrived: Vec<Arrived>,
        out: &mut Output,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        for Arrived {
            partition,
            mut records,
        } in arrived
        {
            while !records.is_empty() && !printer.is_full() {
                let batch = match StoredBatch::split_first(&mut records) {
                    Ok(batch) => batch,
                    // A fetch may end in the middle of a batch; it comes again from its start.
                    Err(StoredBatchError::Incomplete { .. }) => break,
                    Err(StoredBatchError::Damaged(why)) => {
                        let next = self.positions.get(partition).map_or(0, |p| p.next);
                        return Err(self.damaged(partition, next + 1, why));
                    }
                };
                self.print_batch(partition, &batch, out, printer)?;
            }
        }
        Ok(out.flush()?)
    }

    fn print_batch(
        &mut self,
        partition: i32,
        batch: &StoredBatch,
        out: &mut Output,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let header = batch.header();
        if !header.attributes.is_control() {
            let unpacked = batch.unpack();
            let behind = header.next_offset().value();
            let unpacked = unpacked.map_err(|wrong| self.damaged(partition, behind, wrong))?;
            for record in unpacked.records() {
                let record = record.map_err(|wrong| self.damaged(partition, behind, wrong))?;
                if !self.positions.wants(partition, &record) {
                    continue;
                }
                let place = Place {
                    topic: &self.topic,
                    partition,
                };
                printer.print(out, place, &record)?;
                self.positions
                    .advance(partition, record.offset.next().value());
                if printer.is_full() {
                    return Ok(());
                }
            }
        }
        // Offsets at the end of a compacted batch have no record.
        self.positions
            .advance(partition, header.next_offset().value());
        Ok(())
    }

    /// `behind` is where what comes after it begins, as far as is known.
    fn damaged(&self, partition: i32, behind: i64, why: impl std::fmt::Display) -> Failure {
        let next = self.positions.get(partition).map_or(0, |p| p.next);
        Failure::new(format!(
            "partition {partition} of '{}' cannot be read at offset {next}",
            self.topic
        ))
        .why(why.to_string())
        .fix(format!(
            "go on behind it with --partition {partition} --offset {behind}"
        ))
    }
}

async fn fetch(
    connection: Rc<Connection>,
    request: FetchRequest,
    partitions: Vec<i32>,
    wait: Duration,
) -> Answer {
    let result = connection.send_within(&request, wait).await;
    Answer { partitions, result }
}

/// The topic exists, so a broker that does not know it has not heard of it yet, or no longer has it.
fn judge(data: &PartitionData, topic: &str) -> Result<(), ClientError> {
    if data.error_code == ErrorCode::UnknownTopicOrPartition.code() {
        return Err(ClientError::NoLeader {
            topic: topic.to_owned(),
            partition: data.partition_index,
        });
    }
    check(
        data.error_code,
        &format!("partition {} of '{topic}'", data.partition_index),
    )
}
