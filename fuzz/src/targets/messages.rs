//! Frames, headers and messages of the protocol.

use bytes::{Bytes, BytesMut};
use thalweg_wire::codec::DecodeError;
use thalweg_wire::frame::{FrameStatus, frame_status, split_frame};
use thalweg_wire::header::RequestHeader;
use thalweg_wire::produce::Produce;
use thalweg_wire::{ApiKey, Message};

use super::{Target, leave};
use crate::{Dice, bounded, twice};

#[path = "../../../wire/tests/registry/mod.rs"]
mod registry;

use registry::{for_each_api_message, for_each_stored_message};

/// Largest frame that is taken.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Memory for each byte of a message (`wire::limits`): an element of 3 bytes becomes a struct of some 50.
const EXPANSION: usize = 16;

pub(super) const FRAMES: Target = Target {
    name: "frames",
    make: make_frames,
    repair: leave,
    take: take_frames,
};

pub(super) const HEADERS: Target = Target {
    name: "headers",
    make: make_header,
    repair: leave,
    take: |input| {
        let mut frame = BytesMut::from(input);
        drop(twice(input, || RequestHeader::split_from(&mut frame)));
    },
};

pub(super) const REQUESTS: Target = Target {
    name: "messages",
    make: |dice| make_message(API, dice),
    repair: leave,
    take: |input| take_message(API, input),
};

pub(super) const STORED: Target = Target {
    name: "stored-messages",
    make: |dice| make_message(STORED_MESSAGES, dice),
    repair: leave,
    take: |input| take_message(STORED_MESSAGES, input),
};

pub(super) const PRODUCE: Target = Target {
    name: "produce",
    make: make_produce,
    repair: leave,
    take: |input| {
        if let Some((&version, body)) = input.split_first() {
            let frame = BytesMut::from(body);
            let version = i16::from(version % 16);
            drop(bounded(EXPANSION * body.len(), || {
                Produce::decode(frame, version)
            }));
        }
    },
};

fn make_frames(dice: &mut Dice) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..=dice.below(4) {
        let count = dice.below(200);
        let body = dice.bytes(count);
        let length = u32::try_from(body.len()).unwrap_or(0);
        all.extend(length.to_be_bytes());
        all.extend(body);
    }
    all
}

/// Frames arrive in pieces; however they are cut, the same come out.
fn take_frames(input: &[u8]) {
    let whole = twice(input, || frames(input, input.len().max(1)));
    let pieces = twice(input, || frames(input, 1 + input.len() % 7));
    assert_eq!(whole, pieces, "frames do not depend on how they arrive");
}

/// The frames of a stream that arrives in pieces, and whether it ended with an error.
fn frames(input: &[u8], piece: usize) -> (u64, bool) {
    let mut buffer = BytesMut::new();
    // The frames as one number: keeping them would be memory of the test's own.
    let mut digest = 0_u64;
    for bytes in input.chunks(piece) {
        buffer.extend_from_slice(bytes);
        loop {
            match frame_status(&buffer, FRAME_BYTES_MAX) {
                Ok(FrameStatus::Need(missing)) => {
                    assert!(missing > 0, "a frame that lacks nothing is there");
                    break;
                }
                Ok(FrameStatus::Frame(length)) => {
                    for byte in split_frame(&mut buffer, length) {
                        digest = digest.wrapping_mul(31).wrapping_add(u64::from(byte) + 1);
                    }
                    digest = digest.wrapping_mul(31);
                }
                Err(_) => return (digest, true),
            }
        }
    }
    (digest, false)
}

fn make_header(dice: &mut Dice) -> Vec<u8> {
    let key = *dice.pick(&ApiKey::ALL);
    let [high, low] = key.code().to_be_bytes();
    let version = u8::try_from(dice.below(14)).unwrap_or(0);
    let mut header = vec![high, low, 0, version, 0, 0, 0, 1, 0, 3, b'a', b'b', b'c'];
    header.extend([1, 5, 1, 7]);
    header
}

/// What can be done with one kind of message.
struct Codec {
    /// Oldest and newest version.
    versions: (i16, i16),
    /// The message with nothing in it.
    empty: fn(i16) -> Vec<u8>,
    /// Reads it; and once more what it is written as.
    read: fn(&Bytes, i16),
}

fn empty<M: Message>(version: i16) -> Vec<u8> {
    let bytes = M::default().to_bytes(version);
    bytes.expect("nothing is not too long").to_vec()
}

fn read<M: Message>(body: &Bytes, version: i16) {
    let read = bounded(EXPANSION * body.len(), || M::from_bytes(body, version));
    let Ok(message) = read else {
        return;
    };
    // Names from a frame always fit a frame.
    let written = message.to_bytes(version).expect("it was read from one");
    drop(message);
    let written = written.freeze();
    let again = match M::from_bytes(&written, version) {
        // Of padding alone the larger frame had memory for more.
        Err(DecodeError::OverLimit { .. }) if written.len() < body.len() => return,
        again => again.expect("what is written can be read"),
    };
    let rewritten = again.to_bytes(version).expect("it was written before");
    assert_eq!(
        written,
        rewritten,
        "{} {version} keeps its meaning",
        M::NAME
    );
}

macro_rules! codecs {
    ($($name:ident),* $(,)?) => {
        &[$(Codec {
            versions: (
                <thalweg_wire::messages::$name as Message>::MIN_VERSION,
                <thalweg_wire::messages::$name as Message>::MAX_VERSION,
            ),
            empty: empty::<thalweg_wire::messages::$name>,
            read: read::<thalweg_wire::messages::$name>,
        }),*]
    };
}

const API: &[Codec] = for_each_api_message!(codecs);
const STORED_MESSAGES: &[Codec] = for_each_stored_message!(codecs);

/// An input is the number of the message, the version, and the body.
fn make_message(codecs: &[Codec], dice: &mut Dice) -> Vec<u8> {
    let number = dice.below(codecs.len());
    let (oldest, newest) = codecs[number].versions;
    let span = usize::try_from(newest - oldest + 1).unwrap_or(1);
    let at = i16::try_from(dice.below(span)).unwrap_or(0);
    let mut input = vec![
        u8::try_from(number).unwrap_or(0),
        u8::try_from(at).unwrap_or(0),
    ];
    input.extend((codecs[number].empty)(oldest + at));
    if dice.below(2) == 0 {
        // Small numbers are lengths and counts: with them arrays get elements.
        let at = 2 + dice.below(input.len() - 1);
        let count = 1 + dice.below(40);
        let few = (0..count).map(|_| u8::try_from(dice.below(4)).unwrap_or(0));
        let few: Vec<u8> = few.collect();
        input.splice(at..at, few);
    }
    if dice.below(20) == 0 {
        many_elements(&mut input, dice);
    }
    input
}

/// Says that there are many elements, in either form, and puts small ones behind.
fn many_elements(input: &mut Vec<u8>, dice: &mut Dice) {
    let at = 2 + dice.below(input.len() - 1);
    let count = 100 + dice.below(20_000);
    let mut many = Vec::new();
    if dice.below(2) == 0 {
        many.extend(u32::try_from(count).unwrap_or(0).to_be_bytes());
    } else {
        let low = u8::try_from((count + 1) % 128).unwrap_or(0);
        let middle = u8::try_from((count + 1) / 128 % 128).unwrap_or(0);
        let high = u8::try_from((count + 1) / 16_384).unwrap_or(0);
        many.extend([low | 0x80, middle | 0x80, high]);
    }
    many.resize(many.len() + count * (1 + dice.below(12)), 0);
    input.splice(at..at, many);
}

fn take_message(codecs: &[Codec], input: &[u8]) {
    let [number, at, body @ ..] = input else {
        return;
    };
    let codec = &codecs[usize::from(*number) % codecs.len()];
    let (oldest, newest) = codec.versions;
    let version = oldest + i16::from(*at) % (newest - oldest + 1);
    (codec.read)(&Bytes::copy_from_slice(body), version);
}

fn make_produce(dice: &mut Dice) -> Vec<u8> {
    use thalweg_wire::messages::ProduceRequest;
    use thalweg_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
    let version = 3 + i16::try_from(dice.below(11)).unwrap_or(0);
    let topics = (0..dice.below(4)).map(|_| TopicProduceData {
        partition_data: (0..dice.below(4))
            .map(|_| {
                let count = dice.below(100);
                PartitionProduceData {
                    records: Some(dice.bytes(count).into()),
                    ..PartitionProduceData::default()
                }
            })
            .collect(),
        ..TopicProduceData::default()
    });
    let request = ProduceRequest {
        acks: -1,
        topic_data: topics.collect(),
        ..ProduceRequest::default()
    };
    let body = request.to_bytes(version).expect("it is small");
    let mut input = vec![u8::try_from(version).unwrap_or(0)];
    input.extend(body);
    input
}
