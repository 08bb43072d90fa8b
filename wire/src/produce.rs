//! Produce requests, taken apart without copying a record.
//!
//! The generated [`crate::messages::ProduceRequest`] hands records out as shared slices. A broker patches the base offset
//! and the leader epoch of every batch, so here each partition's records leave the frame as a buffer of their own
//! that can be written in place.

use std::ops::Range;

use bytes::{Buf, BytesMut};
use thalweg_model::Uuid;

use crate::codec::{DecodeError, Element, Reader};
use crate::messages::ProduceRequest;
use crate::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::{Message, Str};

/// First version that names topics by id (KIP-516).
const TOPIC_ID_FROM: i16 = 13;

/// A Produce request that owns its records.
#[derive(Debug, PartialEq, Eq)]
pub struct Produce {
    /// The transaction the records belong to.
    pub transactional_id: Option<Str>,
    /// 0, 1 or -1 from a sane client; anything from another.
    pub acks: i16,
    /// How long to wait for the acknowledgement.
    pub timeout_ms: i32,
    /// What to append where.
    pub topics: Vec<ProduceTopic>,
}

/// A topic of a Produce request.
#[derive(Debug, PartialEq, Eq)]
pub struct ProduceTopic {
    /// Which topic.
    pub topic: TopicRef,
    /// Its partitions, in the order of the request.
    pub partitions: Vec<ProducePartition>,
}

/// How a request names a topic: by name up to version 12, by id from version 13.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicRef {
    /// By name.
    Name(Str),
    /// By id.
    Id(Uuid),
}

/// A partition of a Produce request.
#[derive(Debug, PartialEq, Eq)]
pub struct ProducePartition {
    /// Which partition.
    pub index: i32,
    /// The record batches, unchecked.
    pub records: Option<BytesMut>,
}

impl Produce {
    /// Takes a request apart; `body` is the frame behind its header.
    ///
    /// # Errors
    /// When [`ProduceRequest`] cannot be decoded from the same bytes, or somewhat earlier for want of memory: thousands
    /// of topics without a name or a partition cost more here.
    pub fn decode(body: BytesMut, version: i16) -> Result<Self, DecodeError> {
        if !(ProduceRequest::MIN_VERSION..=ProduceRequest::MAX_VERSION).contains(&version) {
            return Err(DecodeError::UnsupportedVersion {
                message: ProduceRequest::NAME,
                version,
            });
        }
        let mut reader = Reader::new(&body);
        reader.set_flexible(version >= ProduceRequest::FLEXIBLE_FROM);
        let transactional_id = reader.nullable_str()?.map(str::len);
        let transactional_id = transactional_id.map(|length| span(&reader, length));
        let acks = reader.i16()?;
        let timeout_ms = reader.i32()?;
        let topics = read_topics(&mut reader, version)?;
        reader.skip_tagged_fields()?;
        let mut frame = Frame {
            rest: body,
            passed: 0,
        };
        Ok(Self {
            transactional_id: transactional_id.map(|span| frame.text(span)),
            acks,
            timeout_ms,
            topics: topics.into_iter().map(|topic| frame.topic(topic)).collect(),
        })
    }
}

/// Where a value is in the frame.
type Span = Range<usize>;

/// The value of this length that was just read.
fn span(reader: &Reader<'_>, length: usize) -> Span {
    reader.position() - length..reader.position()
}

enum TopicSpan {
    Name(Span),
    Id(Uuid),
}

struct PartitionSpan {
    index: i32,
    records: Option<Span>,
}

type TopicSpans = (TopicSpan, Vec<PartitionSpan>);

fn read_topics(reader: &mut Reader<'_>, version: i16) -> Result<Vec<TopicSpans>, DecodeError> {
    // Where the values are is kept until the whole request is known to be good, so both forms are charged.
    const WIRE_SIZE_MIN: usize = TopicProduceData::MIN_WIRE_SIZE;
    let count = reader.nullable_count::<(TopicSpans, ProduceTopic)>(WIRE_SIZE_MIN)?;
    let count = reader.required(count)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        let topic = if version >= TOPIC_ID_FROM {
            TopicSpan::Id(reader.uuid()?)
        } else {
            let length = reader.str()?.len();
            TopicSpan::Name(span(reader, length))
        };
        topics.push((topic, read_partitions(reader)?));
        reader.skip_tagged_fields()?;
    }
    Ok(topics)
}

fn read_partitions(reader: &mut Reader<'_>) -> Result<Vec<PartitionSpan>, DecodeError> {
    const WIRE_SIZE_MIN: usize = PartitionProduceData::MIN_WIRE_SIZE;
    let count = reader.nullable_count::<(PartitionSpan, ProducePartition)>(WIRE_SIZE_MIN)?;
    let count = reader.required(count)?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        let index = reader.i32()?;
        let length = reader.nullable_slice()?.map(<[u8]>::len);
        let records = length.map(|length| span(reader, length));
        reader.skip_tagged_fields()?;
        partitions.push(PartitionSpan { index, records });
    }
    Ok(partitions)
}

/// A frame whose values are cut out front to back.
struct Frame {
    rest: BytesMut,
    /// Bytes of the frame before `rest`.
    passed: usize,
}

impl Frame {
    fn cut(&mut self, span: Span) -> BytesMut {
        self.rest.advance(span.start - self.passed);
        self.passed = span.end;
        self.rest.split_to(span.len())
    }

    fn text(&mut self, span: Span) -> Str {
        Str::from_checked(self.cut(span).freeze())
    }

    fn topic(&mut self, (topic, partitions): TopicSpans) -> ProduceTopic {
        let topic = match topic {
            TopicSpan::Name(span) => TopicRef::Name(self.text(span)),
            TopicSpan::Id(id) => TopicRef::Id(id),
        };
        let partitions = partitions
            .into_iter()
            .map(|partition| ProducePartition {
                index: partition.index,
                records: partition.records.map(|span| self.cut(span)),
            })
            .collect();
        ProduceTopic { topic, partitions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 9: transaction "tx", acks -1, timeout 5, topic "t" with partitions 1 ("abc"), 2 (null), 3 ("de").
    const VERSION_9: &[u8] =
        b"\x03tx\xff\xff\0\0\0\x05\x02\x02t\x04\0\0\0\x01\x04abc\0\0\0\0\x02\0\0\0\0\0\x03\x03de\0\0\0";

    #[test]
    fn records_leave_the_frame_as_buffers_that_can_be_written() {
        let body = BytesMut::from(VERSION_9);
        let place = body.as_ptr() as usize;
        let mut produce = Produce::decode(body, 9).unwrap();
        assert_eq!(produce.transactional_id.as_deref(), Some("tx"));
        assert_eq!((produce.acks, produce.timeout_ms), (-1, 5));
        let topic = produce.topics.pop().unwrap();
        assert_eq!(topic.topic, TopicRef::Name("t".into()));
        let [first, second, third] = topic.partitions.try_into().unwrap();
        assert_eq!((first.index, second.index, third.index), (1, 2, 3));
        assert_eq!(second.records, None);
        let (mut first, third) = (first.records.unwrap(), third.records.unwrap());
        assert_eq!(first.as_ptr() as usize - place, 18, "nothing was copied");
        first[0] = b'X';
        assert_eq!(first, b"Xbc"[..]);
        assert_eq!(third, b"de"[..]);
    }

    #[test]
    fn old_versions_have_wide_lengths_and_new_ones_topic_ids() {
        let old = b"\xff\xff\0\x01\0\0\0\x05\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x07\0\0\0\x02ab";
        let produce = Produce::decode(BytesMut::from(&old[..]), 3).unwrap();
        assert_eq!(produce.transactional_id, None);
        assert_eq!(produce.topics[0].partitions[0].index, 7);
        assert_eq!(
            produce.topics[0].partitions[0].records.as_deref(),
            Some(&b"ab"[..])
        );

        let new = b"\0\0\x01\0\0\0\x05\x02IIIIIIIIIIIIIIII\x01\0\0";
        let produce = Produce::decode(BytesMut::from(&new[..]), 13).unwrap();
        let id = Uuid::from_bytes([b'I'; 16]);
        assert_eq!(produce.topics[0].topic, TopicRef::Id(id));
        assert!(produce.topics[0].partitions.is_empty());
    }

    #[test]
    fn versions_a_broker_only_advertises_are_not_decoded() {
        for version in [-1, 0, 2, 14] {
            assert_eq!(
                Produce::decode(BytesMut::from(VERSION_9), version),
                Err(DecodeError::UnsupportedVersion {
                    message: "ProduceRequest",
                    version
                })
            );
        }
    }
}
