//! Building batches: coordinators' records, recompression, the command line.

use bytes::{BufMut, BytesMut};

use super::header::{Attributes, CRC_AT, HEADER_BYTES, ProducerStamp, checksum};
use super::{CheckedBatch, RawBatch};
use crate::Timestamp;
use crate::compression::{Compression, CompressionError, Level};

/// What a new batch says about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchOptions {
    /// Codec of the records.
    pub compression: Compression,
    /// Effort of the codec.
    pub level: Level,
    /// The idempotent producer, if any.
    pub producer: Option<ProducerStamp>,
    /// Part of a transaction.
    pub transactional: bool,
    /// Holds transaction markers.
    pub control: bool,
}

/// One record to add.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; none makes a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers in order; names may repeat.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// Collects records into one batch.
#[derive(Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    records: BytesMut,
    scratch: BytesMut,
    base_timestamp: Timestamp,
    max_timestamp: Timestamp,
    count: i32,
}

impl BatchBuilder {
    /// An empty batch.
    #[must_use]
    pub fn new(options: BatchOptions) -> Self {
        Self {
            options,
            records: BytesMut::new(),
            scratch: BytesMut::new(),
            base_timestamp: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
            count: 0,
        }
    }

    /// Adds a record behind the others.
    pub fn push(&mut self, record: &NewRecord<'_>) {
        if self.count == 0 {
            self.base_timestamp = record.timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        let body = &mut self.scratch;
        body.clear();
        body.put_u8(0);
        put_varlong(body, record.timestamp.0.wrapping_sub(self.base_timestamp.0));
        put_varlong(body, i64::from(self.count));
        put_nullable(body, record.key);
        put_nullable(body, record.value);
        put_length(body, record.headers.len());
        for (name, value) in record.headers {
            put_nullable(body, Some(name));
            put_nullable(body, *value);
        }
        put_length(&mut self.records, body.len());
        self.records.extend_from_slice(body);
        self.count += 1;
    }

    /// Records so far.
    #[must_use]
    pub fn count(&self) -> i32 {
        self.count
    }

    /// Bytes of records so far, before compression.
    #[must_use]
    pub fn plain_bytes(&self) -> usize {
        self.records.len()
    }

    /// Ends the batch, with base offset 0 and no leader epoch.
    ///
    /// # Errors
    /// The codec failed.
    ///
    /// # Panics
    /// If no record was added.
    pub fn finish(self) -> Result<CheckedBatch, CompressionError> {
        assert!(self.count > 0, "a batch has at least one record");
        let last_delta = self.count - 1;
        let bytes = self.encode(last_delta)?;
        // A control batch cannot pass the check for clients' batches, so only the rest is checked.
        Ok(if self.options.control {
            CheckedBatch::trusted(bytes)
        } else {
            RawBatch(bytes)
                .check()
                .expect("a built batch passes its own check")
        })
    }

    fn encode(&self, last_delta: i32) -> Result<BytesMut, CompressionError> {
        let options = &self.options;
        let payload = options.compression.compress(&self.records, options.level)?;
        let mut attributes = Attributes::default().with_compression(options.compression);
        if options.transactional {
            attributes = attributes.with_transactional();
        }
        if options.control {
            attributes = attributes.with_control();
        }
        let mut out = BytesMut::with_capacity(HEADER_BYTES + payload.len());
        out.put_i64(0);
        let length = HEADER_BYTES - super::header::LENGTH_PREFIX_BYTES + payload.len();
        out.put_i32(i32::try_from(length).expect("a batch is smaller than 2 GiB"));
        out.put_i32(-1);
        out.put_i8(2);
        out.put_u32(0);
        out.put_i16(attributes.0);
        out.put_i32(last_delta);
        out.put_i64(self.base_timestamp.0);
        out.put_i64(self.max_timestamp.0);
        out.put_i64(options.producer.map_or(-1, |producer| producer.id.0));
        out.put_i16(options.producer.map_or(-1, |producer| producer.epoch.0));
        out.put_i32(
            options
                .producer
                .map_or(-1, |producer| producer.base_sequence),
        );
        out.put_i32(self.count);
        out.extend_from_slice(&payload);
        let crc = checksum(&out);
        out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
        Ok(out)
    }
}

fn put_length(out: &mut BytesMut, length: usize) {
    put_varlong(out, i64::try_from(length).expect("a length in memory fits"));
}

fn put_nullable(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_length(out, bytes.len());
            out.extend_from_slice(bytes);
        }
        None => put_varlong(out, -1),
    }
}

fn put_varlong(out: &mut BytesMut, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while zigzag >= 0x80 {
        out.put_u8(zigzag.to_le_bytes()[0] | 0x80);
        zigzag >>= 7;
    }
    out.put_u8(zigzag.to_le_bytes()[0]);
}
