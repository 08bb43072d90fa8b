//! Offsets by time.

use thalweg_log::LogConfig;
use thalweg_model::batch::BatchOptions;
use thalweg_model::compression::Compression;
use thalweg_model::{LeaderEpoch, Timestamp};

use crate::fixture::{
    Fixture, altered, batch, compressed, offset, small_segments, unreadable, with_options,
};

type Found = Option<(i64, i64)>;

fn by_time<D: thalweg_log::disk::Disk>(log: &mut Fixture<D>, timestamp: i64, up_to: i64) -> Found {
    let found = log
        .log
        .offset_for_timestamp(Timestamp(timestamp), offset(up_to))
        .unwrap();
    found.map(|found| (found.offset.value(), found.timestamp.0))
}

fn youngest<D: thalweg_log::disk::Disk>(log: &mut Fixture<D>, up_to: i64) -> Found {
    let found = log.log.max_timestamp(offset(up_to)).unwrap();
    found.map(|found| (found.offset.value(), found.timestamp.0))
}

/// What the answers must be, record by record.
fn check_all<D: thalweg_log::disk::Disk>(log: &mut Fixture<D>, timestamps: &[i64], start: usize) {
    let low = timestamps.iter().min().unwrap() - 1;
    let high = timestamps.iter().max().unwrap() + 1;
    for up_to in [0, timestamps.len() / 2 / 3 * 3, timestamps.len()] {
        let visible: Vec<_> = (0_i64..).zip(timestamps).take(up_to).skip(start).collect();
        let limit = i64::try_from(up_to).unwrap();
        for wanted in low..=high {
            let expected = visible.iter().find(|(_, t)| **t >= wanted);
            let expected = expected.map(|&(at, &t)| (at, t));
            assert_eq!(
                by_time(log, wanted, limit),
                expected,
                "{wanted} below {limit}"
            );
        }
        let most = visible.iter().map(|(_, t)| **t).max();
        let expected = visible.iter().find(|(_, t)| Some(**t) == most);
        if start == 0 {
            assert_eq!(
                youngest(log, limit),
                expected.map(|&(at, &t)| (at, t)),
                "below {limit}"
            );
        }
    }
}

on_both_disks! {
    fn the_first_record_of_the_time_or_later_is_found_in_its_batch(disk, home) {
        for compression in Compression::ALL {
            let place = home.join(compression.name());
            let mut log = Fixture::new(disk, &place, LogConfig::default());
            log.append(vec![compressed(&[10, 20, 30], compression)]);
            log.append_in(4, vec![compressed(&[40, 35, 50], compression)]);
            assert_eq!(by_time(&mut log, 11, 6), Some((1, 20)));
            assert_eq!(by_time(&mut log, 31, 6), Some((3, 40)));
            assert_eq!(by_time(&mut log, 41, 6), Some((5, 50)));
            assert_eq!(by_time(&mut log, 51, 6), None);
            let found = log.log.offset_for_timestamp(Timestamp(50), offset(6)).unwrap();
            assert_eq!(found.unwrap().epoch, LeaderEpoch::from_wire(4));
        }
    }

    fn every_answer_is_right_when_time_goes_back_and_forth(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        let timestamps: Vec<i64> = (0..120).map(|i| 100 + (i * 37) % 50 + i / 4).collect();
        for three in timestamps.chunks(3) {
            log.append(vec![batch(three, 60)]);
        }
        assert!(log.log.segments().count() > 3);
        check_all(&mut log, &timestamps, 0);
        log.log.delete_records_before(offset(17)).unwrap();
        check_all(&mut log, &timestamps, 17);
    }

    fn answers_survive_a_restart_and_a_crash_of_the_process(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        let timestamps: Vec<i64> = (0..90).map(|i| 500 - (i * 13) % 40).collect();
        for three in timestamps.chunks(3) {
            log.append(vec![batch(three, 60)]);
        }
        // Without a clean end, indexes have gaps: more is walked, nothing is missed.
        let state = log.checkpoint();
        log.reopen(&state);
        check_all(&mut log, &timestamps, 0);
        log.restart();
        check_all(&mut log, &timestamps, 0);
    }

    fn records_without_timestamps_are_never_found(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![with_options(&[-1, -1], 10, BatchOptions::default())]);
        assert_eq!(by_time(&mut log, 0, 2), None);
        assert_eq!(youngest(&mut log, 2), None);
    }

    fn a_batch_that_cannot_be_read_is_answered_for_by_its_header(disk, home) {
        for compression in &Compression::ALL[1..] {
            let place = home.join(compression.name());
            let mut log = Fixture::new(disk, &place, LogConfig::default());
            log.append(vec![compressed(&[10, 20, 30], *compression)]);
            log.append(vec![unreadable(&[40, 60, 50], *compression)]);
            log.append(vec![compressed(&[70, 90, 80], *compression)]);
            assert_eq!(by_time(&mut log, 11, 9), Some((1, 20)));
            assert_eq!(by_time(&mut log, 31, 9), Some((3, 60)));
            assert_eq!(by_time(&mut log, 61, 9), Some((6, 70)), "one that lies is passed over");
            assert_eq!(youngest(&mut log, 9), Some((7, 90)));
            assert_eq!(youngest(&mut log, 6), Some((3, 60)));
            log.log.delete_records_before(offset(4)).unwrap();
            assert_eq!(by_time(&mut log, 31, 9), Some((4, 60)), "from the start of the log on");
        }
    }

    fn a_search_ends_where_a_header_promises_what_is_nowhere(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        let mut young = compressed(&[10, 20, 30], Compression::Lz4);
        young.stamp_create_time(Timestamp(500));
        log.append(vec![young]);
        log.append(vec![compressed(&[600, 40, 50], Compression::Lz4)]);
        assert_eq!(by_time(&mut log, 20, 6), Some((1, 20)));
        assert_eq!(by_time(&mut log, 31, 6), Some((0, 500)));
        assert_eq!(youngest(&mut log, 3), Some((0, 500)));
        // In what is left of a batch, nothing was promised.
        log.log.delete_records_before(offset(1)).unwrap();
        assert_eq!(by_time(&mut log, 31, 6), Some((3, 600)));
    }

    fn an_offset_that_is_not_the_batchs_is_never_an_answer(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![altered(batch(&[10, 20], 10), |bytes| bytes[64] = 0x7e)]);
        assert_eq!(by_time(&mut log, 5, 2), Some((0, 20)));
        assert_eq!(youngest(&mut log, 2), Some((0, 20)));
    }
}
