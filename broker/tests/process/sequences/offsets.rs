//! Where logs begin, end and are at some time or epoch, and where they are made to begin.

use thalweg_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use thalweg_wire::messages::list_offsets_response::ListOffsetsPartitionResponse;
use thalweg_wire::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use thalweg_wire::messages::{
    DeleteRecordsRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
};

use super::model::{Batch, Partition};
use super::run::{Run, text};

const OFFSET_OUT_OF_RANGE: i16 = 1;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const UNSUPPORTED_VERSION: i16 = 35;
const INVALID_REQUEST: i16 = 42;
const FENCED_LEADER_EPOCH: i16 = 74;
const UNKNOWN_LEADER_EPOCH: i16 = 75;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING: i64 = -6;

/// First version that knows a special time.
const SINCE: [(i64, i16); 4] = [
    (MAX_TIMESTAMP, 7),
    (EARLIEST_LOCAL, 8),
    (LATEST_TIERED, 9),
    (EARLIEST_PENDING, 11),
];

/// Epochs are asked with and told.
const EPOCH_FROM: i16 = 4;

/// What is found of a partition: time and offset, and the epoch if one can be known.
type Found = (i64, i64, Option<i32>);

const NOTHING: Found = (-1, -1, Some(-1));

impl Run {
    pub(super) fn list_offsets(&mut self) {
        let version = self.version(1, 11);
        let place = self.place();
        let timestamp = match self.below(12) {
            0..=6 => -1 - i64::try_from(self.below(6)).unwrap(),
            7 => -7,
            _ => self.within(0, 1_100),
        };
        let current = self
            .partition(&place)
            .map_or(0, |partition| partition.epoch);
        let epoch = if version >= EPOCH_FROM {
            self.asked_epoch(current)
        } else {
            -1
        };
        let twice = self.once_in(15);
        let asked = ListOffsetsPartition {
            partition_index: place.1,
            current_leader_epoch: epoch,
            timestamp,
        };
        self.did(format!(
            "offset at {timestamp} of {place:?} epoch {epoch} twice {twice} version {version}"
        ));
        let times = if twice { 2 } else { 1 };
        let told = self.ask_offsets(&place.0, vec![asked; times], version);
        assert_eq!(told.len(), 1);
        let is_known = SINCE
            .iter()
            .all(|(special, since)| *special != timestamp || version >= *since);
        let expected = match self.partition(&place) {
            _ if twice => Err(INVALID_REQUEST),
            None => Err(UNKNOWN_TOPIC_OR_PARTITION),
            Some(_) if !is_known || timestamp < EARLIEST_PENDING => Err(UNSUPPORTED_VERSION),
            Some(partition) => fenced(epoch, partition).map(|()| at(partition, timestamp)),
        };
        let told = &told[0];
        match expected {
            Err(code) => assert_eq!((told.error_code, told.offset), (code, -1), "{place:?}"),
            Ok((_, first, _)) if timestamp == MAX_TIMESTAMP && told.offset != first => {
                let partition = self.partition(&place).unwrap();
                assert!(is_newest_ever(partition, told), "{told:?} {partition:?}");
            }
            Ok(found) => compare_found(told, found, timestamp, version),
        }
    }

    /// A leader's epoch as a request has it: mostly none or the right one.
    fn asked_epoch(&mut self, current: i32) -> i32 {
        match self.below(6) {
            0 => current + 1,
            1 if current > 0 => current - 1,
            2 | 3 => -1,
            _ => current,
        }
    }

    fn ask_offsets(
        &mut self,
        topic: &str,
        partitions: Vec<ListOffsetsPartition>,
        version: i16,
    ) -> Vec<ListOffsetsPartitionResponse> {
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level: i8::from(self.once_in(3)),
            topics: vec![ListOffsetsTopic {
                name: text(topic),
                partitions,
            }],
            ..ListOffsetsRequest::default()
        };
        let mut answer = self.ask(&request, version);
        answer.topics.remove(0).partitions
    }

    fn bound_of(&mut self, place: &(String, i32), timestamp: i64) -> i64 {
        let asked = ListOffsetsPartition {
            partition_index: place.1,
            current_leader_epoch: -1,
            timestamp,
        };
        let told = self.ask_offsets(&place.0, vec![asked], 5);
        assert_eq!(told[0].error_code, 0);
        told[0].offset
    }

    pub(super) fn start_of(&mut self, place: &(String, i32)) -> i64 {
        self.bound_of(place, EARLIEST)
    }

    pub(super) fn end_of(&mut self, place: &(String, i32)) -> i64 {
        self.bound_of(place, LATEST)
    }

    pub(super) fn offset_for_leader_epoch(&mut self) {
        let version = self.version(2, 4);
        let place = self.place();
        let current = self
            .partition(&place)
            .map_or(0, |partition| partition.epoch);
        let epoch = self.asked_epoch(current);
        let asked = match self.below(8) {
            0 => -1,
            1 => current + 1,
            _ => i32::try_from(self.within(0, current.into())).unwrap(),
        };
        let request = OffsetForLeaderEpochRequest {
            replica_id: -1,
            topics: vec![OffsetForLeaderTopic {
                topic: text(&place.0),
                partitions: vec![OffsetForLeaderPartition {
                    partition: place.1,
                    current_leader_epoch: epoch,
                    leader_epoch: asked,
                }],
            }],
        };
        self.did(format!(
            "end of epoch {asked} of {place:?} epoch {epoch} version {version}"
        ));
        let answer = self.ask(&request, version);
        let told = &answer.topics[0].partitions[0];
        let expected = match self.partition(&place) {
            None => Err(UNKNOWN_TOPIC_OR_PARTITION),
            Some(partition) => fenced(epoch, partition).map(|()| end_of_epoch(partition, asked)),
        };
        let (code, found) = match expected {
            Ok(found) => (0, found),
            Err(code) => (code, (-1, -1)),
        };
        assert_eq!(told.error_code, code, "{place:?}");
        assert_eq!(
            (told.leader_epoch, told.end_offset),
            found,
            "{:?}",
            self.partition(&place)
        );
    }

    pub(super) fn delete_records(&mut self) {
        let version = self.version(0, 2);
        let place = self.place();
        let (start, end) = match self.partition(&place) {
            Some(partition) => (partition.start, partition.end()),
            None => (0, 0),
        };
        let up_to = match self.below(10) {
            0 => end + 1,
            1 => -2,
            2 => -1,
            3 => (start - 1).max(0),
            // Often a little, seldom all.
            _ => self.within(start, (start + 6).min(end)),
        };
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: text(&place.0),
                partitions: vec![DeleteRecordsPartition {
                    partition_index: place.1,
                    offset: up_to,
                }],
            }],
            timeout_ms: 10_000,
        };
        self.did(format!(
            "delete up to {up_to} of {place:?} version {version}"
        ));
        let answer = self.ask(&request, version);
        let told = &answer.topics[0].partitions[0];
        let expected = match self.partition(&place) {
            None => Err(UNKNOWN_TOPIC_OR_PARTITION),
            Some(_) if up_to > end || up_to < -1 => Err(OFFSET_OUT_OF_RANGE),
            Some(_) if up_to == -1 => Ok(end),
            Some(_) => Ok(up_to.max(start)),
        };
        match expected {
            Err(code) => assert_eq!((told.error_code, told.low_watermark), (code, -1)),
            Ok(start) => {
                assert_eq!(
                    (told.error_code, told.low_watermark),
                    (0, start),
                    "{place:?}"
                );
                self.partition_mut(&place).start = start;
            }
        }
    }
}

fn fenced(epoch: i32, partition: &Partition) -> Result<(), i16> {
    match epoch {
        -1 => Ok(()),
        epoch if epoch < partition.epoch => Err(FENCED_LEADER_EPOCH),
        epoch if epoch > partition.epoch => Err(UNKNOWN_LEADER_EPOCH),
        _ => Ok(()),
    }
}

/// What is found at a time, or at what stands for one.
fn at(partition: &Partition, timestamp: i64) -> Found {
    let placed = |(offset, record): (i64, &super::model::Record)| {
        let mut batches = partition.there();
        let batch = batches.find(|batch| batch.end() > offset);
        (record.timestamp, offset, batch.map(|batch| batch.epoch))
    };
    match timestamp {
        LATEST => (-1, partition.end(), Some(partition.epoch)),
        EARLIEST | EARLIEST_LOCAL => {
            let first = partition.there().next().map(|batch| batch.epoch);
            (-1, partition.start, first)
        }
        MAX_TIMESTAMP => {
            let newest = partition
                .records()
                .map(|(_, record)| record.timestamp)
                .max();
            let mut records = partition.records();
            let first = records.find(|(_, record)| Some(record.timestamp) == newest);
            first.map_or(NOTHING, placed)
        }
        LATEST_TIERED | EARLIEST_PENDING => NOTHING,
        _ => {
            let mut records = partition.records();
            let first = records.find(|(_, record)| record.timestamp >= timestamp);
            first.map_or(NOTHING, placed)
        }
    }
}

/// Kafka keeps the newest time of a segment, and with it the record, whatever of the segment was deleted.
fn is_newest_ever(partition: &Partition, told: &ListOffsetsPartitionResponse) -> bool {
    let newest = partition
        .records()
        .map(|(_, record)| record.timestamp)
        .max();
    let mut ever = partition.batches.iter().flat_map(Batch::placed);
    let found = ever.find(|(offset, _)| *offset == told.offset);
    found.is_some_and(|(offset, record)| {
        offset < partition.start
            && record.timestamp == told.timestamp
            && newest.is_none_or(|newest| newest <= told.timestamp)
    })
}

fn compare_found(
    told: &ListOffsetsPartitionResponse,
    (timestamp, offset, epoch): Found,
    asked: i64,
    version: i16,
) {
    assert_eq!(
        (told.error_code, told.timestamp, told.offset),
        (0, timestamp, offset),
        "at {asked}"
    );
    if let Some(epoch) = epoch.filter(|_| version >= EPOCH_FROM) {
        assert_eq!(told.leader_epoch, epoch, "at {asked}");
    }
}

/// The largest epoch up to the one asked for, and where the next begins.
pub(super) fn end_of_epoch(partition: &Partition, asked: i32) -> (i32, i64) {
    if asked == partition.epoch {
        return (asked, partition.end());
    }
    let epochs = partition.epochs();
    let Some((_, end)) = epochs.iter().find(|(epoch, _)| *epoch > asked) else {
        return (-1, -1);
    };
    let floor = epochs.iter().rfind(|(epoch, _)| *epoch <= asked);
    if asked < 0 {
        return (-1, -1);
    }
    (floor.map_or(asked, |(epoch, _)| *epoch), *end)
}
