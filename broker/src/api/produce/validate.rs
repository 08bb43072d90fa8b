//! What a topic asks of a batch beyond a good checksum. Readers cannot rely on it: `record.validation` may leave it out.

use bytes::BytesMut;
use thalweg_model::batch::{
    BatchBuilder, BatchOptions, CheckedBatch, NewRecord, RawBatch, RecordShape, TimestampType,
    Unpacked,
};
use thalweg_model::compression::Compression;
use thalweg_model::{ErrorCode, Timestamp};

use super::believed::{is_believed, newest_by_header};
use crate::cluster::TopicRules;
use crate::errors;

/// Why a partition's batch is refused.
#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) error: ErrorCode,
    pub(super) text: Option<String>,
    /// Records that are at fault, with what is wrong with each.
    pub(super) records: Vec<(i32, Option<String>)>,
}

impl Rejection {
    pub(super) fn code(error: ErrorCode) -> Self {
        Self {
            error,
            text: None,
            records: Vec::new(),
        }
    }

    pub(super) fn text(error: ErrorCode, text: String) -> Self {
        Self {
            error,
            text: Some(text),
            records: Vec::new(),
        }
    }
}

/// What the request says about all its batches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) version: i16,
    pub(super) transactional: bool,
    pub(super) now: Timestamp,
}

/// A batch that may be appended.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) batch: CheckedBatch,
    pub(super) log_append_time: Option<Timestamp>,
}

/// Checks a batch by its topic's rules and brings it into the form that the topic stores.
pub(super) fn batch(
    records: Option<BytesMut>,
    rules: &TopicRules,
    request: Request,
) -> Result<Accepted, Rejection> {
    let raw = RawBatch(records.unwrap_or_default());
    let mut batch = raw
        .check()
        .map_err(|error| Rejection::text(errors::batch(&error), error.to_string()))?;
    let attributes = batch.header().attributes;
    if attributes.is_transactional() && !request.transactional {
        let error = ErrorCode::TransactionalIdAuthorizationFailed;
        return Err(Rejection::code(error));
    }
    if request.transactional {
        return Err(Rejection::code(ErrorCode::InvalidTxnState));
    }
    if batch.header().base_offset != 0 {
        let text = format!("a batch begins with offset {}", batch.header().base_offset);
        return Err(Rejection::text(ErrorCode::InvalidRecord, text));
    }
    if rules.log_append_time && attributes.timestamp_type() == TimestampType::LogAppendTime {
        let text = "the time of the append is the broker's to say".to_owned();
        return Err(Rejection {
            records: vec![(0, Some(text.clone()))],
            ..Rejection::text(ErrorCode::InvalidTimestamp, text)
        });
    }
    if batch.compression() == Compression::Zstd && request.version < 7 {
        let text = "Produce requests with version below 7 are not allowed to use zstd".to_owned();
        return Err(Rejection::text(ErrorCode::UnsupportedCompressionType, text));
    }
    let newest = if is_believed(&batch, rules) {
        newest_by_header(&batch, rules, request.now)?
    } else {
        records_of(&batch, rules, request.now)?
    };
    batch.stamp_create_time(newest);
    if let Some(target) = rules.compression
        && target != batch.compression()
    {
        batch = recompress(&batch, rules, target)?;
    }
    if batch.len() > rules.max_message_bytes {
        let text = format!(
            "The record batch size in the append is {} bytes, which exceeds the maximum \
             configured value of {}.",
            batch.len(),
            rules.max_message_bytes
        );
        return Err(Rejection::text(ErrorCode::MessageTooLarge, text));
    }
    let log_append_time = rules.log_append_time.then_some(request.now);
    if let Some(now) = log_append_time {
        batch.stamp_log_append_time(now);
    }
    Ok(Accepted {
        batch,
        log_append_time,
    })
}

/// What is wrong with single records.
#[derive(Default)]
struct Faults {
    error: Option<ErrorCode>,
    records: Vec<(i32, Option<String>)>,
}

impl Faults {
    fn add(&mut self, error: ErrorCode, shape: &RecordShape, text: String) {
        self.error.get_or_insert(error);
        // A batch of a million bad records is as bad as one of a thousand.
        if self.records.len() < 1_000 {
            self.records
                .push((i32::try_from(shape.index).unwrap_or(i32::MAX), Some(text)));
        }
    }
}

/// The newest timestamp of the records, if none is at fault.
fn records_of(
    batch: &CheckedBatch,
    rules: &TopicRules,
    now: Timestamp,
) -> Result<Timestamp, Rejection> {
    let base = batch.header().base_timestamp.0;
    let mut faults = Faults::default();
    let mut newest = Timestamp::NONE;
    let visit = |shape: RecordShape| {
        if i64::from(shape.offset_delta) != i64::from(shape.index) {
            let text = format!("offset delta {} is out of order", shape.offset_delta);
            faults.add(ErrorCode::InvalidRecord, &shape, text);
        }
        if rules.compacted && !shape.has_key {
            let text = "Compacted topic cannot accept message without key".to_owned();
            faults.add(ErrorCode::InvalidRecord, &shape, text);
        }
        let timestamp = base.saturating_add(shape.timestamp_delta);
        newest = newest.max(Timestamp(timestamp));
        if !rules.log_append_time && !rules.is_timely(timestamp, now) {
            let text = format!("Timestamp {timestamp} of message is out of range");
            faults.add(ErrorCode::InvalidTimestamp, &shape, text);
        }
    };
    batch
        .walk(visit)
        .map_err(|error| Rejection::text(ErrorCode::InvalidRecord, error.to_string()))?;
    match faults.error {
        None => Ok(newest),
        Some(error) => {
            let text = "One or more records have been rejected".to_owned();
            Err(Rejection {
                error,
                text: Some(text),
                records: faults.records,
            })
        }
    }
}

/// Writes the records anew with the topic's codec.
fn recompress(
    batch: &CheckedBatch,
    rules: &TopicRules,
    target: Compression,
) -> Result<CheckedBatch, Rejection> {
    let failed = |text: String| Rejection::text(ErrorCode::InvalidRecord, text);
    let header = batch.header();
    let options = BatchOptions {
        compression: target,
        level: rules.compression_level,
        producer: header.producer(),
        transactional: header.attributes.is_transactional(),
        control: false,
    };
    let unpacked = Unpacked::of_checked(batch).map_err(|error| failed(error.to_string()))?;
    let mut builder = BatchBuilder::new(options);
    for record in unpacked.records() {
        let record = record.map_err(|error| failed(error.to_string()))?;
        let headers: Vec<_> = record
            .headers
            .map(|header| (header.key, header.value))
            .collect();
        builder.push(&NewRecord {
            timestamp: record.timestamp,
            key: record.key,
            value: record.value,
            headers: &headers,
        });
    }
    builder.finish().map_err(|error| failed(error.to_string()))
}
