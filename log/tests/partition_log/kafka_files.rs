//! The bytes that Kafka's own tools and brokers read.

use thalweg_log::LogConfig;
use thalweg_log::disk::{Disk, DiskFile, OpenMode};
use thalweg_model::batch::StoredBatch;

use crate::fixture::{Fixture, batch, idempotent, stamp};

fn contents<D: Disk>(log: &Fixture<D>, name: &str) -> Vec<u8> {
    let path = log.home.dir().join(name);
    let file = log.disk.open(&path, OpenMode::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    let fours = bytes.chunks(4);
    fours
        .map(|four| u32::from_be_bytes(four.try_into().unwrap()))
        .collect()
}

on_both_disks! {
    fn the_texts_are_kafkas(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.fill(1);
        log.append_in(4, vec![batch(&[1], 1)]);
        log.restart();
        assert_eq!(contents(&log, "partition.metadata"), b"version: 0\ntopic_id: MDEyMzQ1Njc4OWFiY2RlZg\n");
        assert_eq!(contents(&log, "leader-epoch-checkpoint"), b"0\n2\n1 0\n4 3\n");
    }

    fn index_entries_name_the_last_offset_and_the_place_of_a_batch(disk, home) {
        let config = LogConfig { index_interval_bytes: 300, ..LogConfig::default() };
        let mut log = Fixture::new(disk, home, config);
        let size = log.append(vec![batch(&[7, 9, 8], 100)]).bytes;
        for at in 1..10 {
            log.append(vec![batch(&[7 + at, 9 + at, 8 + at], 100)]);
        }
        log.restart();
        let size = u32::try_from(size).unwrap();
        // An entry for the batch that comes more than 300 bytes after the last one that has one.
        let every = 300 / size + 1;
        let expected: Vec<u32> = (1..10)
            .filter(|at| at % every == 0)
            .flat_map(|at| [at * 3 + 2, at * size])
            .collect();
        assert_eq!(numbers(&contents(&log, "00000000000000000000.index")), expected);
        let times = numbers(&contents(&log, "00000000000000000000.timeindex"));
        assert_eq!(times.chunks(3).last().unwrap(), [0, 18, 29], "the youngest at the end");
        let mut whole = bytes::Bytes::from(contents(&log, "00000000000000000000.log"));
        for _ in 0..10 {
            StoredBatch::split_first(&mut whole).unwrap();
        }
        assert!(whole.is_empty());
    }

    fn snapshots_have_kafkas_layout(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(3, stamp(77, 5, 0), false)]);
        log.append(vec![idempotent(2, stamp(77, 5, 3), false)]);
        log.log.force_roll(crate::fixture::at(0)).unwrap();
        let snapshot = contents(&log, "00000000000000000005.snapshot");
        let mut expected = vec![0, 1];
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &snapshot[6..]);
        expected.extend_from_slice(&u32::try_from(crc).unwrap().to_be_bytes());
        expected.extend_from_slice(&1_i32.to_be_bytes()); // Producers.
        expected.extend_from_slice(&77_i64.to_be_bytes());
        expected.extend_from_slice(&5_i16.to_be_bytes());
        expected.extend_from_slice(&4_i32.to_be_bytes()); // Last sequence.
        expected.extend_from_slice(&4_i64.to_be_bytes()); // Last offset.
        expected.extend_from_slice(&1_i32.to_be_bytes()); // Offset delta.
        expected.extend_from_slice(&1_000_i64.to_be_bytes());
        expected.extend_from_slice(&(-1_i32).to_be_bytes()); // Coordinator epoch.
        expected.extend_from_slice(&(-1_i64).to_be_bytes()); // No transaction.
        assert_eq!(snapshot[..expected.len()], expected);
    }
}
