//! Record batches with every codec.

use bytes::{Bytes, BytesMut};
use thalweg_model::Timestamp;
use thalweg_model::batch::{
    BatchBuilder, BatchOptions, NewRecord, RawBatch, StoredBatch, Unpacked, walk,
};
use thalweg_model::compression::{Compression, Level};
use thalweg_model::{LeaderEpoch, Offset};

use super::Target;
use crate::{Dice, bounded, twice};

const CODECS_ALL: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// Most that is decompressed.
const PLAIN_BYTES_MAX: usize = 256 << 10;

/// Buffers of the codecs: one block of lz4 has up to 4 MiB, of which two are held.
const CODEC_BYTES: usize = 9 << 20;

/// Plain form of a batch: at most 64 MiB, in a buffer that grows.
const UNPACKED_BYTES: usize = 80 << 20;

pub(super) const BATCHES: Target = Target {
    name: "batches",
    make,
    repair,
    take,
};

pub(super) const CODECS: Target = Target {
    name: "codecs",
    make: make_compressed,
    repair: super::leave,
    take: |input| {
        if let Some((&codec, data)) = input.split_first() {
            let codec = CODECS_ALL[usize::from(codec) % CODECS_ALL.len()];
            let most = 2 * input.len() + CODEC_BYTES + 3 * PLAIN_BYTES_MAX;
            let plain = bounded(most, || codec.decompress(data, PLAIN_BYTES_MAX));
            if let Ok(plain) = plain {
                assert!(plain.len() <= PLAIN_BYTES_MAX, "the limit is kept");
            }
        }
    },
};

fn values(dice: &mut Dice) -> Vec<Vec<u8>> {
    (0..=dice.below(5))
        .map(|_| {
            let count = dice.below(120);
            if dice.below(2) == 0 {
                vec![7; count]
            } else {
                dice.bytes(count)
            }
        })
        .collect()
}

fn make(dice: &mut Dice) -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression: *dice.pick(&CODECS_ALL),
        ..BatchOptions::default()
    });
    for (at, value) in (0..).zip(values(dice)) {
        let key = (dice.below(3) > 0).then_some(&b"key"[..]);
        let headers = [(&b"name"[..], Some(&b"value"[..])), (&b""[..], None)];
        builder.push(&NewRecord {
            timestamp: Timestamp(1_000 + at),
            key,
            value: (dice.below(5) > 0).then_some(&value[..]),
            headers: &headers[..dice.below(3)],
        });
    }
    let batch = builder.finish().expect("it is small");
    let stored = batch.assign(Offset::new(5), LeaderEpoch::ZERO);
    stored.bytes().to_vec()
}

/// Length and CRC-32C of the first batch.
fn repair(input: &mut [u8]) {
    if input.len() < 61 {
        return;
    }
    let length = u32::try_from(input.len() - 12).unwrap_or(0);
    input[8..12].copy_from_slice(&length.to_be_bytes());
    input[16] = 2;
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &input[21..]);
    let sum = u32::try_from(sum).unwrap_or(0);
    input[17..21].copy_from_slice(&sum.to_be_bytes());
}

fn take(input: &[u8]) {
    // Of what comes from a client, the plain form is walked and never held.
    let walked = 2 * input.len() + CODEC_BYTES;
    let unpacked = walked + UNPACKED_BYTES;
    if let Ok(checked) = twice(input, || RawBatch(BytesMut::from(input)).check()) {
        bounded(walked, || {
            if let Ok(reader) = checked.compression().reader(checked.payload()) {
                drop(walk(reader, checked.record_count(), |_| {}));
            }
        });
        if let Ok(unpacked) = bounded(unpacked, || Unpacked::of_checked(&checked)) {
            read(&unpacked);
        }
    }
    let mut rest = Bytes::copy_from_slice(input);
    while let Ok(batch) = twice(input, || StoredBatch::split_first(&mut rest)) {
        let header = batch.header();
        assert!(header.last_offset() >= header.first_offset());
        if let Ok(unpacked) = bounded(unpacked, || batch.unpack()) {
            read(&unpacked);
        }
    }
}

fn read(unpacked: &Unpacked) {
    for record in unpacked.records() {
        let Ok(record) = record else {
            return;
        };
        let names: usize = record.headers.map(|header| header.key.len()).sum();
        assert!(names <= unpacked.plain().len(), "names are in the record");
    }
}

fn make_compressed(dice: &mut Dice) -> Vec<u8> {
    let number = dice.below(CODECS_ALL.len());
    let plain = values(dice).concat();
    let packed = CODECS_ALL[number].compress(&plain, Level::default());
    let mut input = vec![u8::try_from(number).unwrap_or(0)];
    input.extend(packed.expect("a few bytes are compressed"));
    input
}
