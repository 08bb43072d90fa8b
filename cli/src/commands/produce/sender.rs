//! Sends batches to the leaders, one for each partition at a time, and again until each has its answer.
//!
//! With at most one unanswered batch for each partition, order needs nothing else, and an idempotent producer's sequence
//! numbers make a repetition harmless.

use std::collections::BTreeMap;

use bytes::Bytes;
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp};
use thalweg_model::compression::Compression;
use thalweg_model::{ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp, Uuid};
use thalweg_wire::ApiKey;
use thalweg_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use thalweg_wire::messages::produce_response::PartitionProduceResponse;
use thalweg_wire::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};

use super::partitioner::Partitioner;
use super::rounds::{Backlog, Gathered};
use crate::client::{Client, ClientError, Retry, check_text};
use crate::clock;
use crate::commands::answers::{chosen_partitions, unknown_topic};
use crate::failure::Failure;
use crate::record::Draft;

/// How records are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// Codec of the batches.
    pub(super) compression: Compression,
    /// The protocol's acks: -1, 1 or 0.
    pub(super) acks: i16,
    /// The partition of every record, if it was chosen.
    pub(super) partition: Option<i32>,
}

/// A batch that was answered, or sent without an answer.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its partition.
    pub(super) partition: i32,
    /// Offset of its first record; unknown without an answer.
    pub(super) base_offset: Option<i64>,
    /// The broker's timestamp, if the topic takes that.
    pub(super) append_time: Option<i64>,
    /// The records' own timestamps.
    pub(super) timestamps: Vec<i64>,
}

/// A batch on its way.
struct Batch {
    bytes: Bytes,
    timestamps: Vec<i64>,
}

/// Sends records to one topic.
pub(super) struct Sender<'a> {
    client: &'a Client,
    topic: &'a str,
    options: Options,
    partitioner: Partitioner,
    producer: Option<(ProducerId, ProducerEpoch)>,
    /// The next sequence number of each partition.
    sequences: BTreeMap<i32, i32>,
}

impl<'a> Sender<'a> {
    /// Looks the topic up, creating it if the broker does that, and becomes an idempotent producer where possible.
    pub(super) async fn open(
        client: &'a Client,
        topic: &'a str,
        options: Options,
    ) -> Result<Self, Failure> {
        let known = match client.refreshed(topic, true).await {
            Err(error) if error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {
                let why = "the broker does not create topics by itself";
                return Err(unknown_topic(client, topic).await.why(why));
            }
            known => known?,
        };
        if let Some(partition) = options.partition {
            chosen_partitions(&known, &[partition])?;
        }
        let count = u32::try_from(known.partitions.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let seed = clock::now().0.unsigned_abs();
        Ok(Self {
            client,
            topic,
            options,
            partitioner: Partitioner::new(count, seed),
            producer: producer_id(client, options.acks).await?,
            sequences: BTreeMap::new(),
        })
    }

    /// Sends records and waits for every answer.
    pub(super) async fn send(
        &mut self,
        drafts: Vec<Draft>,
        mut retry: Retry,
    ) -> Result<Vec<Sent>, Failure> {
        let mut backlog = Backlog::default();
        for draft in drafts {
            let partition = match self.options.partition {
                Some(partition) => partition,
                None => self
                    .partitioner
                    .choose(draft.key.as_deref(), draft.byte_len()),
            };
            backlog.push(partition, draft);
        }
        let mut sent = Vec::new();
        loop {
            let heads = backlog.next();
            if heads.is_empty() {
                return Ok(sent);
            }
            let mut waiting = BTreeMap::new();
            for (partition, gathered) in heads {
                waiting.insert(partition, self.build(partition, &gathered)?);
            }
            while !waiting.is_empty() {
                if let Err(error) = self.attempt(&mut waiting, &mut sent).await {
                    self.client.forget(self.topic);
                    retry.after(error).await?;
                }
            }
        }
    }

    fn build(&mut self, partition: i32, gathered: &Gathered) -> Result<Batch, Failure> {
        let sequence = self.sequences.entry(partition).or_insert(0);
        let stamp = |(id, epoch)| ProducerStamp {
            id,
            epoch,
            base_sequence: *sequence,
        };
        let mut builder = BatchBuilder::new(BatchOptions {
            compression: self.options.compression,
            producer: self.producer.map(stamp),
            ..BatchOptions::default()
        });
        let now = clock::now().0;
        let mut timestamps = Vec::with_capacity(gathered.drafts.len());
        for draft in &gathered.drafts {
            let headers = draft.headers.iter();
            let headers: Vec<(&[u8], Option<&[u8]>)> = headers
                .map(|(name, value)| (name.as_slice(), value.as_deref()))
                .collect();
            let timestamp = draft.timestamp.unwrap_or(now);
            timestamps.push(timestamp);
            builder.push(&NewRecord {
                timestamp: Timestamp(timestamp),
                key: draft.key.as_deref(),
                value: draft.value.as_deref(),
                headers: &headers,
            });
        }
        // Sequence numbers go on at 0 after 2^31 - 1.
        *sequence = sequence.wrapping_add(builder.count()) & i32::MAX;
        let batch = builder
            .finish()
            .map_err(|cause| Failure::new("cannot build a batch").why(cause.to_string()))?;
        // The broker assigns offsets and epoch anew; neither is part of the checksum.
        let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
        Ok(Batch {
            bytes: stored.bytes().clone(),
            timestamps,
        })
    }

    /// Sends everything that waits once; what is answered no longer waits, even if the attempt as a whole fails.
    async fn attempt(
        &self,
        waiting: &mut BTreeMap<i32, Batch>,
        sent: &mut Vec<Sent>,
    ) -> Result<(), ClientError> {
        let id = self.client.topic(self.topic).await?.id;
        let partitions: Vec<i32> = waiting.keys().copied().collect();
        let mut failed = Ok(());
        for (leader, partitions) in self.client.by_leader(self.topic, &partitions).await? {
            let connection = self.client.broker(leader).await?;
            if connection.version_of(ApiKey::Produce)? >= 13 && id.is_nil() {
                return Err(no_topic_id(self.topic));
            }
            let request = self.request(id, &partitions, waiting);
            if self.options.acks == 0 {
                connection.send_unanswered(&request).await?;
                for partition in partitions {
                    let batch = waiting.remove(&partition).expect("it waited until now");
                    sent.push(answered(partition, batch, None, None));
                }
                continue;
            }
            let answer = connection.send(&request).await?;
            let taken = self.take(answer, waiting, sent);
            failed = failed.and(taken);
        }
        failed
    }

    fn request(
        &self,
        topic_id: Uuid,
        partitions: &[i32],
        waiting: &BTreeMap<i32, Batch>,
    ) -> ProduceRequest {
        let data = |index: &i32| PartitionProduceData {
            index: *index,
            records: waiting.get(index).map(|batch| batch.bytes.clone()),
        };
        ProduceRequest {
            transactional_id: None,
            acks: self.options.acks,
            timeout_ms: self.client.timeout_ms(),
            topic_data: vec![TopicProduceData {
                name: self.topic.into(),
                topic_id,
                partition_data: partitions.iter().map(data).collect(),
            }],
        }
    }

    /// Takes the answers; the first error is the outcome.
    fn take(
        &self,
        answer: ProduceResponse,
        waiting: &mut BTreeMap<i32, Batch>,
        sent: &mut Vec<Sent>,
    ) -> Result<(), ClientError> {
        let mut failed = Ok(());
        let partitions = answer.responses.into_iter();
        for answer in partitions.flat_map(|topic| topic.partition_responses) {
            if let Err(error) = judge(&answer, self.topic) {
                failed = failed.and(Err(error));
            } else if let Some(batch) = waiting.remove(&answer.index) {
                let offset = (answer.base_offset >= 0).then_some(answer.base_offset);
                let time = answer.log_append_time_ms;
                let time = (time >= 0).then_some(time);
                sent.push(answered(answer.index, batch, offset, time));
            }
        }
        failed
    }
}

fn answered(partition: i32, batch: Batch, offset: Option<i64>, time: Option<i64>) -> Sent {
    Sent {
        partition,
        base_offset: offset,
        append_time: time,
        timestamps: batch.timestamps,
    }
}

/// A batch that was stored before (its answer was lost) is stored.
fn judge(answer: &PartitionProduceResponse, topic: &str) -> Result<(), ClientError> {
    if answer.error_code == ErrorCode::DuplicateSequenceNumber.code() {
        return Ok(());
    }
    if answer.error_code == ErrorCode::UnknownTopicOrPartition.code() {
        // It exists, so this broker has not heard of it yet.
        return Err(ClientError::NoLeader {
            topic: topic.to_owned(),
            partition: answer.index,
        });
    }
    let subject = format!("cannot write to partition {} of '{topic}'", answer.index);
    let record = answer.record_errors.first();
    let record = record.and_then(|record| record.batch_index_error_message.as_ref());
    check_text(
        answer.error_code,
        record.or(answer.error_message.as_ref()),
        &subject,
    )
}

fn no_topic_id(topic: &str) -> ClientError {
    ClientError::Kafka {
        subject: format!("topic '{topic}' has no id"),
        code: ErrorCode::UnknownTopicId,
        message: None,
    }
}

/// An identity for idempotence; none if the broker has no such thing or does not grant it.
async fn producer_id(
    client: &Client,
    acks: i16,
) -> Result<Option<(ProducerId, ProducerEpoch)>, ClientError> {
    let connection = client.any().await?;
    if acks != -1 || connection.version_of(ApiKey::InitProducerId).is_err() {
        return Ok(None);
    }
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: client.timeout_ms(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdRequest::default()
    };
    let mut retry = Retry::within(client.timeout());
    loop {
        let answer = client.ask(&request).await?;
        if answer.error_code == ErrorCode::ClusterAuthorizationFailed.code() {
            return Ok(None);
        }
        match check_text(answer.error_code, None, "no producer id") {
            Ok(()) => {
                let epoch = ProducerEpoch(answer.producer_epoch);
                return Ok(Some((ProducerId(answer.producer_id), epoch)));
            }
            Err(error) => retry.after(error).await?,
        }
    }
}
