//! The pieces, put together, are what the generated encoder writes.

use super::*;
use crate::Message;
use crate::codec::EncodeError;
use crate::frame::response_frame;
use crate::messages::FetchResponse;
use crate::messages::fetch_response::{FetchableTopicResponse, PartitionData};

/// A file that is all `x`.
#[derive(Debug)]
struct Xs(usize);

impl Extent for Xs {
    fn byte_len(&self) -> usize {
        self.0
    }
}

fn joined(frame: PiecedFrame<Xs>) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in frame.pieces {
        assert!(piece.byte_len() > 0, "no piece is empty");
        match piece {
            Piece::Bytes(bytes) => out.extend_from_slice(&bytes),
            Piece::Extent(Xs(length)) => out.extend(vec![b'x'; length]),
        }
    }
    assert_eq!(out.len(), frame.byte_len);
    out
}

fn aborted() -> Vec<AbortedTransaction> {
    vec![AbortedTransaction {
        producer_id: 5,
        first_offset: 6,
    }]
}

fn leader() -> LeaderIdAndEpoch {
    LeaderIdAndEpoch {
        leader_id: 3,
        leader_epoch: 4,
    }
}

fn epoch() -> EpochEndOffset {
    EpochEndOffset {
        epoch: 8,
        end_offset: 9,
    }
}

fn endpoint() -> NodeEndpoint {
    NodeEndpoint {
        node_id: 3,
        host: "h".into(),
        port: 9092,
        rack: None,
    }
}

fn fetched() -> Fetched<Xs> {
    let full = FetchedPartition {
        high_watermark: 10,
        last_stable_offset: 9,
        log_start_offset: 2,
        aborted_transactions: Some(aborted()),
        preferred_read_replica: Some(7),
        records: vec![
            Piece::Bytes(Bytes::from_static(b"abc")),
            Piece::Bytes(Bytes::new()),
            Piece::Extent(Xs(200)),
        ],
        ..FetchedPartition::failed(0, 0)
    };
    let moved = FetchedPartition {
        current_leader: Some(leader()),
        diverging_epoch: Some(epoch()),
        ..FetchedPartition::failed(1, 6)
    };
    let tail = FetchedPartition {
        records: vec![Piece::Extent(Xs(1))],
        ..FetchedPartition::failed(2, 0)
    };
    Fetched {
        throttle_time_ms: 1,
        error_code: 0,
        session_id: 77,
        topics: vec![FetchedTopic {
            name: "t".into(),
            id: Uuid::from_bytes([9; 16]),
            partitions: vec![full, moved, tail],
        }],
        node_endpoints: vec![endpoint()],
    }
}

fn generated() -> FetchResponse {
    let mut records = b"abc".to_vec();
    records.extend([b'x'; 200]);
    let full = PartitionData {
        partition_index: 0,
        high_watermark: 10,
        last_stable_offset: 9,
        log_start_offset: 2,
        aborted_transactions: Some(aborted()),
        preferred_read_replica: 7,
        records: Some(records.into()),
        ..PartitionData::default()
    };
    let moved = PartitionData {
        partition_index: 1,
        error_code: 6,
        high_watermark: -1,
        aborted_transactions: None,
        current_leader: leader(),
        diverging_epoch: epoch(),
        records: Some(Bytes::new()),
        ..PartitionData::default()
    };
    let tail = PartitionData {
        partition_index: 2,
        high_watermark: -1,
        aborted_transactions: None,
        records: Some(Bytes::from_static(b"x")),
        ..PartitionData::default()
    };
    FetchResponse {
        throttle_time_ms: 1,
        session_id: 77,
        responses: vec![FetchableTopicResponse {
            topic: "t".into(),
            topic_id: Uuid::from_bytes([9; 16]),
            partitions: vec![full, moved, tail],
        }],
        node_endpoints: vec![endpoint()],
        ..FetchResponse::default()
    }
}

#[test]
fn every_version_is_what_the_generated_encoder_writes() {
    for version in FetchResponse::MIN_VERSION..=FetchResponse::MAX_VERSION {
        let pieces = fetched().encode(version, 42).unwrap();
        let whole = response_frame(&generated(), version, 42).unwrap();
        assert_eq!(joined(pieces), &whole[..], "version {version}");
    }
}

#[test]
fn a_response_without_records_is_one_piece() {
    let response = Fetched::<Xs> {
        topics: Vec::new(),
        node_endpoints: Vec::new(),
        ..fetched()
    };
    let frame = response.encode(4, 1).unwrap();
    assert_eq!(frame.pieces.len(), 1);
    assert_eq!(joined(frame), b"\0\0\0\x0c\0\0\0\x01\0\0\0\x01\0\0\0\0");
}

#[test]
fn golden_bytes_of_version_4() {
    let partition = FetchedPartition {
        high_watermark: 3,
        last_stable_offset: 3,
        records: vec![Piece::Extent(Xs(2))],
        ..FetchedPartition::failed(5, 0)
    };
    let response = Fetched {
        throttle_time_ms: 0,
        error_code: 0,
        session_id: 0,
        topics: vec![FetchedTopic {
            name: "t".into(),
            id: Uuid::NIL,
            partitions: vec![partition],
        }],
        node_endpoints: Vec::new(),
    };
    let frame = response.encode(4, 1).unwrap();
    assert_eq!(frame.pieces.len(), 2, "nothing follows the last records");
    assert_eq!(
        joined(frame),
        b"\0\0\0\x33\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\
          \0\0\0\x05\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x03\xff\xff\xff\xff\0\0\0\x02xx"
    );
}

#[test]
fn a_response_larger_than_a_frame_is_refused() {
    let mut response = fetched();
    response.topics[0].partitions[0].records =
        vec![Piece::Extent(Xs(1 << 30)), Piece::Extent(Xs((1 << 30) - 1))];
    assert!(matches!(
        response.encode(12, 1),
        Err(EncodeError::Length(_))
    ));
}
