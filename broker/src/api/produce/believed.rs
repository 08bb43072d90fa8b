//! `record.validation=header`: compressed batches whose header is taken at its word.
//!
//! Length, format, checksum, count and producer were checked before (`RawBatch::check`). What is left is whether somebody
//! wants to know more than the header says, and the topic's bounds on timestamps.

use thalweg_metadata::config::RecordValidation;
use thalweg_model::batch::CheckedBatch;
use thalweg_model::compression::Compression;
use thalweg_model::{ErrorCode, Timestamp};

use super::validate::Rejection;
use crate::cluster::TopicRules;

/// Whether no record of the batch needs to be looked at.
pub(super) fn is_believed(batch: &CheckedBatch, rules: &TopicRules) -> bool {
    let keeps_codec = rules
        .compression
        .is_none_or(|target| target == batch.compression());
    rules.validation == RecordValidation::Header
        && batch.compression() != Compression::None
        && keeps_codec
        && !rules.compacted
        && is_plausible(batch)
}

/// Whether the header could be true. Records are rarely less than a byte each when compressed, and a header that claims
/// more would take offsets that no record has: offsets of a segment, and of a shared entry, are bounded by its bytes.
fn is_plausible(batch: &CheckedBatch) -> bool {
    let header = batch.header();
    let records = usize::try_from(batch.record_count()).expect("32 bits fit an address");
    records <= batch.payload().len() && header.max_timestamp >= header.base_timestamp
}

/// The newest timestamp as the header says, if its first and newest are within the topic's bounds.
pub(super) fn newest_by_header(
    batch: &CheckedBatch,
    rules: &TopicRules,
    now: Timestamp,
) -> Result<Timestamp, Rejection> {
    let header = batch.header();
    let outside = [header.base_timestamp, header.max_timestamp]
        .into_iter()
        .find(|timestamp| !rules.log_append_time && !rules.is_timely(timestamp.0, now));
    match outside {
        None => Ok(header.max_timestamp),
        Some(Timestamp(timestamp)) => {
            let text = format!("Timestamp {timestamp} of the batch is out of range");
            Err(Rejection::text(ErrorCode::InvalidTimestamp, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use thalweg_metadata::config::{ConfigLayers, StaticConfigs};
    use thalweg_metadata::image::MetadataImage;
    use thalweg_model::BrokerId;
    use thalweg_model::batch::{BatchBuilder, BatchOptions, NewRecord};

    use super::*;

    const HEADER: (&str, &str) = ("record.validation", "header");

    fn rules(own: &[(&str, &str)]) -> TopicRules {
        let own = own
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        let (image, start) = (MetadataImage::default(), StaticConfigs::default());
        let layers = ConfigLayers::new(&image, BrokerId(1), &start);
        TopicRules::of(&layers.topic_config_of(&own.collect()))
    }

    fn batch(timestamps: &[i64], compression: Compression) -> CheckedBatch {
        let mut builder = BatchBuilder::new(BatchOptions {
            compression,
            ..BatchOptions::default()
        });
        for &timestamp in timestamps {
            builder.push(&NewRecord {
                timestamp: Timestamp(timestamp),
                key: None,
                value: Some(b"value"),
                headers: &[],
            });
        }
        builder.finish().unwrap()
    }

    #[test]
    fn a_header_is_believed_where_nothing_more_is_asked() {
        let zstd = batch(&[1, 2], Compression::Zstd);
        let believes = |own| is_believed(&zstd, &rules(own));
        assert!(!believes(&[]));
        assert!(!believes(&[("record.validation", "full")]));
        assert!(believes(&[HEADER]));
        assert!(believes(&[HEADER, ("compression.type", "zstd")]));
        assert!(!believes(&[HEADER, ("compression.type", "lz4")]));
        assert!(!believes(&[HEADER, ("compression.type", "uncompressed")]));
        assert!(!believes(&[HEADER, ("cleanup.policy", "compact")]));
        assert!(!believes(&[HEADER, ("cleanup.policy", "compact,delete")]));
        let plain = batch(&[1, 2], Compression::None);
        assert!(!is_believed(&plain, &rules(&[HEADER])));
    }

    #[test]
    fn a_header_that_contradicts_itself_is_not_believed() {
        let mut backwards = batch(&[5, 6], Compression::Lz4);
        assert!(is_believed(&backwards, &rules(&[HEADER])));
        backwards.stamp_create_time(Timestamp(4));
        assert!(!is_believed(&backwards, &rules(&[HEADER])));
    }

    #[test]
    fn first_and_newest_timestamp_keep_to_the_topics_bounds() {
        let now = Timestamp(1_000);
        let bounds = [
            HEADER,
            ("message.timestamp.before.max.ms", "10"),
            ("message.timestamp.after.max.ms", "20"),
        ];
        let newest = |timestamps: &[i64], rules: &TopicRules| {
            newest_by_header(&batch(timestamps, Compression::Gzip), rules, now)
                .map_err(|rejection| rejection.error)
        };
        let bounded = rules(&bounds);
        assert_eq!(newest(&[990, 1_020], &bounded), Ok(Timestamp(1_020)));
        assert_eq!(newest(&[-1, -1], &bounded), Ok(Timestamp::NONE));
        let refused = Err(ErrorCode::InvalidTimestamp);
        assert_eq!(newest(&[989, 1_000], &bounded), refused);
        assert_eq!(newest(&[1_000, 1_021], &bounded), refused);
        let stamped =
            rules(&[&bounds[..], &[("message.timestamp.type", "LogAppendTime")]].concat());
        assert_eq!(newest(&[1, 5_000], &stamped), Ok(Timestamp(5_000)));
    }
}
