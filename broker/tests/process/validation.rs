//! `record.validation`: what is stored on the word of a batch's header, and what is looked at all the same.

use bytes::{BufMut, Bytes, BytesMut};
use thalweg_model::batch::{BatchBuilder, BatchOptions, HEADER_BYTES, NewRecord};
use thalweg_model::compression::Compression;
use thalweg_model::{LeaderEpoch, Offset, Timestamp};
use thalweg_wire::Str;
use thalweg_wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use thalweg_wire::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use thalweg_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use thalweg_wire::messages::{
    CreateTopicsRequest, IncrementalAlterConfigsRequest, ListOffsetsRequest,
};

use crate::harness::{Broker, Client, batch, resealed};

const CORRUPT_MESSAGE: i16 = 2;
const INVALID_TIMESTAMP: i16 = 32;
const INVALID_CONFIG: i16 = 40;
const INVALID_REQUEST: i16 = 42;
const UNSUPPORTED_COMPRESSION: i16 = 76;
const INVALID_RECORD: i16 = 87;

const CODECS: [Compression; 4] = [
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn create(client: &mut Client, topic: &str, settings: &[(&str, &str)]) -> i16 {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: Str::from(*name),
        value: Some(Str::from(*value)),
    };
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: Str::from(topic),
            num_partitions: 1,
            replication_factor: 1,
            configs: settings.iter().map(config).collect(),
            ..CreatableTopic::default()
        }],
        timeout_ms: 10_000,
        ..CreateTopicsRequest::default()
    };
    client.ask(&request, 5).unwrap().topics[0].error_code
}

/// Sets a setting of all brokers, or takes it back.
fn alter_brokers(client: &mut Client, key: &str, value: Option<&str>) -> i16 {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 4,
            resource_name: Str::default(),
            configs: vec![AlterableConfig {
                name: Str::from(key),
                config_operation: i8::from(value.is_none()),
                value: value.map(Str::from),
            }],
        }],
        ..IncrementalAlterConfigsRequest::default()
    };
    client.ask(&request, 1).unwrap().responses[0].error_code
}

/// A batch of three records at this time, without keys.
fn good(codec: Compression, timestamp: i64) -> BytesMut {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression: codec,
        ..BatchOptions::default()
    });
    for value in [b"one", b"two", b"six"] {
        builder.push(&NewRecord {
            timestamp: Timestamp(timestamp),
            key: None,
            value: Some(value),
            headers: &[],
        });
    }
    let batch = builder.finish().unwrap();
    let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
    BytesMut::from(&stored.bytes()[..])
}

/// A batch whose header announces three records and whose payload is none of its codec's.
fn lie(codec: Compression, timestamp: i64) -> Bytes {
    let mut bytes = good(codec, timestamp);
    bytes[HEADER_BYTES..].fill(0xff);
    resealed(bytes)
}

/// Error code, offset and timestamp for a timestamp, or -3 for the newest.
fn offset_at(client: &mut Client, topic: &str, timestamp: i64) -> (i16, i64, i64) {
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: Str::from(topic),
            partitions: vec![ListOffsetsPartition {
                current_leader_epoch: -1,
                timestamp,
                ..ListOffsetsPartition::default()
            }],
        }],
        ..ListOffsetsRequest::default()
    };
    let answer = client.ask(&request, 7).unwrap();
    let found = &answer.topics[0].partitions[0];
    (found.error_code, found.offset, found.timestamp)
}

#[test]
fn a_header_that_lies_is_refused_by_full_and_stored_by_header() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path());
    let mut client = broker.connect();
    assert_eq!(create(&mut client, "full", &[]), 0);
    let header = [("record.validation", "header")];
    assert_eq!(create(&mut client, "header", &header), 0);
    for (codec, at) in CODECS.into_iter().zip((0..).step_by(6)) {
        let lie = lie(codec, 1_000 + at);
        let refused = client.produce("full", 0, lie.clone()).unwrap();
        assert_eq!(refused.0, INVALID_RECORD, "{codec:?}");
        let stored = client.produce("header", 0, lie.clone()).unwrap();
        assert_eq!(stored, (0, at), "{codec:?}");
        let true_one = resealed(good(codec, 1_003 + at));
        assert_eq!(client.produce("header", 0, true_one).unwrap(), (0, at + 3));

        let fetched = client.fetch("header", 0, at).unwrap();
        let fetched = fetched.responses[0].partitions[0].records.clone().unwrap();
        let stored = &fetched[..lie.len()];
        assert_eq!(stored[..8], at.to_be_bytes());
        assert_eq!(stored[8..12], lie[8..12]);
        assert_eq!(stored[16..], lie[16..], "all but its place in the log");
        let behind = client.read_from("header", 0, at + 3).unwrap();
        assert_eq!(behind.len(), 3, "{codec:?}");

        let (code, offset, timestamp) = offset_at(&mut client, "header", 1_000 + at);
        assert_eq!((code, offset, timestamp), (0, at, 1_000 + at));
        assert_eq!(offset_at(&mut client, "header", 1_001 + at).1, at + 3);
        assert_eq!(offset_at(&mut client, "header", -3).1, at + 3);
    }
    let last = lie(Compression::Zstd, 5_000);
    assert_eq!(client.produce("header", 0, last).unwrap(), (0, 24));
    assert_eq!(offset_at(&mut client, "header", -3), (0, 24, 5_000));
    assert!(broker.is_running());
    let (data, _) = broker.kill();
    let broker = Broker::start(&data);
    let mut client = broker.connect();
    assert_eq!(offset_at(&mut client, "header", -3), (0, 24, 5_000));
    assert_eq!(
        client.read_from("header", 0, 21).unwrap_err().kind(),
        std::io::ErrorKind::Other
    );
}

#[test]
fn what_a_header_can_tell_is_checked_in_both() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    for validation in ["full", "header"] {
        assert_eq!(
            create(
                &mut client,
                validation,
                &[("record.validation", validation)]
            ),
            0
        );
        let mut code = |change: fn(&mut BytesMut)| {
            let mut bytes = good(Compression::Zstd, 1_000);
            change(&mut bytes);
            client.produce(validation, 0, resealed(bytes)).unwrap().0
        };
        assert_eq!(code(|_| ()), 0, "{validation}");
        let count = |b: &mut BytesMut| b[57..61].copy_from_slice(&9_i32.to_be_bytes());
        assert_eq!(code(count), INVALID_RECORD, "a count alone");
        let both = |b: &mut BytesMut| {
            b[23..27].copy_from_slice(&999_999_i32.to_be_bytes());
            b[57..61].copy_from_slice(&1_000_000_i32.to_be_bytes());
        };
        assert_eq!(code(both), INVALID_RECORD, "more records than bytes");
        assert_eq!(code(|b| b[22] |= 0x07), UNSUPPORTED_COMPRESSION);
        assert_eq!(code(|b| b[22] |= 0x20), INVALID_RECORD, "control");
        assert_eq!(code(|b| b[43..51].fill(0)), INVALID_RECORD, "producer");
        let future = resealed(good(Compression::Zstd, 1 << 60));
        let answer = client.produce(validation, 0, future).unwrap();
        assert_eq!(answer.0, INVALID_TIMESTAMP);
        let mut flipped = good(Compression::Zstd, 1_000);
        flipped[70] ^= 1;
        let answer = client.produce(validation, 0, flipped.freeze()).unwrap();
        assert_eq!(answer.0, CORRUPT_MESSAGE, "checksum");
        let mut plain = BytesMut::from(&batch(&[b"plain".to_vec()], None)[..]);
        plain[61] = 0x7e;
        let answer = client.produce(validation, 0, resealed(plain)).unwrap();
        assert_eq!(answer.0, INVALID_RECORD, "plain records are looked at");
    }
}

#[test]
fn records_are_looked_at_where_somebody_asks_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    let asked = [
        ("compacted", "cleanup.policy", "compact,delete"),
        ("converted", "compression.type", "gzip"),
        ("plain", "compression.type", "uncompressed"),
    ];
    for (topic, key, value) in asked {
        let settings = [("record.validation", "header"), (key, value)];
        assert_eq!(create(&mut client, topic, &settings), 0);
        let lie = lie(Compression::Lz4, 1_000);
        assert_eq!(client.produce(topic, 0, lie).unwrap().0, INVALID_RECORD);
    }
    for codec in CODECS {
        let no_keys = resealed(good(codec, 1_000));
        let answer = client.produce("compacted", 0, no_keys).unwrap();
        assert_eq!(answer.0, INVALID_RECORD, "{codec:?}");
    }
}

#[test]
fn the_brokers_setting_is_the_default_of_topics_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let mut client = broker.connect();
    assert_eq!(create(&mut client, "follows", &[]), 0);
    let own = [("record.validation", "full")];
    assert_eq!(create(&mut client, "decided", &own), 0);
    let wrong = [("record.validation", "some")];
    assert_eq!(create(&mut client, "wrong", &wrong), INVALID_CONFIG);
    let mut codes = |broker: Option<&str>| {
        let altered = alter_brokers(&mut client, "log.record.validation", broker);
        assert_eq!(altered, 0);
        ["follows", "decided"].map(|topic| {
            let lie = lie(Compression::Lz4, 1_000);
            client.produce(topic, 0, lie).unwrap().0
        })
    };
    assert_eq!(codes(Some("header")), [0, INVALID_RECORD]);
    assert_eq!(codes(None), [INVALID_RECORD, INVALID_RECORD]);
    let refused = alter_brokers(&mut client, "log.record.validation", Some("none"));
    assert_eq!(refused, INVALID_REQUEST);
}

#[test]
fn a_search_in_a_bomb_that_was_stored_costs_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start_with(dir.path(), &["log.record.validation=header"]);
    let mut client = broker.connect();
    client.create("t").unwrap();
    let plain = vec![0; 80 << 20];
    for (codec, at) in [Compression::Gzip, Compression::Lz4, Compression::Zstd]
        .into_iter()
        .zip((0..).step_by(3))
    {
        let mut bytes = good(codec, 1_000 + at);
        bytes.truncate(HEADER_BYTES);
        bytes.put_slice(&codec.compress(&plain, Default::default()).unwrap());
        assert!(bytes.len() < 1 << 20, "it passes the limit for batches");
        assert_eq!(client.produce("t", 0, resealed(bytes)).unwrap(), (0, at));
        let before = broker.resident_kib();
        let found = offset_at(&mut client, "t", 1_000 + at);
        assert_eq!(found, (0, at, 1_000 + at), "{codec:?}");
        let grown = broker.resident_kib().saturating_sub(before);
        assert!(grown < 24 << 10, "{grown} KiB more for {codec:?}");
    }
}
