//! Records come out: from any offset, with any limits, epochs and versions, and all of them after a restart.

use bytes::Bytes;
use thalweg_model::batch::StoredBatch;
use thalweg_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use thalweg_wire::messages::fetch_response::PartitionData;
use thalweg_wire::messages::{FetchRequest, FetchResponse};

use super::model::{Batch, Partition, Record};
use super::offsets::end_of_epoch;
use super::run::{Run, text};

const OFFSET_OUT_OF_RANGE: i16 = 1;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const FENCED_LEADER_EPOCH: i16 = 74;
const UNKNOWN_LEADER_EPOCH: i16 = 75;
const UNKNOWN_TOPIC_ID: i16 = 100;

/// Answers tell where the log starts.
const START_FROM: i16 = 5;
/// Requests tell the epoch of the leader that they mean.
const EPOCH_FROM: i16 = 9;
/// Requests tell the epoch of the last record that the client has.
const LAST_EPOCH_FROM: i16 = 12;
/// Topics are named by their ids.
pub(super) const IDS_FROM: i16 = 13;

/// More than all that there is.
pub(super) const PLENTY: i32 = 64 << 20;

/// A partition of a fetch.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) place: (String, i32),
    pub(super) offset: i64,
    pub(super) epoch: i32,
    /// The epoch of the last record that the client has; -1 if it does not say.
    pub(super) last_epoch: i32,
    pub(super) bytes_max: i32,
}

impl Run {
    pub(super) fn fetch(&mut self) {
        let version = self.version(4, 18);
        let places = self.places(4).into_iter();
        let mut wanted: Vec<Wanted> = places.map(|place| self.wanted(place, version)).collect();
        let bytes_max = self.pick(&[1, 400, 3_000, PLENTY, PLENTY]);
        if version >= LAST_EPOCH_FROM && self.once_in(3) {
            let at = self.below(wanted.len());
            let current = self.partition(&wanted[at].place).map_or(0, |p| p.epoch);
            wanted[at].last_epoch = i32::try_from(self.within(0, i64::from(current) + 1)).unwrap();
        }
        self.did(format!(
            "fetch {wanted:?} at most {bytes_max} version {version}"
        ));
        let request = self.fetch_request(&wanted, version);
        let request = FetchRequest {
            session_epoch: -1,
            max_bytes: bytes_max,
            isolation_level: i8::from(self.once_in(3)),
            ..request
        };
        let answer = self.ask(&request, version);
        assert_eq!(answer.error_code, 0);
        let told = flat(&answer);
        assert_eq!(told.len(), wanted.len(), "every partition is answered");
        let mut left = usize::try_from(bytes_max).unwrap();
        let mut has_data = false;
        for (wanted, told) in wanted.iter().zip(told) {
            let bytes = self.compare_fetched(wanted, told, version, (left, !has_data));
            left = left.saturating_sub(bytes);
            has_data |= bytes > 0;
        }
    }

    /// A place to read from: mostly inside the log.
    pub(super) fn wanted(&mut self, place: (String, i32), version: i16) -> Wanted {
        let (start, end, epoch) = match self.partition(&place) {
            Some(partition) => (partition.start, partition.end(), partition.epoch),
            None => (0, 0, 0),
        };
        let offset = match self.below(12) {
            0 => end + 1 + self.within(0, 3),
            1 => start - 1,
            2 => end,
            3 => start,
            _ => self.within(start, end),
        };
        let epoch = match self.below(6) {
            0 if version >= EPOCH_FROM => epoch + 1,
            1 if version >= EPOCH_FROM && epoch > 0 => epoch - 1,
            2 | 3 => -1,
            _ => epoch,
        };
        Wanted {
            place,
            offset,
            epoch: if version >= EPOCH_FROM { epoch } else { -1 },
            last_epoch: -1,
            bytes_max: self.pick(&[1, 300, PLENTY, PLENTY]),
        }
    }

    pub(super) fn fetch_request(&self, wanted: &[Wanted], version: i16) -> FetchRequest {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for wanted in wanted {
            let (name, index) = &wanted.place;
            let partition = FetchPartition {
                partition: *index,
                fetch_offset: wanted.offset,
                current_leader_epoch: wanted.epoch,
                partition_max_bytes: wanted.bytes_max,
                last_fetched_epoch: wanted.last_epoch,
                log_start_offset: -1,
                ..FetchPartition::default()
            };
            match topics.last_mut().filter(|topic| topic.topic == **name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(FetchTopic {
                    topic: text(name),
                    topic_id: self.id_of(name),
                    partitions: vec![partition],
                }),
            }
        }
        if version >= IDS_FROM {
            topics.iter_mut().for_each(|topic| topic.topic = text(""));
        }
        FetchRequest {
            replica_id: -1,
            min_bytes: 1,
            max_bytes: PLENTY,
            topics,
            ..FetchRequest::default()
        }
    }

    /// What a fetch of a partition fails with.
    pub(super) fn fetch_error(&self, wanted: &Wanted, version: i16) -> i16 {
        let Some(partition) = self.partition(&wanted.place) else {
            let is_topic = self.model.topics.contains_key(&wanted.place.0);
            return if version >= IDS_FROM && !is_topic {
                UNKNOWN_TOPIC_ID
            } else {
                UNKNOWN_TOPIC_OR_PARTITION
            };
        };
        let inside = partition.start..=partition.end();
        match wanted.epoch {
            epoch if epoch >= 0 && epoch < partition.epoch => FENCED_LEADER_EPOCH,
            epoch if epoch > partition.epoch => UNKNOWN_LEADER_EPOCH,
            _ if wanted.offset < partition.start => OFFSET_OUT_OF_RANGE,
            _ if wanted.last_epoch >= 0 => match end_of_epoch(partition, wanted.last_epoch) {
                (-1, _) => OFFSET_OUT_OF_RANGE,
                (epoch, end) if epoch < wanted.last_epoch || end < wanted.offset => 0,
                _ if !inside.contains(&wanted.offset) => OFFSET_OUT_OF_RANGE,
                _ => 0,
            },
            _ if !inside.contains(&wanted.offset) => OFFSET_OUT_OF_RANGE,
            _ => 0,
        }
    }

    /// A partition's part of an answer is what it should be; how many bytes it has.
    pub(super) fn compare_fetched(
        &self,
        wanted: &Wanted,
        told: &PartitionData,
        version: i16,
        (left, is_first): (usize, bool),
    ) -> usize {
        let place = &wanted.place;
        assert_eq!(told.partition_index, place.1);
        let error = self.fetch_error(wanted, version);
        assert_eq!(told.error_code, error, "{wanted:?}");
        let records = told.records.clone().unwrap_or_default();
        if error != 0 {
            assert!(
                records.is_empty() && told.high_watermark == -1,
                "{wanted:?}"
            );
            return 0;
        }
        let partition = self.partition(place).unwrap();
        let end = partition.end();
        assert_eq!(
            (told.high_watermark, told.last_stable_offset),
            (end, end),
            "{place:?}"
        );
        assert!(
            version < START_FROM || told.log_start_offset == partition.start,
            "{place:?}"
        );
        let bytes = records.len();
        if wanted.last_epoch >= 0 {
            let (epoch, end) = end_of_epoch(partition, wanted.last_epoch);
            let diverges = epoch < wanted.last_epoch || end < wanted.offset;
            let expected = if diverges { (epoch, end) } else { (-1, -1) };
            let diverging = &told.diverging_epoch;
            assert_eq!(
                (diverging.epoch, diverging.end_offset),
                expected,
                "{wanted:?} {partition:?}"
            );
            if diverges {
                assert!(records.is_empty(), "{wanted:?}");
                return 0;
            }
        }
        let limit = left.min(usize::try_from(wanted.bytes_max).unwrap());
        let found = unpacked(records);
        let there = partition
            .there()
            .skip_while(|batch| batch.end() <= wanted.offset);
        let mut there = there.peekable();
        let is_there = there.peek().is_some();
        assert!(
            !found.is_empty() || !is_first || !is_there,
            "{wanted:?} gets something"
        );
        assert!(
            bytes <= limit || is_first && found.len() == 1,
            "{wanted:?} got {bytes}"
        );
        for batch in found {
            assert_eq!(Some(&batch), there.next(), "{wanted:?}");
        }
        bytes
    }

    /// A fetch at the end of a log waits, and is answered when something comes.
    pub(super) fn fetch_what_comes(&mut self) {
        let version = self.version(4, 18);
        let place = self.place();
        let Some(offset) = self.partition(&place).map(Partition::end) else {
            return;
        };
        let wanted = Wanted {
            place,
            offset,
            epoch: -1,
            last_epoch: -1,
            bytes_max: PLENTY,
        };
        self.did(format!("wait for {wanted:?} version {version}"));
        let request = FetchRequest {
            session_epoch: -1,
            max_wait_ms: 60_000,
            ..self.fetch_request(std::slice::from_ref(&wanted), version)
        };
        let mut client = self.connect();
        client.send(&request, version).unwrap();
        self.append_plain(&wanted.place);
        let answer = client.hear::<FetchRequest>(version).unwrap();
        self.compare_fetched(&wanted, flat(&answer)[0], version, (usize::MAX, true));
    }

    /// Waits until what was sent without an answer can be read.
    pub(super) fn await_end(&mut self, place: &(String, i32)) {
        let Some(last) = self.partition(place).and_then(|p| p.there().last()) else {
            return;
        };
        let wanted = Wanted {
            place: place.clone(),
            offset: last.base,
            epoch: -1,
            last_epoch: -1,
            bytes_max: PLENTY,
        };
        let request = FetchRequest {
            session_epoch: -1,
            max_wait_ms: 30_000,
            ..self.fetch_request(std::slice::from_ref(&wanted), 12)
        };
        let answer = self.ask(&request, 12);
        self.compare_fetched(&wanted, flat(&answer)[0], 12, (usize::MAX, true));
    }

    /// Every record of every partition is what it was.
    pub(super) fn read_everything(&mut self) {
        let topics = self.model.topics.iter();
        let places: Vec<(String, i32)> = topics
            .flat_map(|(name, topic)| {
                (0..)
                    .zip(&topic.partitions)
                    .map(|(at, _)| (name.clone(), at))
            })
            .collect();
        for place in places {
            let end = self.partition(&place).unwrap().end();
            let mut offset = self.partition(&place).unwrap().start;
            while offset < end {
                let wanted = Wanted {
                    place: place.clone(),
                    offset,
                    epoch: -1,
                    last_epoch: -1,
                    bytes_max: PLENTY,
                };
                let request = FetchRequest {
                    session_epoch: -1,
                    ..self.fetch_request(std::slice::from_ref(&wanted), 12)
                };
                let answer = self.ask(&request, 12);
                let told = flat(&answer)[0];
                self.compare_fetched(&wanted, told, 12, (usize::MAX, true));
                let found = unpacked(told.records.clone().unwrap_or_default());
                offset = found.last().map_or(end, Batch::end);
            }
            assert_eq!(self.end_of(&place), end, "{place:?} has nothing else");
            self.compare_start(&place);
        }
    }

    fn compare_start(&mut self, place: &(String, i32)) {
        let start = self
            .partition(place)
            .map(|partition: &Partition| partition.start);
        assert_eq!(
            Some(self.start_of(place)),
            start,
            "{place:?} begins where it did"
        );
    }
}

/// The partitions of an answer in their order.
pub(super) fn flat(answer: &FetchResponse) -> Vec<&PartitionData> {
    let topics = answer.responses.iter();
    topics.flat_map(|topic| &topic.partitions).collect()
}

/// Stored batches as the model has them.
fn unpacked(mut bytes: Bytes) -> Vec<Batch> {
    let mut batches = Vec::new();
    while !bytes.is_empty() {
        let stored = StoredBatch::split_first(&mut bytes).unwrap();
        let header = *stored.header();
        let unpacked = stored.unpack().unwrap();
        let records = unpacked.records().map(|record| {
            let record = record.unwrap();
            Record {
                timestamp: record.timestamp.0,
                value: record.value.unwrap_or_default().to_vec(),
            }
        });
        batches.push(Batch {
            base: header.base_offset,
            epoch: header.leader_epoch,
            records: records.collect(),
        });
    }
    batches
}
