//! Writes a Fetch response around its records.

use super::{Extent, Fetched, FetchedPartition, FetchedTopic, Piece, PiecedFrame};
use crate::codec::{Element, EncodeError, Encoder};
use crate::frame::{close_frame, open_frame};
use crate::header::ResponseHeader;
use crate::messages::FetchResponse;
use crate::{ApiKey, Message};

/// First version that names topics by id (KIP-516).
const TOPIC_ID_FROM: i16 = 13;

/// Room for the header, a topic's name and the ends of structs.
const FRAME_CAPACITY: usize = 128;

/// Room for a partition without its records: 44 bytes, and a leader hint or two.
const PARTITION_CAPACITY: usize = 64;

impl<X: Extent> Fetched<X> {
    /// The response as a frame.
    ///
    /// # Errors
    /// It is larger than a frame can be.
    ///
    /// # Panics
    /// If there is no such version: versions are negotiated before anything is written.
    pub fn encode(self, version: i16, correlation_id: i32) -> Result<PiecedFrame<X>, EncodeError> {
        assert!(
            (FetchResponse::MIN_VERSION..=FetchResponse::MAX_VERSION).contains(&version),
            "a response is written in a version it has"
        );
        let partitions = self.topics.iter().map(|topic| topic.partitions.len());
        let partitions: usize = partitions.sum();
        let header = ResponseHeader { correlation_id };
        let mut skeleton = Skeleton {
            e: open_frame(FRAME_CAPACITY + partitions * PARTITION_CAPACITY),
            version,
            records: Vec::with_capacity(partitions),
            record_bytes: 0,
        };
        header.encode(
            &mut skeleton.e,
            ApiKey::Fetch.response_header_version(version),
        );
        skeleton.response(self);
        skeleton.cut()
    }
}

/// The response without its records.
struct Skeleton<X> {
    e: Encoder,
    version: i16,
    /// Records, and where in the skeleton they belong.
    records: Vec<(usize, Vec<Piece<X>>)>,
    record_bytes: usize,
}

impl<X: Extent> Skeleton<X> {
    fn response(&mut self, response: Fetched<X>) {
        let version = self.version;
        self.e.set_flexible(version >= FetchResponse::FLEXIBLE_FROM);
        self.e.i32(response.throttle_time_ms);
        if version >= 7 {
            self.e.i16(response.error_code);
            self.e.i32(response.session_id);
        }
        self.e.length(Some(response.topics.len()));
        for topic in response.topics {
            self.topic(topic);
        }
        self.e.tagged_fields(|t| {
            if version >= 16 && !response.node_endpoints.is_empty() {
                t.field(0, |e| e.array(&response.node_endpoints, version));
            }
        });
    }

    fn topic(&mut self, topic: FetchedTopic<X>) {
        if self.version >= TOPIC_ID_FROM {
            self.e.uuid(topic.id);
        } else {
            self.e.string(&topic.name);
        }
        self.e.length(Some(topic.partitions.len()));
        for partition in topic.partitions {
            self.partition(partition);
        }
        self.e.no_tagged_fields();
    }

    fn partition(&mut self, partition: FetchedPartition<X>) {
        let version = self.version;
        let e = &mut self.e;
        e.i32(partition.index);
        e.i16(partition.error_code);
        e.i64(partition.high_watermark);
        e.i64(partition.last_stable_offset);
        if version >= 5 {
            e.i64(partition.log_start_offset);
        }
        e.nullable_array(partition.aborted_transactions.as_deref(), version);
        if version >= 11 {
            e.i32(partition.preferred_read_replica.unwrap_or(-1));
        }
        self.records(partition.records);
        self.e.tagged_fields(|t| {
            if let Some(epoch) = &partition.diverging_epoch {
                t.field(0, |e| epoch.write(e, version));
            }
            if let Some(leader) = &partition.current_leader {
                t.field(1, |e| leader.write(e, version));
            }
        });
    }

    fn records(&mut self, pieces: Vec<Piece<X>>) {
        let length = pieces.iter().map(Piece::byte_len).sum();
        self.e.length(Some(length));
        if length > 0 {
            self.records.push((self.e.position(), pieces));
            self.record_bytes += length;
        }
    }

    /// Cuts the skeleton where the records belong.
    fn cut(self) -> Result<PiecedFrame<X>, EncodeError> {
        let skeleton = close_frame(self.e, self.record_bytes)?.freeze();
        let held: usize = self.records.iter().map(|(_, pieces)| pieces.len()).sum();
        let mut pieces = Vec::with_capacity(held + self.records.len() + 1);
        let mut from = 0;
        for (at, records) in self.records {
            if at > from {
                pieces.push(Piece::Bytes(skeleton.slice(from..at)));
            }
            pieces.extend(records.into_iter().filter(|piece| piece.byte_len() > 0));
            from = at;
        }
        if skeleton.len() > from {
            pieces.push(Piece::Bytes(skeleton.slice(from..)));
        }
        Ok(PiecedFrame {
            byte_len: skeleton.len() + self.record_bytes,
            pieces,
        })
    }
}
