//! Bytes that no client should send: each is a Kafka error code or a closed connection, memory stays
//! bounded and other clients are not disturbed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Broker, Client, Dice, batch, produced, resealed};
use bytes::{BufMut, Bytes, BytesMut};
use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord};
use thalweg_model::compression::Compression;
use thalweg_model::{LeaderEpoch, Offset, Timestamp};
use thalweg_wire::frame::request_frame;
use thalweg_wire::header::RequestHeader;
use thalweg_wire::messages::{MetadataRequest, ProduceRequest};
use thalweg_wire::{ApiKey, Str};

const CORRUPT_MESSAGE: i16 = 2;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_TIMESTAMP: i16 = 32;
const UNSUPPORTED_COMPRESSION: i16 = 76;
const INVALID_RECORD: i16 = 87;

fn start() -> (tempfile::TempDir, Broker) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    broker.connect().create("t").unwrap();
    (dir, broker)
}

/// Whether the peer closes the connection, having sent nothing.
fn is_closed(port: u16, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    // The peer may close before it has read everything.
    let _refused = stream.write_all(bytes);
    match stream.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn framed(length: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut message = BytesMut::new();
    message.put_i16(key);
    message.put_i16(version);
    message.put_i32(7);
    message.put_i16(-1);
    message.put_slice(body);
    framed(i32::try_from(message.len()).unwrap(), &message)
}

#[test]
fn impossible_frames_close_the_connection() {
    let (_dir, mut broker) = start();
    let port = broker.port;
    assert!(is_closed(port, &framed(-1, b"")), "negative length");
    assert!(is_closed(port, &framed(i32::MAX, b"")), "huge length");
    assert!(is_closed(port, &framed(0, b"")), "no header");
    assert!(is_closed(port, &framed(3, b"abc")), "half a header");
    assert!(is_closed(port, &request(999, 0, b"")), "unknown API");
    assert!(is_closed(port, &request(-1, 0, b"")), "negative API");
    assert!(is_closed(port, &request(3, 99, b"")), "unknown version");
    assert!(
        is_closed(port, &request(0, 2, b"")),
        "produce of a version that is only announced"
    );
    // Metadata 12, compact array of 2^31-3 topics: 8 bytes that ask for 150 GB.
    assert!(
        is_closed(port, &request(3, 12, b"\0\xfe\xff\xff\xff\x07\0\0")),
        "array bomb"
    );
    assert!(
        is_closed(port, &request(3, 1, &i32::MAX.to_be_bytes())),
        "wide array bomb"
    );
    assert!(broker.is_running());
    broker.connect().create("after").unwrap();
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_in_version_zero() {
    let (_dir, broker) = start();
    let mut client = broker.connect();
    client.send_raw(&request(18, 99, b"\0")).unwrap();
    let answer = client.receive().unwrap();
    assert_eq!(answer[..4], 7_i32.to_be_bytes());
    assert_eq!(answer[4..6], 35_i16.to_be_bytes(), "UNSUPPORTED_VERSION");
    assert_eq!(answer[6..10], 1_i32.to_be_bytes(), "one range: this API's");
}

/// Changes a good batch and makes its checksum right again.
fn altered(change: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut bytes = BytesMut::from(&batch(&[b"one".to_vec(), b"two".to_vec()], None)[..]);
    change(&mut bytes);
    resealed(bytes)
}

#[test]
fn bad_batches_get_kafkas_codes_and_leave_nothing_behind() {
    let (_dir, broker) = start();
    let mut client = broker.connect();
    let mut code = |records: Bytes| client.produce("t", 0, records).unwrap().0;
    let good = batch(&[b"one".to_vec()], None);
    assert_eq!(code(Bytes::new()), INVALID_RECORD, "no batch");
    assert_eq!(code(good.slice(..40)), CORRUPT_MESSAGE, "half a header");
    assert_eq!(
        code(good.slice(..good.len() - 1)),
        CORRUPT_MESSAGE,
        "cut off"
    );
    let mut flipped = BytesMut::from(&good[..]);
    flipped[70] ^= 1;
    assert_eq!(code(flipped.freeze()), CORRUPT_MESSAGE, "checksum");
    let twice = [&good[..], &good[..]].concat();
    assert_eq!(code(twice.into()), INVALID_RECORD, "two batches");
    assert_eq!(code(altered(|b| b[16] = 1)), INVALID_RECORD, "old format");
    assert_eq!(
        code(altered(|b| b[57..61].fill(0xff))),
        INVALID_RECORD,
        "negative count"
    );
    assert_eq!(
        code(altered(|b| b[57..61].copy_from_slice(&9_i32.to_be_bytes()))),
        INVALID_RECORD
    );
    assert_eq!(
        code(altered(|b| b[23..27].fill(0x7f))),
        INVALID_RECORD,
        "last offset delta"
    );
    assert_eq!(
        code(altered(|b| b[61] = 0x7e)),
        INVALID_RECORD,
        "record longer than the batch"
    );
    assert_eq!(
        code(altered(|b| b[64] = 0x08)),
        INVALID_RECORD,
        "offset delta out of order"
    );
    assert_eq!(
        code(altered(|b| b[22] |= 0x07)),
        UNSUPPORTED_COMPRESSION,
        "no such codec"
    );
    assert_eq!(
        code(altered(|b| b[22] |= 0x20)),
        INVALID_RECORD,
        "control batch"
    );
    assert_eq!(
        code(altered(|b| b[22] |= 0x03)),
        INVALID_RECORD,
        "plain bytes called lz4"
    );
    let future = altered(|b| b[27..35].copy_from_slice(&(1_i64 << 60).to_be_bytes()));
    assert_eq!(code(future), INVALID_TIMESTAMP);
    assert_eq!(code(batch(&[vec![b'x'; 2 << 20]], None)), MESSAGE_TOO_LARGE);
    assert_eq!(code(good), 0);
    assert_eq!(client.read_all("t", 0).unwrap(), [(0, b"one".to_vec())]);
}

#[test]
fn a_decompression_bomb_costs_no_memory() {
    let (_dir, broker) = start();
    let mut client = broker.connect();
    client
        .produce("t", 0, batch(&[b"warm".to_vec()], None))
        .unwrap();
    let before = broker.resident_kib();
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let bomb = codec
            .compress(&vec![0; 64 << 20], Default::default())
            .unwrap();
        assert!(bomb.len() < 900_000, "it passes the limit for batches");
        let records = altered(|b| {
            b.truncate(61);
            b[22] |= u8::try_from(codec.id()).unwrap();
            b.put_slice(&bomb);
        });
        assert_eq!(
            client.produce("t", 0, records).unwrap().0,
            INVALID_RECORD,
            "{codec:?}"
        );
    }
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown < 24 << 10, "{grown} KiB more for three bombs");
}

/// A record of the length that it says: nothing is wrong but its size.
#[test]
fn a_batch_that_grows_beyond_its_limit_is_refused() {
    let (_dir, broker) = start();
    let mut client = broker.connect();
    for (value_bytes, code) in [(63 << 20, 0), (65 << 20, INVALID_RECORD)] {
        let mut builder = BatchBuilder::new(BatchOptions {
            compression: Compression::Zstd,
            ..BatchOptions::default()
        });
        builder.push(&NewRecord {
            timestamp: Timestamp::NONE,
            key: None,
            value: Some(&vec![0; value_bytes]),
            headers: &[],
        });
        let batch = builder.finish().unwrap();
        let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
        let answer = client.produce("t", 0, stored.bytes().clone()).unwrap();
        assert_eq!(answer.0, code, "{value_bytes}");
    }
}

#[test]
fn announced_bytes_are_not_allocated() {
    let (_dir, broker) = start();
    let before = broker.resident_kib();
    let liars: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).unwrap();
            stream
                .write_all(&framed(100 << 20, &vec![0; 64 << 10]))
                .unwrap();
            stream
        })
        .collect();
    let mut client = broker.connect();
    for _ in 0..50 {
        assert_eq!(
            client
                .produce("t", 0, batch(&[b"x".to_vec()], None))
                .unwrap()
                .0,
            0
        );
    }
    let grown = broker.resident_kib().saturating_sub(before);
    // Twice the bytes received and 64 KiB for each connection.
    let allowed = 200 * (2 * 64 + 64);
    assert!(
        grown < allowed,
        "{grown} KiB for 200 x 64 KiB received, {allowed} allowed"
    );
    drop(liars);
}

#[test]
fn a_batch_does_not_hold_the_rest_of_its_request() {
    let (_dir, broker) = start();
    let mut client = broker.connect();
    let kept = batch(&[vec![b'k'; 17 << 10]], None);
    let refused = batch(&[vec![b'r'; 1 << 20]], None);
    let before = broker.resident_kib();
    for _ in 0..200 {
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![
                produced("t", 0, kept.clone()),
                produced("not there", 0, refused.clone()),
            ],
            ..ProduceRequest::default()
        };
        client.ask(&request, 9).unwrap();
    }
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more for 3.4 MiB of records");
}

#[test]
fn mutated_requests_never_stop_the_broker() {
    let (_dir, mut broker) = start();
    let header = |key: ApiKey, version| RequestHeader {
        key,
        version,
        correlation_id: 1,
        client_id: Some(Str::from("mutant")),
    };
    let metadata =
        request_frame(&MetadataRequest::default(), &header(ApiKey::Metadata, 12)).unwrap();
    let mut dice = Dice(11);
    for _ in 0..400 {
        let mut bytes = metadata.to_vec();
        bytes.extend((0..dice.roll(60)).map(|_| u8::try_from(dice.roll(256)).unwrap()));
        let length = i32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        let keys = ApiKey::ALL;
        let key = keys[usize::try_from(dice.roll(u64::try_from(keys.len()).unwrap())).unwrap()];
        let spec = key.spec();
        let span = u64::try_from(spec.max_version - spec.min_version + 1).unwrap();
        let version = spec.min_version + i16::try_from(dice.roll(span)).unwrap();
        bytes[4..6].copy_from_slice(&key.code().to_be_bytes());
        bytes[6..8].copy_from_slice(&version.to_be_bytes());
        for _ in 0..dice.roll(6) {
            let at =
                12 + usize::try_from(dice.roll(u64::try_from(bytes.len() - 12).unwrap())).unwrap();
            bytes[at] = u8::try_from(dice.roll(256)).unwrap();
        }
        let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).unwrap();
        // Whatever happens to this connection, the broker goes on.
        let _closed = stream.write_all(&bytes);
    }
    assert!(broker.is_running());
    let mut client = Client::connect(broker.port).unwrap();
    assert_eq!(
        client
            .produce("t", 0, batch(&[b"x".to_vec()], None))
            .unwrap()
            .0,
        0
    );
}
