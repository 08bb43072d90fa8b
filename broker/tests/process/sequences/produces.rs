//! Batches go in: plain ones, those of idempotent producers in order, again, with gaps and with old epochs, and bad ones.

use std::io;

use bytes::Bytes;
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord, ProducerStamp};
use thalweg_model::compression::Compression;
use thalweg_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp, Uuid};
use thalweg_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use thalweg_wire::messages::produce_response::PartitionProduceResponse;
use thalweg_wire::messages::{InitProducerIdRequest, MetadataRequest, ProduceRequest};

use super::model::{Partition, Record, Stamp, Topic};
use super::run::{Run, text};

const CORRUPT_MESSAGE: i16 = 2;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_REQUIRED_ACKS: i16 = 21;
const INVALID_REQUEST: i16 = 42;
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
const UNSUPPORTED_COMPRESSION_TYPE: i16 = 76;
const UNKNOWN_TOPIC_ID: i16 = 100;

/// Topics by id.
const IDS_FROM: i16 = 13;
/// zstd is accepted.
const ZSTD_FROM: i16 = 7;
/// Answers tell where the log starts.
const START_FROM: i16 = 5;

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// A batch for one partition, and what should become of it.
#[derive(Debug)]
pub(super) struct Planned {
    place: (String, i32),
    records: Vec<Record>,
    stamp: Option<Stamp>,
    bytes: Bytes,
    outcome: Outcome,
}

impl Planned {
    /// Records of no producer, as they are, which are to be appended.
    fn plain(place: &(String, i32), records: Vec<Record>) -> Self {
        Self {
            place: place.clone(),
            bytes: packed(&records, None, Compression::None),
            records,
            stamp: None,
            outcome: Outcome::Appended,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Appended,
    /// It is there already.
    Repeated(i64),
    Refused(i16),
}

impl Run {
    pub(super) fn init_producer_id(&mut self) {
        let version = self.version(0, 5);
        let (transactional, epoch, expected) = match self.below(6) {
            0 => (Some(text("t")), -1, TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
            1 if version >= 3 => (None, 3, INVALID_REQUEST),
            _ => (None, -1, 0),
        };
        let request = InitProducerIdRequest {
            transactional_id: transactional,
            transaction_timeout_ms: 1_000,
            producer_id: -1,
            producer_epoch: epoch,
            ..InitProducerIdRequest::default()
        };
        self.did(format!("init producer id, {expected} version {version}"));
        let answer = self.ask(&request, version);
        assert_eq!(answer.error_code, expected);
        if expected == 0 {
            let id = answer.producer_id;
            assert!(!self.model.producers.contains(&id), "{id} is given twice");
            assert_eq!(answer.producer_epoch, 0);
            self.model.producers.push(id);
        }
    }

    fn records(&mut self) -> Vec<Record> {
        self.number += 1;
        let count = 1 + self.below(4);
        let size = self.pick(&[0, 10, 10, 60, 200]);
        let time = self.within(0, 1_000);
        (0..count)
            .map(|at| {
                let mut value = format!("{}/{at} ", self.number).into_bytes();
                value.resize(value.len() + size, b'x');
                // Within a batch they need not grow.
                let timestamp = time + self.within(0, 5);
                Record { timestamp, value }
            })
            .collect()
    }

    /// How a producer marks its next batch for a partition; mostly as it should.
    fn stamp(&mut self, place: &(String, i32), count: i32) -> Option<Stamp> {
        if self.model.producers.is_empty() || self.once_in(3) {
            return None;
        }
        // A few of them work all the time.
        let first = self.model.producers.len().saturating_sub(3);
        let id = self.pick(&self.model.producers.clone()[first..]);
        let known = self
            .partition(place)?
            .producers
            .get(&id)
            .cloned()
            .unwrap_or_default();
        let next = known.recent.back().map_or(0, |(_, last, _)| last + 1);
        let stamp = |epoch, sequence| Stamp {
            id,
            epoch,
            sequence,
        };
        Some(match self.below(12) {
            0 => stamp(known.epoch, next + 1 + count),
            1 => stamp(known.epoch + 1, 0),
            2 => stamp(known.epoch + 1, 1),
            3 => stamp((known.epoch - 1).max(0), next),
            4 => stamp(known.epoch, (next - 1).max(0)),
            _ => stamp(known.epoch, next),
        })
    }

    /// A batch that a producer sent before, if there is one that fits.
    fn again(&mut self, place: &(String, i32)) -> Option<(Stamp, i32)> {
        let producers = &self.partition(place)?.producers;
        let sent: Vec<(Stamp, i32)> = producers
            .iter()
            .flat_map(|(&id, known)| {
                known.recent.iter().map(move |&(sequence, last, _)| {
                    let stamp = Stamp {
                        id,
                        epoch: known.epoch,
                        sequence,
                    };
                    (stamp, last - sequence + 1)
                })
            })
            .collect();
        (!sent.is_empty()).then(|| self.pick(&sent))
    }

    fn planned(&mut self, place: (String, i32), version: i16) -> Planned {
        let mut records = self.records();
        let mut stamp = self.stamp(&place, i32::try_from(records.len()).unwrap());
        if self.once_in(6)
            && let Some((sent, count)) = self.again(&place)
        {
            stamp = Some(sent);
            records.resize(usize::try_from(count).unwrap(), records[0].clone());
        }
        let codec = self.pick(&CODECS);
        let mut bytes = packed(&records, stamp, codec);
        let is_damaged = codec == Compression::None && self.once_in(12);
        if is_damaged {
            let mut damaged = bytes.to_vec();
            *damaged.last_mut().unwrap() ^= 1;
            bytes = damaged.into();
        }
        let count = i32::try_from(records.len()).unwrap();
        let judged = |partition: &Partition| match stamp {
            None => Outcome::Appended,
            Some(stamp) => match partition.judge(stamp, count) {
                Ok(None) => Outcome::Appended,
                Ok(Some(base)) => Outcome::Repeated(base),
                Err(code) => Outcome::Refused(code),
            },
        };
        let stored = self.model.topics.get(&place.0).and_then(Topic::codec);
        let stored = stored.filter(|stored| *stored != codec);
        let stored_bytes =
            stored.map_or(bytes.len(), |stored| packed(&records, stamp, stored).len());
        let bytes_max = self
            .model
            .topics
            .get(&place.0)
            .map_or(0, |topic| topic.bytes_max());
        let outcome = match self.partition(&place) {
            None if version >= IDS_FROM && !self.model.topics.contains_key(&place.0) => {
                Outcome::Refused(UNKNOWN_TOPIC_ID)
            }
            None => Outcome::Refused(UNKNOWN_TOPIC_OR_PARTITION),
            Some(_) if is_damaged => Outcome::Refused(CORRUPT_MESSAGE),
            Some(_) if codec == Compression::Zstd && version < ZSTD_FROM => {
                Outcome::Refused(UNSUPPORTED_COMPRESSION_TYPE)
            }
            Some(_) if stored_bytes > bytes_max => Outcome::Refused(MESSAGE_TOO_LARGE),
            Some(partition) => judged(partition),
        };
        Planned {
            place,
            records,
            stamp,
            bytes,
            outcome,
        }
    }

    fn request(&self, planned: &[Planned], acks: i16) -> ProduceRequest {
        let mut topics: Vec<TopicProduceData> = Vec::new();
        for Planned { place, bytes, .. } in planned {
            let partition = PartitionProduceData {
                index: place.1,
                records: Some(bytes.clone()),
            };
            match topics.last_mut().filter(|topic| topic.name == *place.0) {
                Some(topic) => topic.partition_data.push(partition),
                None => topics.push(TopicProduceData {
                    name: text(&place.0),
                    topic_id: self.id_of(&place.0),
                    partition_data: vec![partition],
                }),
            }
        }
        ProduceRequest {
            acks,
            timeout_ms: 30_000,
            topic_data: topics,
            ..ProduceRequest::default()
        }
    }

    /// A topic's id, or one that no topic has.
    pub(super) fn id_of(&self, name: &str) -> Uuid {
        let known = self.model.topics.get(name).map(|topic| topic.id);
        known.unwrap_or(Uuid::from_bytes([9; 16]))
    }

    pub(super) fn produce(&mut self) {
        let version = self.version(3, 13);
        let acks = self.pick(&[-1, -1, -1, 1, 1, 0, 7]);
        let places = self.places(3);
        let planned: Vec<Planned> = {
            let places = places.into_iter();
            places.map(|place| self.planned(place, version)).collect()
        };
        let brief: Vec<_> = planned
            .iter()
            .map(|p| (&p.place, p.records.len(), p.stamp, p.outcome))
            .collect();
        let brief = format!("produce {brief:?} acks {acks} version {version}");
        self.did(brief);
        let request = self.request(&planned, acks);
        match acks {
            0 => self.produce_unanswered(&request, planned, version),
            7 => {
                let answer = self.ask(&request, version);
                let parts = answer
                    .responses
                    .iter()
                    .flat_map(|topic| &topic.partition_responses);
                for part in parts {
                    assert_eq!(part.error_code, INVALID_REQUIRED_ACKS);
                }
            }
            _ => {
                let answer = self.ask(&request, version);
                let parts = answer
                    .responses
                    .into_iter()
                    .flat_map(|topic| topic.partition_responses);
                let parts: Vec<_> = parts.collect();
                assert_eq!(parts.len(), planned.len());
                for (part, planned) in parts.iter().zip(planned) {
                    self.produced(part, planned, version);
                }
            }
        }
    }

    fn produced(&mut self, part: &PartitionProduceResponse, planned: Planned, version: i16) {
        let place = planned.place.clone();
        let told = (part.index, part.error_code, part.base_offset);
        if let Outcome::Refused(code) = planned.outcome {
            assert_eq!(
                told,
                (place.1, code, -1),
                "{place:?}: {:?}",
                part.error_message
            );
            return;
        }
        let base = self.keep(planned);
        assert_eq!(
            told,
            (place.1, 0, base),
            "{place:?}: {:?}",
            part.error_message
        );
        assert_eq!(part.log_append_time_ms, -1);
        let start = self.partition(&place).unwrap().start;
        assert!(
            version < START_FROM || part.log_start_offset == start,
            "{place:?}"
        );
    }

    /// Keeps a batch that was not refused; its place.
    fn keep(&mut self, planned: Planned) -> i64 {
        let partition = self.partition_mut(&planned.place);
        if let Outcome::Repeated(base) = planned.outcome {
            return base;
        }
        let count = i32::try_from(planned.records.len()).unwrap();
        let base = partition.append(planned.records);
        if let Some(stamp) = planned.stamp {
            partition.note(stamp, count, base);
        }
        base
    }

    /// Nothing is answered; an error ends the connection, and what can be appended is.
    fn produce_unanswered(
        &mut self,
        request: &ProduceRequest,
        planned: Vec<Planned>,
        version: i16,
    ) {
        let mut client = self.connect();
        client.send(request, version).unwrap();
        let closes = planned
            .iter()
            .any(|planned| matches!(planned.outcome, Outcome::Refused(_)));
        if closes {
            let ended = client.receive().unwrap_err();
            assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
        } else {
            // What is asked behind it is answered when its place in the logs is fixed.
            client.ask(&MetadataRequest::default(), 9).unwrap();
        }
        for planned in planned {
            if let Outcome::Refused(_) = planned.outcome {
                continue;
            }
            let place = planned.place.clone();
            self.keep(planned);
            self.await_end(&place);
        }
    }

    /// Appends something to a partition that exists, however small its batches are.
    pub(super) fn append_plain(&mut self, place: &(String, i32)) {
        self.number += 1;
        let value = self.number.to_string().into_bytes();
        let timestamp = self.within(0, 1_000);
        let records = vec![Record { timestamp, value }];
        let planned = Planned::plain(place, records);
        let request = self.request(std::slice::from_ref(&planned), -1);
        let answer = self.ask(&request, 9);
        self.produced(&answer.responses[0].partition_responses[0], planned, 9);
    }

    /// Appends are under way when the process is killed: each is there as a whole or not at all, in their order.
    pub(super) fn kill_amid_appends(&mut self) {
        let places: Vec<(String, i32)> = {
            let mut places = self.places(3);
            places.retain(|place| self.partition(place).is_some());
            places
        };
        let mut client = self.connect();
        let mut sent = Vec::new();
        for _ in 0..3 {
            for place in &places {
                let records = self.records();
                let planned = Planned::plain(place, records);
                // However it is stored, it is not much larger.
                let is_taken = 2 * planned.bytes.len() <= self.model.topics[&place.0].bytes_max();
                if is_taken {
                    let request = self.request(std::slice::from_ref(&planned), -1);
                    client.send(&request, 9).unwrap();
                    sent.push(planned);
                }
            }
        }
        self.did(format!(
            "{} appends to {places:?} are under way",
            sent.len()
        ));
        let answered = self.below(sent.len() + 1);
        for _ in 0..answered {
            client.receive().unwrap();
        }
        self.kill();
        for (at, planned) in sent.into_iter().enumerate() {
            let place = planned.place.clone();
            let end = self.end_of(&place);
            let is_there = end > self.partition(&place).unwrap().end();
            assert!(
                is_there || at >= answered,
                "{place:?} lost what was acknowledged"
            );
            if is_there {
                self.keep(planned);
            }
        }
        self.resume();
    }
}

pub(super) fn packed(records: &[Record], stamp: Option<Stamp>, compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression,
        producer: stamp.map(|stamp| ProducerStamp {
            id: ProducerId(stamp.id),
            epoch: ProducerEpoch(stamp.epoch),
            base_sequence: stamp.sequence,
        }),
        ..BatchOptions::default()
    });
    for record in records {
        builder.push(&NewRecord {
            timestamp: Timestamp(record.timestamp),
            key: None,
            value: Some(&record.value),
            headers: &[],
        });
    }
    let batch = builder.finish().unwrap();
    let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
    stored.bytes().clone()
}
