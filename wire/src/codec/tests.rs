//! What the codec accepts, what it refuses, and where it says so.

use bytes::Bytes;

use super::{DecodeError, Decoder, EncodeError, Encoder, Limit, Malformed, Reader};
use crate::messages::{
    ApiVersionsResponse, HeartbeatRequest, MetadataRequest, OffsetCommitRequest, ProduceResponse,
};
use crate::{Message, Str};

fn malformed<T>(reason: Malformed, at: usize) -> Result<T, DecodeError> {
    Err(DecodeError::Malformed { reason, at })
}

fn flexible(bytes: &[u8]) -> Reader<'_> {
    let mut reader = Reader::new(bytes);
    reader.set_flexible(true);
    reader
}

#[test]
fn varints_may_be_padded_but_not_overflow() {
    let read = |bytes: &[u8]| Reader::new(bytes).varint();
    assert_eq!(read(&[0x00]), Ok(0));
    assert_eq!(read(&[0xac, 0x02]), Ok(300));
    assert_eq!(read(&[0x80, 0x00]), Ok(0));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
    assert_eq!(
        read(&[0xff, 0xff, 0xff, 0xff, 0x1f]),
        malformed(Malformed::Varint, 5)
    );
    assert_eq!(
        read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
        malformed(Malformed::Varint, 5)
    );
    assert_eq!(read(&[0x80]), malformed(Malformed::Short, 1));
}

#[test]
fn varints_are_written_as_they_are_read() {
    for value in [0, 1, 127, 128, 16_383, 16_384, 1 << 28, u32::MAX] {
        let mut e = Encoder::new();
        e.varint(value);
        let bytes = e.finish().unwrap();
        assert_eq!(Reader::new(&bytes).varint(), Ok(value));
    }
}

#[test]
fn strings_are_bounded_and_utf8() {
    assert_eq!(flexible(b"\x03ab").str(), Ok("ab"));
    assert_eq!(flexible(b"\0").nullable_str(), Ok(None));
    assert_eq!(flexible(b"\0").str(), malformed(Malformed::Null, 1));
    assert_eq!(flexible(b"\x04ab").str(), malformed(Malformed::Short, 1));
    assert_eq!(flexible(b"\x02\xff").str(), malformed(Malformed::Utf8, 2));
    let long = [&b"\x81\x80\x02"[..], &[b'x'; 32_768]].concat();
    assert_eq!(flexible(&long).str(), malformed(Malformed::StringLength, 3));
    // As in Kafka, every negative length is null.
    assert_eq!(Reader::new(b"\xff\xfe").nullable_str(), Ok(None));
    assert_eq!(Reader::new(b"\x80\0").str(), malformed(Malformed::Null, 2));
}

#[test]
fn counts_are_held_against_the_bytes_left() {
    let count = |bytes: &[u8]| Reader::new(bytes).nullable_count::<u64>(4);
    assert_eq!(count(b"\0\0\0\x02\0\0\0\0\0\0\0\0"), Ok(Some(2)));
    assert_eq!(
        count(b"\0\0\0\x02\0\0\0\0\0\0\0"),
        malformed(Malformed::Count, 4)
    );
    assert_eq!(count(b"\x7f\xff\xff\xff"), malformed(Malformed::Count, 4));
    assert_eq!(count(b"\xff\xff\xff\xff"), Ok(None));
    assert_eq!(
        flexible(b"\xff\xff\xff\xff\x0f").nullable_count::<u64>(1),
        malformed(Malformed::Count, 5)
    );
}

/// Metadata version 0: topics without a name, two bytes each, which become structs of many more.
fn nameless_topics(count: u32) -> Bytes {
    let mut body = count.to_be_bytes().to_vec();
    body.extend((0..count).flat_map(|_| [0, 0]));
    body.into()
}

#[test]
fn small_elements_cannot_multiply_a_frame() {
    let few = MetadataRequest::from_bytes(&nameless_topics(1000), 0).unwrap();
    assert_eq!(few.topics.map(|topics| topics.len()), Some(1000));
    assert_eq!(
        MetadataRequest::from_bytes(&nameless_topics(200_000), 0),
        Err(DecodeError::OverLimit {
            limit: Limit::Memory,
            at: 4
        })
    );
}

#[test]
fn arrays_within_arrays_share_one_budget() {
    // OffsetCommit version 2: 20,000 topics with a name of no bytes and one partition each.
    let mut body = b"\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let topics: u32 = 20_000;
    body.extend(topics.to_be_bytes());
    for _ in 0..topics {
        body.extend(b"\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    let body = Bytes::from(body);
    let spent = |budget| {
        let mut d = Decoder::new(&body).with_budget(budget);
        OffsetCommitRequest::decode(&mut d, 2)
    };
    assert!(spent(20_000 * 256).is_ok());
    assert!(matches!(
        spent(20_000 * 100),
        Err(DecodeError::OverLimit {
            limit: Limit::Memory,
            ..
        })
    ));
}

#[test]
fn tagged_fields_end_where_they_say() {
    // ApiVersions version 3: no error, no APIs, no throttle, then tag 1 (int64).
    let plain = b"\0\0\x01\0\0\0\0\x01\x01\x08\0\0\0\0\0\0\0\x05";
    let read = |bytes: &[u8]| ApiVersionsResponse::from_bytes(&Bytes::copy_from_slice(bytes), 3);
    assert_eq!(read(plain).unwrap().finalized_features_epoch, 5);
    let mut long = [&plain[..], b"\0"].concat();
    long[9] = 9;
    assert_eq!(read(&long), malformed(Malformed::TagSize, 18));
    let mut short = plain.to_vec();
    short[9] = 7;
    assert_eq!(read(&short), malformed(Malformed::Short, 10));
    assert_eq!(read(&plain[..17]), malformed(Malformed::Short, 10));
}

#[test]
fn repeated_and_unordered_tags_are_read_as_kafka_reads_them() {
    let twice = b"\0\0\x01\0\0\0\0\x03\x01\x08\0\0\0\0\0\0\0\x05\
                  \x01\x08\0\0\0\0\0\0\0\x06\0\x01\x01";
    let read = ApiVersionsResponse::from_bytes(&Bytes::from_static(twice), 3).unwrap();
    assert_eq!(read.finalized_features_epoch, 6);
}

#[test]
fn a_struct_has_at_most_64_tagged_fields() {
    let fields = |count: u8| {
        let mut bytes = vec![count];
        bytes.extend((0..count).flat_map(|tag| [tag, 0]));
        flexible(&bytes).skip_tagged_fields()
    };
    assert_eq!(fields(64), Ok(()));
    assert_eq!(
        fields(65),
        Err(DecodeError::OverLimit {
            limit: Limit::TaggedFields,
            at: 1
        })
    );
}

#[test]
fn bytes_after_a_message_are_left_unread() {
    let body = Bytes::from_static(b"\0\x01g\0\0\0\x01\0\x01mtrailing");
    let mut d = Decoder::new(&body);
    HeartbeatRequest::decode(&mut d, 0).unwrap();
    assert_eq!(d.remaining(), 8);
}

#[test]
fn strings_are_slices_of_the_frame() {
    let body = Bytes::from_static(b"\0\x01g\0\0\0\x01\0\x01m");
    let request = HeartbeatRequest::from_bytes(&body, 0).unwrap();
    assert_eq!(request.group_id.as_bytes().as_ptr(), body[2..].as_ptr());
}

#[test]
fn a_version_that_does_not_exist_is_its_own_error() {
    let read = HeartbeatRequest::from_bytes(&Bytes::new(), 5);
    let expected = DecodeError::UnsupportedVersion {
        message: "HeartbeatRequest",
        version: 5,
    };
    assert_eq!(read, Err(expected));
    assert_eq!(expected.to_string(), "HeartbeatRequest has no version 5");
}

#[test]
fn what_does_not_fit_is_reported_at_the_end() {
    let request = HeartbeatRequest {
        group_id: "x".repeat(32_768).into(),
        ..HeartbeatRequest::default()
    };
    assert_eq!(request.to_bytes(0), Err(EncodeError::String(32_768)));
    assert_eq!(request.to_bytes(4), Err(EncodeError::String(32_768)));
}

#[test]
fn fields_a_version_lacks_are_left_out_and_its_missing_nulls_are_empty() {
    let request = MetadataRequest {
        topics: None,
        include_topic_authorized_operations: true,
        ..MetadataRequest::default()
    };
    assert_eq!(request.to_bytes(1).unwrap(), b"\xff\xff\xff\xff"[..]);
    assert_eq!(request.to_bytes(0).unwrap(), b"\0\0\0\0"[..]);
}

#[test]
fn golden_bytes_of_a_produce_response() {
    use crate::messages::produce_response::{
        BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
        TopicProduceResponse,
    };
    let partition = PartitionProduceResponse {
        index: 1,
        error_code: 6,
        base_offset: -1,
        record_errors: vec![BatchIndexAndErrorMessage {
            batch_index: 2,
            batch_index_error_message: None,
        }],
        error_message: Some("no".into()),
        current_leader: LeaderIdAndEpoch {
            leader_id: 3,
            leader_epoch: 4,
        },
        ..PartitionProduceResponse::default()
    };
    let response = ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: Str::from_static("t"),
            partition_responses: vec![partition],
            ..TopicProduceResponse::default()
        }],
        node_endpoints: vec![NodeEndpoint {
            node_id: 3,
            host: "h".into(),
            port: 9,
            rack: None,
        }],
        ..ProduceResponse::default()
    };
    let old = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x01\0\x06\xff\xff\xff\xff\xff\xff\xff\xff\
                \xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    assert_eq!(response.to_bytes(3).unwrap(), old[..]);
    let new = b"\x02\x02t\x02\0\0\0\x01\0\x06\xff\xff\xff\xff\xff\xff\xff\xff\
                \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
                \x02\0\0\0\x02\0\0\x03no\x01\0\x09\0\0\0\x03\0\0\0\x04\0\0\0\0\0\0\
                \x01\0\x0d\x02\0\0\0\x03\x02h\0\0\0\x09\0\0";
    assert_eq!(response.to_bytes(12).unwrap(), new[..]);
}
