//! The log's end on its way to the file: stretches for an I/O thread, and what takes them back.

use thalweg_log::LogConfig;
use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::{DiskFile, OpenMode};
use thalweg_log::partition::{AppendError, LogEntry};
use thalweg_model::Term;

use crate::fixture::{Fixture, assign, at, batch, index, small_segments};
use crate::full_disk::FullDisk;

const LOG: &str = "topic-0/00000000000000000000.log";

fn config() -> LogConfig {
    LogConfig {
        write_behind_bytes: 12_288,
        ..LogConfig::default()
    }
}

on_both_disks! {
    fn the_newest_bytes_wait_until_a_long_stretch_can_be_written(disk, home) {
        let mut log = Fixture::new(disk, home, config());
        let path = home.join(LOG);
        let written = || disk.open(&path, OpenMode::Read).unwrap().len().unwrap();
        let mut lengths = Vec::new();
        for _ in 0..150 {
            log.append(vec![batch(&[1], 900)]);
            log.write_stretches();
            lengths.push(written());
            let unwritten = log.log.size_bytes() - written();
            assert!(unwritten < 12_288 + 4_096, "{unwritten} bytes are in memory only");
            assert_eq!(unwritten > 0, log.log.unwritten_from().is_some());
        }
        lengths.dedup();
        assert!((8..20).contains(&lengths.len()), "few writes, not {lengths:?}");
        assert!(lengths.iter().all(|length| length % 4_096 == 0), "{lengths:?}");
        let all: Vec<i64> = (0..150).collect();
        assert_eq!(log.bases(0), all, "a reader has them written");
        assert_eq!(written(), log.log.size_bytes());
        log.restart();
        assert_eq!(log.bases(0), all);
    }

    fn stretches_go_on_where_others_wrote_a_part_of_a_block(disk, home) {
        let mut log = Fixture::new(disk, home, config());
        for round in 0..20 {
            for _ in 0..15 {
                log.append(vec![batch(&[1], 900)]);
                log.write_stretches();
            }
            log.log.write_out().unwrap();
            assert_eq!(log.log.unwritten_from(), None, "round {round}");
        }
        let state = log.checkpoint();
        log.reopen(&state);
        assert_eq!(log.bases(0), (0..300).collect::<Vec<_>>());
    }

    fn who_reads_before_the_end_has_nothing_written(disk, home) {
        let mut log = Fixture::new(disk, home, config());
        for _ in 0..15 {
            log.append(vec![batch(&[1], 900)]);
            log.write_stretches();
        }
        let unwritten = log.log.unwritten_from().unwrap();
        let end = log.log.log_end();
        let read = log.log.read(log.log.log_start(), u64::MAX, end, true).unwrap();
        assert_eq!((read.next, log.log.unwritten_from()), (unwritten, Some(unwritten)));
        let read = log.log.read(unwritten, u64::MAX, end, true).unwrap();
        assert_eq!((read.next, log.log.unwritten_from()), (end, None));
    }

    fn a_stretch_that_was_taken_back_writes_nothing(disk, home) {
        let mut log = Fixture::new(disk, home, config());
        for _ in 0..20 {
            log.append(vec![batch(&[1], 900)]);
        }
        let late = log.log.stretch().unwrap().unwrap();
        assert!(log.log.stretch().unwrap().is_none(), "one at a time");
        log.log.truncate_to(index(2)).unwrap();
        log.append_in(2, vec![batch(&[7, 8], 500)]);
        log.log.write_out().unwrap();
        let size = log.log.size_bytes();
        let mut buffer = AlignedBuf::with_capacity(8_192);
        log.log.stretch_written(late.perform(&mut buffer));
        assert_eq!(disk.open(&home.join(LOG), OpenMode::Read).unwrap().len().unwrap(), size);
        assert_eq!((log.bases(0), log.log.unwritten_from()), (vec![0, 1, 2], None));
        let state = log.checkpoint();
        log.reopen(&state);
        assert_eq!(log.bases(0), [0, 1, 2]);
    }

    fn a_reader_behind_the_tail_finds_the_next_stretches_in_the_page_cache(disk, home) {
        let mut log = Fixture::new(disk, home, config());
        for _ in 0..20 {
            log.append(vec![batch(&[1], 900)]);
        }
        assert!(log.log.stretch().unwrap().unwrap().is_direct());
        log.bases(0);
        for _ in 0..20 {
            log.append(vec![batch(&[1], 900)]);
        }
        assert!(!log.log.stretch().unwrap().unwrap().is_direct());
        assert_eq!(log.bases(0), (0..40).collect::<Vec<_>>());
    }

    fn a_failed_stretch_is_an_error_of_the_next_append(disk, home) {
        let disk = FullDisk::new(disk.clone());
        let mut log = Fixture::new(&disk, home, config());
        for _ in 0..20 {
            log.append(vec![batch(&[1], 900)]);
        }
        disk.full_after(0);
        log.write_stretches();
        let stored = assign(log.log.log_end(), 1, vec![batch(&[1], 900)]);
        let entry = LogEntry { index: index(21), term: Term(1), batches: &stored };
        for _ in 0..3 {
            let refused = log.log.append(&entry, at(0));
            assert!(matches!(refused, Err(AppendError::StorageFull(_))));
        }
        disk.has_room();
        assert_eq!(log.bases(0), (0..20).collect::<Vec<_>>());
        log.log.append(&entry, at(0)).unwrap();
        log.restart();
        assert_eq!(log.bases(0), (0..21).collect::<Vec<_>>());
    }

    fn without_an_io_thread_an_append_writes_in_the_end(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig { write_behind_bytes: 64, ..small_segments() });
        let mut most = 0;
        for _ in 0..100 {
            log.append(vec![batch(&[1], 100)]);
            most = most.max(log.log.waiting_bytes());
        }
        assert!((1_000..64 * 64).contains(&most), "{most}");
        assert_eq!(log.bases(0), (0..100).collect::<Vec<_>>());
    }
}
