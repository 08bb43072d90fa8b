//! Bytes no sane client sends: nothing panics, and nothing allocates more than a frame of that size may cause.
//!
//! One test only: it counts the allocations of its whole process.

mod registry;
mod schema;

use std::alloc::System;

use bytes::{Bytes, BytesMut};
use cap::Cap;
use registry::{for_each_api_message, for_each_stored_message};
use schema::sample::{Numbers, Sampler};
use thalweg_wire::codec::{DecodeError, Limit};
use thalweg_wire::header::RequestHeader;
use thalweg_wire::limits::decode_budget;
use thalweg_wire::produce::Produce;
use thalweg_wire::{ApiKey, Message};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Shared ownership of a frame costs one small block, however many slices there are.
const SHARING_BYTES: usize = 256;

/// Random mutations of one valid message.
const MUTATIONS: u64 = 24;

/// Decodes and drops; says whether the bytes were accepted.
type Decode = fn(&Bytes, i16) -> bool;

fn decode<M: Message>(body: &Bytes, version: i16) -> bool {
    match M::from_bytes(body, version) {
        Ok(_) => true,
        Err(DecodeError::Malformed { .. } | DecodeError::OverLimit { .. }) => false,
        Err(error @ DecodeError::UnsupportedVersion { .. }) => panic!("{error}"),
    }
}

macro_rules! decoders {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), decode::<thalweg_wire::messages::$name> as Decode)),*]
    };
}

/// Breaks a valid message in one of the ways wires and attackers do.
fn mutate(body: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = body.to_vec();
    let at = numbers.below(bytes.len() + 1);
    match numbers.below(5) {
        0 => bytes.truncate(at),
        1 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
        // A huge compact length, or a negative fixed one.
        2 => {
            let tail = bytes.split_off(at);
            bytes.extend([0xff, 0xff, 0xff, 0xff, 0x07]);
            bytes.extend(tail);
        }
        // The largest fixed length.
        3 if at + 4 <= bytes.len() => bytes[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]),
        // A length just about what is left.
        4 if at + 4 <= bytes.len() => {
            let left = u32::try_from(bytes.len() - at).expect("a small frame");
            bytes[at..at + 4].copy_from_slice(&left.to_be_bytes());
        }
        _ => {
            let fill = numbers.next().to_be_bytes();
            bytes.extend(fill.repeat(1 + numbers.below(200)));
        }
    }
    bytes
}

/// Decodes, and checks what that allocated.
fn check(case: &str, bytes: Vec<u8>, decode: impl FnOnce(&Bytes) -> bool) -> bool {
    let body = Bytes::from(bytes);
    let before = ALLOCATOR.total_allocated();
    let accepted = decode(&body);
    let cost = ALLOCATOR.total_allocated() - before;
    let allowed = decode_budget(body.len()) + SHARING_BYTES;
    assert!(
        cost <= allowed,
        "{case}: {cost} bytes for a frame of {}",
        body.len()
    );
    accepted
}

/// A frame of only this byte, long enough that its counts are not refused for shortness.
fn monotone() -> impl Iterator<Item = Vec<u8>> {
    [0x00, 0x01, 0x02, 0x7f, 0x80, 0xff]
        .into_iter()
        .flat_map(|byte| [64, 4096, 300_000].map(|length| vec![byte; length]))
}

fn messages() {
    let schemas = schema::load();
    let mut decoders = for_each_api_message!(decoders);
    decoders.extend(for_each_stored_message!(decoders));
    let (mut good, mut bad) = (0, 0);
    for (name, decode) in decoders {
        let versions = schemas[name].message_versions();
        for version in [versions.first, versions.last] {
            let case = format!("{name} {version}");
            for seed in 0..4 {
                let body = Sampler::body(&schemas[name], version, seed, false);
                let mut numbers = Numbers(seed);
                for _ in 0..MUTATIONS {
                    let bytes = mutate(&body, &mut numbers);
                    let accepted = check(&case, bytes, |body| decode(body, version));
                    good += u32::from(accepted);
                    bad += u32::from(!accepted);
                }
            }
            for bytes in monotone() {
                check(&case, bytes, |body| decode(body, version));
            }
        }
    }
    assert!(good > 1000, "some mutations are harmless: {good}");
    assert!(bad > 1000, "most mutations are not: {bad}");
}

/// The hand-made decoder accepts and refuses what the generated one does, for the same reason and with the same content.
fn produce_requests() {
    let schemas = schema::load();
    let schema = &schemas["ProduceRequest"];
    let versions = schema.message_versions();
    for version in versions.first..=versions.last {
        for seed in 0..20 {
            let body = Sampler::body(schema, version, seed, seed % 2 == 0);
            let mut numbers = Numbers(seed);
            agree(&body, version);
            for _ in 0..MUTATIONS {
                agree(&mutate(&body, &mut numbers), version);
            }
        }
        for bytes in monotone() {
            agree(&bytes, version);
        }
    }
}

fn agree(body: &[u8], version: i16) {
    use thalweg_wire::messages::ProduceRequest;
    use thalweg_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
    use thalweg_wire::produce::TopicRef;

    let generated = ProduceRequest::from_bytes(&Bytes::copy_from_slice(body), version);
    let frame = BytesMut::from(body);
    let before = ALLOCATOR.total_allocated();
    let by_hand = Produce::decode(frame, version);
    let cost = ALLOCATOR.total_allocated() - before;
    let allowed = decode_budget(body.len()) + SHARING_BYTES;
    assert!(
        cost <= allowed,
        "{cost} bytes for a frame of {}",
        body.len()
    );
    if let Err(DecodeError::OverLimit {
        limit: Limit::Memory,
        ..
    }) = by_hand
    {
        // It needs somewhat more memory for each topic.
        return;
    }
    let by_hand = by_hand.map(|produce| ProduceRequest {
        transactional_id: produce.transactional_id,
        acks: produce.acks,
        timeout_ms: produce.timeout_ms,
        topic_data: produce
            .topics
            .into_iter()
            .map(|topic| {
                let (name, topic_id) = match topic.topic {
                    TopicRef::Name(name) => (name, TopicProduceData::default().topic_id),
                    TopicRef::Id(id) => (TopicProduceData::default().name, id),
                };
                let partitions = topic.partitions.into_iter();
                TopicProduceData {
                    name,
                    topic_id,
                    partition_data: partitions
                        .map(|partition| PartitionProduceData {
                            index: partition.index,
                            records: partition.records.map(BytesMut::freeze),
                        })
                        .collect(),
                }
            })
            .collect(),
    });
    assert_eq!(by_hand, generated, "version {version}: {body:?}");
}

fn headers() {
    for key in ApiKey::ALL {
        let [high, low] = key.code().to_be_bytes();
        for version in [0, 3, 9, 99] {
            let body = [
                high, low, 0, version, 0, 0, 0, 1, 0, 3, b'a', b'b', b'c', 1, 5, 1, 7,
            ];
            let mut numbers = Numbers(u64::from(version));
            for _ in 0..MUTATIONS {
                let bytes = mutate(&body, &mut numbers);
                check("a request header", bytes, |frame| {
                    let mut frame = BytesMut::from(&frame[..]);
                    RequestHeader::split_from(&mut frame).is_ok()
                });
            }
        }
    }
}

#[test]
fn hostile_bytes_neither_panic_nor_allocate_beyond_the_budget() {
    messages();
    produce_requests();
    headers();
}
