//! Batches through building, checking, storing and reading, with every codec.

#![expect(clippy::unwrap_used, reason = "a test fails where a value is missing")]

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use thalweg_model::batch::{
    BatchBuilder, BatchError, BatchOptions, CheckedBatch, NewRecord, RawBatch, StoredBatch,
    WalkError, walk,
};
use thalweg_model::compression::{Compression, CompressionError};
use thalweg_model::{LeaderEpoch, Offset, Timestamp};

fn sample(compression: Compression, records: u32) -> CheckedBatch {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression,
        ..BatchOptions::default()
    });
    for i in 0..records {
        let value = vec![b'a' + u8::try_from(i % 26).unwrap(); 200];
        builder.push(&NewRecord {
            timestamp: Timestamp(1_000 + i64::from(i)),
            key: (i % 3 != 0).then_some(b"key"),
            value: Some(&value),
            headers: &[(b"same", Some(b"1")), (b"same", None), (b"", Some(b""))],
        });
    }
    builder.finish().unwrap()
}

fn bytes_of(batch: CheckedBatch) -> BytesMut {
    let stored = batch.assign(Offset::ZERO, LeaderEpoch::ZERO);
    BytesMut::from(stored.bytes().as_ref())
}

#[test]
fn every_codec_keeps_keys_repeated_headers_and_order() {
    for compression in Compression::ALL {
        let stored = sample(compression, 100).assign(Offset::new(7), LeaderEpoch::ZERO);
        let mut bytes = stored.bytes().clone();
        let again = StoredBatch::split_first(&mut bytes).unwrap();
        assert!(bytes.is_empty());
        let unpacked = again.unpack().unwrap();
        let records: Vec<_> = unpacked.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len(), 100);
        for (i, record) in (0_i64..).zip(&records) {
            assert_eq!(record.offset, Offset::new(7 + i));
            assert_eq!(record.timestamp, Timestamp(1_000 + i));
            assert_eq!(record.key, (i % 3 != 0).then_some(b"key".as_slice()));
            let headers: Vec<_> = record.headers.map(|h| (h.key, h.value)).collect();
            assert_eq!(
                headers,
                [
                    (b"same".as_slice(), Some(b"1".as_slice())),
                    (b"same".as_slice(), None),
                    (b"".as_slice(), Some(b"".as_slice())),
                ]
            );
        }
    }
}

#[test]
fn walking_sees_every_record_without_decompressing_at_once() {
    for compression in Compression::ALL {
        let batch = sample(compression, 50);
        let mut keyless = 0;
        let mut deltas = Vec::new();
        walk(compression.reader(batch.payload()).unwrap(), 50, |shape| {
            keyless += u32::from(!shape.has_key);
            deltas.push(shape.offset_delta);
        })
        .unwrap();
        assert_eq!(keyless, 17, "{compression:?}");
        assert_eq!(deltas, (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn assigning_offsets_leaves_the_checksum_alone() {
    let batch = sample(Compression::None, 3);
    let crc = batch.header().crc;
    let stored = batch.assign(Offset::new(1 << 40), LeaderEpoch::from_wire(9).unwrap());
    assert_eq!(stored.header().crc, crc);
    let header = *StoredBatch::split_first(&mut stored.bytes().clone())
        .unwrap()
        .header();
    assert_eq!((header.base_offset, header.leader_epoch), (1 << 40, 9));
}

#[test]
fn log_append_time_is_under_the_checksum() {
    let mut batch = sample(Compression::Lz4, 3);
    batch.stamp_log_append_time(Timestamp(77));
    let stored = RawBatch(bytes_of(batch))
        .check()
        .unwrap()
        .assign(Offset::ZERO, LeaderEpoch::ZERO);
    let unpacked = stored.unpack().unwrap();
    assert!(
        unpacked
            .records()
            .all(|record| record.unwrap().timestamp == Timestamp(77))
    );
}

#[test]
fn create_time_takes_the_brokers_stamp_back_and_spares_a_right_header() {
    let mut batch = sample(Compression::None, 3);
    let (crc, newest) = (batch.header().crc, batch.header().max_timestamp);
    batch.stamp_log_append_time(Timestamp(77));
    batch.stamp_create_time(newest);
    assert_eq!(
        (batch.header().crc, batch.header().max_timestamp),
        (crc, newest)
    );
    batch.stamp_create_time(Timestamp(99));
    let stored = RawBatch(bytes_of(batch)).check().unwrap();
    assert_eq!(stored.header().max_timestamp, Timestamp(99));
}

#[test]
fn what_is_wrong_with_a_batch_is_named() {
    let good = bytes_of(sample(Compression::None, 3));
    let check = |change: &dyn Fn(&mut BytesMut)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        RawBatch(bytes).check().unwrap_err()
    };
    assert_eq!(check(&|b| b.clear()), BatchError::Empty);
    assert!(matches!(
        check(&|b| b.truncate(60)),
        BatchError::Truncated { declared: 0, .. }
    ));
    assert!(matches!(
        check(&|b| b.truncate(100)),
        BatchError::Truncated { actual: 100, .. }
    ));
    assert!(matches!(check(&|b| b[16] = 1), BatchError::Magic(1)));
    assert!(matches!(check(&|b| b[80] ^= 1), BatchError::Crc { .. }));
    assert!(matches!(
        check(&|b| b.extend_from_slice(b"x")),
        BatchError::MoreThanOne(1)
    ));
    assert!(matches!(
        check(&|b| b[8] = 0xff),
        BatchError::Truncated { declared: 0, .. }
    ));
}

#[test]
fn data_behind_the_declared_records_is_refused() {
    let batch = sample(Compression::None, 3);
    let walked = walk(batch.payload(), 2, |_| ());
    assert!(matches!(walked, Err(WalkError::Trailing { count: 2 })));
    let walked = walk(batch.payload(), 4, |_| ());
    assert!(matches!(walked, Err(WalkError::Malformed { index: 3, .. })));
}

#[test]
fn a_bomb_stops_at_the_limit() {
    for compression in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let bomb = compression
            .compress(&vec![0; 8 << 20], Default::default())
            .unwrap();
        let result = compression.decompress(&bomb, 1 << 20);
        assert!(
            matches!(result, Err(CompressionError::TooLarge { .. })),
            "{compression:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damage_anywhere_is_an_error_and_never_a_panic(
        codec in 0_i16..5, at in 0_usize..4096, bits in 1_u8..=255,
    ) {
        let compression = Compression::from_id(codec).unwrap();
        let mut bytes = bytes_of(sample(compression, 20));
        let at = at % bytes.len();
        bytes[at] ^= bits;
        // Base offset and leader epoch lie outside the checksum: a client's values mean nothing.
        let ignored = at < 8 || (12..16).contains(&at);
        prop_assert_eq!(RawBatch(bytes).check().is_ok(), ignored);
    }

    #[test]
    fn damaged_payloads_never_panic(
        codec in 0_i16..5, at in 0_usize..4096, bits in 1_u8..=255, count in 0_u32..40,
    ) {
        let compression = Compression::from_id(codec).unwrap();
        let mut payload = sample(compression, 20).payload().to_vec();
        let at = at % payload.len();
        payload[at] ^= bits;
        if let Ok(reader) = compression.reader(&payload) {
            let _outcome = walk(reader, count, |_| ());
        }
        let _plain = compression.decompress(&payload, 1 << 16);
    }

    #[test]
    fn arbitrary_bytes_are_never_a_stored_batch(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(StoredBatch::split_first(&mut Bytes::from(bytes)).is_err());
    }

    #[test]
    fn our_checksum_is_crc32c(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let ours = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &bytes);
        prop_assert_eq!(ours, u64::from(crc32c::crc32c(&bytes)));
    }
}
