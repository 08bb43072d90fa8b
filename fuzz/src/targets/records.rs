//! Records of the coordinators and of the cluster's metadata.

use bytes::Bytes;
use thalweg_coordinator::stored::{CommittedOffset, Record, StoredGroup, StoredMember};
use thalweg_metadata::MetadataRecord;
use thalweg_metadata::record::{BrokerRegistered, ClusterIdSet, Endpoint, TopicCreated};
use thalweg_model::{BrokerId, PartitionIndex, Timestamp, Uuid};

use super::{Target, leave};
use crate::{Dice, bounded};

/// Memory for each byte of a value that is a message inside. A member of 24 bytes becomes a struct of some 200, first as a message,
/// then as ours.
const EXPANSION: usize = 32;

pub(super) const COORDINATOR: Target = Target {
    name: "coordinator-records",
    make: make_record,
    repair: leave,
    take: take_record,
};

pub(super) const METADATA: Target = Target {
    name: "metadata-records",
    make: make_metadata,
    repair: leave,
    take: |input| {
        let bytes = Bytes::copy_from_slice(input);
        if let Ok(record) = bounded(EXPANSION * input.len(), || MetadataRecord::decode(&bytes)) {
            let written = record.encode().expect("what was read is not too long");
            let again = MetadataRecord::decode(&written);
            assert_eq!(again.ok(), Some(record), "a record keeps its meaning");
        }
    },
};

/// An input is the length of the key, the key, and the value.
fn join(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut input = vec![u8::try_from(key.len()).unwrap_or(u8::MAX)];
    input.extend(key);
    input.extend(value);
    input
}

fn make_record(dice: &mut Dice) -> Vec<u8> {
    let record = if dice.below(2) == 0 {
        Record::Offset {
            group: "group".into(),
            topic: "topic".into(),
            partition: PartitionIndex(1),
            value: Some(CommittedOffset {
                offset: 5,
                leader_epoch: None,
                metadata: "note".into(),
                committed_at: Timestamp(9),
                expires_at: (dice.below(2) == 0).then_some(Timestamp(99)),
                topic_id: Uuid::NIL,
            }),
        }
    } else {
        Record::Group {
            group: "group".into(),
            value: Some(StoredGroup {
                members: vec![StoredMember::default(); few_or_many(dice)],
                ..StoredGroup::default()
            }),
        }
    };
    let (key, value) = record.encode().expect("it is small");
    join(&key, &value.unwrap_or_default())
}

fn take_record(input: &[u8]) {
    let Some((&length, rest)) = input.split_first() else {
        return;
    };
    let (key, value) = rest.split_at(usize::from(length).min(rest.len()));
    let read = bounded(EXPANSION * input.len(), || {
        Record::decode(Some(key), Some(value))
    });
    if let Ok(Some(record)) = read {
        let (key, value) = record.encode().expect("what was read is not too long");
        let again = Record::decode(Some(&key), value.as_deref());
        let written = again.expect("what is written can be read");
        let written = written.expect("its key is known");
        assert_eq!(
            written.encode().ok(),
            Some((key, value)),
            "a record keeps its meaning"
        );
    }
}

fn make_metadata(dice: &mut Dice) -> Vec<u8> {
    let record = match dice.below(4) {
        0 => MetadataRecord::ClusterIdSet(ClusterIdSet {
            id: "a cluster's id".into(),
        }),
        1 => MetadataRecord::TopicCreated(TopicCreated {
            name: "topic".into(),
            id: Uuid::from_bytes([7; 16]),
        }),
        2 => MetadataRecord::BrokerRegistered(BrokerRegistered {
            id: BrokerId(1),
            incarnation: Uuid::NIL,
            endpoints: vec![Endpoint {
                listener: "PLAINTEXT".into(),
                host: "localhost".into(),
                port: 9092,
                security_protocol: 0,
            }],
            rack: Some("rack".into()),
            directories: Vec::new(),
        }),
        _ => return kinds(dice),
    };
    record.encode().expect("it is small").to_vec()
}

/// Mostly few, so that changes meet something else than an element.
fn few_or_many(dice: &mut Dice) -> usize {
    let most = if dice.below(50) == 0 { 4_000 } else { 4 };
    dice.below(most)
}

/// Kind and version of a record, and small numbers for whatever its fields are.
fn kinds(dice: &mut Dice) -> Vec<u8> {
    let count = 2 + dice.below(60);
    let numbers = (0..count).map(|_| u8::try_from(dice.below(14)).unwrap_or(0));
    numbers.collect()
}
