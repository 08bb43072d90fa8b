//! Every message in every version: bytes made from the schema, decoded and encoded by us and by an independent codec.

mod names;
mod registry;
mod schema;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};
use registry::{for_each_api_message, for_each_stored_message};
use schema::sample::Sampler;
use thalweg_wire::Message;
use thalweg_wire::codec::Decoder;

/// Random messages for each version of each message.
const SEEDS: u64 = 12;

/// Decodes, prints, and encodes again.
type RoundTrip = fn(&Bytes, i16) -> (String, Vec<u8>);

/// A codec under test.
struct Codec {
    versions: std::ops::RangeInclusive<i16>,
    round_trip: RoundTrip,
}

fn ours<M: Message>() -> Codec {
    Codec {
        versions: M::MIN_VERSION..=M::MAX_VERSION,
        round_trip: |body, version| {
            let mut d = Decoder::new(body);
            let message = M::decode(&mut d, version).expect("a valid message");
            assert_eq!(d.remaining(), 0, "all bytes are read");
            let bytes = message.to_bytes(version).expect("a valid message");
            (format!("{message:?}"), bytes.to_vec())
        },
    }
}

fn theirs<M>() -> Codec
where
    M: kafka_protocol::protocol::Message + Decodable + Encodable + std::fmt::Debug,
{
    Codec {
        versions: M::VERSIONS.min..=M::VERSIONS.max,
        round_trip: |body, version| {
            let mut rest = body.clone();
            let message = M::decode(&mut rest, version).expect("a valid message");
            assert!(rest.is_empty(), "all bytes are read");
            let mut out = BytesMut::new();
            message.encode(&mut out, version).expect("a valid message");
            (format!("{message:?}"), out.to_vec())
        },
    }
}

/// The other codec's messages; it has no streams groups.
macro_rules! theirs {
    (StreamsGroupHeartbeatRequest) => {
        None
    };
    (StreamsGroupHeartbeatResponse) => {
        None
    };
    (StreamsGroupDescribeRequest) => {
        None
    };
    (StreamsGroupDescribeResponse) => {
        None
    };
    ($name:ident) => {
        Some(theirs::<kafka_protocol::messages::$name>())
    };
}

macro_rules! api_codecs {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), ours::<thalweg_wire::messages::$name>(), theirs!($name))),*]
    };
}

macro_rules! stored_codecs {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), ours::<thalweg_wire::messages::$name>())),*]
    };
}

/// Calls `check` with the name, version and body of random messages.
fn walk(name: &str, codec: &Codec, mut check: impl FnMut(&str, i16, &Bytes)) {
    let messages = schema::load();
    let message = &messages[name];
    let stated = message.message_versions();
    assert_eq!(codec.versions, stated.first..=stated.last, "{name}");
    for version in stated.first..=stated.last {
        for seed in 0..SEEDS {
            let body = Bytes::from(Sampler::body(message, version, seed, false));
            check(&format!("{name} {version}, seed {seed}"), version, &body);
        }
    }
}

#[test]
fn api_messages_round_trip_here_and_there() {
    let mut shared = 0;
    for (name, ours, theirs) in for_each_api_message!(api_codecs) {
        walk(name, &ours, |case, version, body| {
            let (our_names, bytes) = (ours.round_trip)(body, version);
            assert_eq!(*body, bytes, "ours: {case}");
            let theirs = theirs.as_ref();
            if let Some(theirs) = theirs.filter(|codec| codec.versions.contains(&version)) {
                let (their_names, bytes) = (theirs.round_trip)(body, version);
                assert_eq!(*body, bytes, "theirs: {case}");
                names::assert_same(case, &our_names, &their_names);
                shared += 1;
            }
        });
    }
    assert!(shared > 5000, "both codecs know most versions: {shared}");
}

#[test]
fn stored_records_round_trip() {
    for (name, ours) in for_each_stored_message!(stored_codecs) {
        walk(name, &ours, |case, version, body| {
            assert_eq!(*body, (ours.round_trip)(body, version).1, "{case}");
        });
    }
}

#[test]
fn unknown_tagged_fields_are_skipped() {
    let messages = schema::load();
    for (name, ours, _) in for_each_api_message!(api_codecs) {
        let version = *ours.versions.end();
        for seed in 0..SEEDS {
            let plain = Sampler::body(&messages[name], version, seed, false);
            let more = Sampler::body(&messages[name], version, seed, true);
            let (_, read) = (ours.round_trip)(&Bytes::from(more), version);
            assert_eq!(read, plain, "{name} {version}, seed {seed}");
        }
    }
}
