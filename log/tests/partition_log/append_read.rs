//! Appending batches and reading them back.

use thalweg_log::LogConfig;
use thalweg_log::partition::{AppendError, LogEntry, LogRead, ReadError};
use thalweg_model::{LogIndex, Term};

use crate::fixture::{Fixture, assign, at, bases, batch, batches, index, offset, small_segments};
use crate::full_disk::FullDisk;

on_both_disks! {
    fn nothing_is_made_before_the_first_append(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        assert_eq!(disk.list(home).unwrap().len(), 0);
        log.log.append_internal(index(1), Term(1), bytes::Bytes::new());
        assert_eq!(disk.list(home).unwrap().len(), 0, "an election makes no file");
        let appended = log.append(vec![batch(&[1, 2], 10)]);
        assert_eq!((appended.first, appended.last), (offset(0), offset(1)));
        assert_eq!(
            log.names(),
            ["00000000000000000000.log", "leader-epoch-checkpoint", "partition.metadata"]
        );
    }

    fn batches_come_back_byte_for_byte(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        let mut written = Vec::new();
        for size in [10, 500, 3] {
            let stored = assign(log.log.log_end(), 1, vec![batch(&[5], size), batch(&[6, 7], size)]);
            let entry = LogEntry {
                index: log.log.last_entry().index.next(),
                term: Term(1),
                batches: &stored,
            };
            log.log.append(&entry, at(0)).unwrap();
            written.extend(stored);
        }
        let read = log.log.read(offset(0), u64::MAX, offset(9), true).unwrap();
        assert_eq!(batches(&read), written);
        assert_eq!((read.first, read.next), (offset(0), offset(9)));
        assert_eq!(read.extents.len(), 1, "one segment is one extent");
    }

    fn a_read_begins_with_the_batch_that_contains_the_offset(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(30);
        for from in 0..90 {
            let read = log.log.read(offset(from), 1, offset(90), true).unwrap();
            assert_eq!(bases(&read), [from / 3 * 3], "from {from}");
            assert_eq!(read.first, offset(from / 3 * 3));
            assert_eq!(read.next, offset(from / 3 * 3 + 3));
        }
    }

    fn a_read_is_cut_at_boundaries_of_batches(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(30);
        let size = log.log.size_bytes() / 30;
        for max in [0, 1, size - 1, size, size + 1, 7 * size, 8 * size - 1, 100 * size] {
            for from in [0, 4, 44, 89] {
                let read = log.log.read(offset(from), max, offset(90), false).unwrap();
                let whole = i64::try_from(max / size).unwrap();
                let first = from / 3;
                let last = (first + whole).min(30);
                let expected: Vec<_> = (first..last).map(|at| at * 3).collect();
                assert_eq!(bases(&read), expected, "{max} bytes from {from}");
                assert_eq!(read.bytes, u64::try_from(last - first).unwrap() * size);
            }
        }
    }

    fn nothing_at_the_high_watermark_or_after_it_is_read(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(30);
        log.log.write_out().unwrap();
        for mark in (0..=90).step_by(3) {
            let read = log.log.read(offset(0), u64::MAX, offset(mark), true).unwrap();
            let expected: Vec<_> = (0..mark).step_by(3).collect();
            assert_eq!(bases(&read), expected, "up to {mark}");
        }
        let read = log.log.read(offset(90), u64::MAX, offset(90), true).unwrap();
        assert_eq!((read.bytes, read.extents.len()), (0, 0));
        let outside = log.log.read(offset(91), 1, offset(90), true);
        assert!(matches!(outside, Err(ReadError::OffsetOutOfRange { .. })));
    }

    fn segments_roll_by_size_and_a_read_spans_them(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(30);
        log.log.write_out().unwrap();
        let segments: Vec<_> = log.log.segments().collect();
        assert!(segments.len() > 4, "{} segments", segments.len());
        assert!(segments.iter().all(|segment| segment.bytes <= 2_000));
        for pair in segments.windows(2) {
            assert_eq!(pair[0].next_offset, pair[1].base);
        }
        let read = log.log.read(offset(0), u64::MAX, offset(90), true).unwrap();
        assert_eq!(read.extents.len(), segments.len());
        assert!(log.cache.open_files() <= 8, "the cache bounds open files");
        assert_eq!(log.bases(0), (0..90).step_by(3).collect::<Vec<_>>());
    }

    fn segments_roll_by_the_age_of_their_records(disk, home) {
        let config = LogConfig { segment_ms: Some(500), ..LogConfig::default() };
        let mut log = Fixture::new(disk, home, config);
        log.append(vec![batch(&[1_000], 10)]);
        log.append(vec![batch(&[1_500], 10)]);
        assert_eq!(log.log.segments().count(), 1);
        log.append(vec![batch(&[1_501], 10)]);
        assert_eq!(log.log.segments().count(), 2);
        log.log.force_roll(at(0)).unwrap();
        log.log.force_roll(at(0)).unwrap();
        assert_eq!(log.log.segments().count(), 3, "an empty segment is not closed");
    }

    fn entries_are_read_back_by_index(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.log.append_internal(index(1), Term(1), bytes::Bytes::new());
        log.fill(20);
        log.log.append_internal(index(22), Term(2), bytes::Bytes::from_static(b"members"));
        log.append_in(2, vec![batch(&[1], 10), batch(&[1], 10)]);
        let entries = log.log.entries(index(1), index(24), u64::MAX).unwrap();
        assert_eq!(entries.len(), 23);
        assert_eq!(entries[0].base_offset, None);
        assert_eq!(entries[1].base_offset, Some(offset(0)));
        assert_eq!(entries[21].payload.as_ref(), b"members");
        assert_eq!(entries[22].base_offset, Some(offset(60)));
        assert_eq!(log.log.term_at(index(21)).unwrap(), Some(Term(1)));
        assert_eq!(log.log.term_at(index(22)).unwrap(), Some(Term(2)));
        assert_eq!(log.log.term_at(LogIndex(24)).unwrap(), None);
        let few = log.log.entries(index(2), index(24), 1).unwrap();
        assert_eq!(few.len(), 1, "one entry at least");
        let length = u64::try_from(few[0].payload.len()).unwrap();
        let two = log.log.entries(index(2), index(24), 2 * length).unwrap();
        assert_eq!(two.len(), 2);
        assert!(matches!(
            log.log.entries(index(20), index(25), 1),
            Err(ReadError::Unavailable { .. })
        ));
    }

    fn what_a_full_disk_does_not_take_is_read_from_memory(disk, home) {
        let disk = FullDisk::new(disk.clone());
        let config = LogConfig { write_behind_bytes: 1 << 20, ..LogConfig::default() };
        let mut log = Fixture::new(&disk, home, config);
        log.fill(4);
        log.log.write_out().unwrap();
        for _ in 0..6 {
            log.append(vec![batch(&[1], 900), batch(&[2], 900)]);
        }
        let all = log.log.entries(index(1), index(11), u64::MAX).unwrap();
        log.fill(6);
        disk.full_after(0);
        let waiting = |read: &LogRead<_>| read.waiting.clone().map(|bytes| bytes.len());
        let some = log.log.read(offset(27), 800, offset(42), true).unwrap();
        assert_eq!((some.first, some.next), (offset(27), offset(33)));
        assert_eq!(waiting(&some).map(|bytes| bytes as u64), Some(some.bytes));
        let one = log.log.read(offset(28), 1, offset(42), true).unwrap();
        assert_eq!((one.first, one.next), (offset(27), offset(30)));
        assert_eq!(log.log.read(offset(28), 1, offset(42), false).unwrap().bytes, 0);
        let end = log.log.read(offset(24), u64::MAX, offset(39), true).unwrap();
        assert_eq!((end.first, end.next), (offset(24), offset(39)));
        let entries = log.log.entries(index(1), index(17), u64::MAX).unwrap();
        assert_eq!((entries.len(), &entries[..10]), (16, &all[..]));
        disk.has_room();
        assert_eq!(log.bases(24), [24, 27, 30, 33, 36, 39]);
    }

    fn a_failed_write_leaves_the_log_as_it_was(disk, home) {
        let disk = FullDisk::new(disk.clone());
        let mut log = Fixture::new(&disk, home, small_segments());
        log.fill(3);
        let before = (log.log.log_end(), log.log.last_entry(), log.bases(0));
        let stored = assign(log.log.log_end(), 1, vec![batch(&[1], 900), batch(&[2], 900)]);
        let entry = LogEntry { index: index(4), term: Term(1), batches: &stored };
        // The roll writes files of its own: let each write fail in its turn.
        let refused = (0..).take_while(|&writes| {
            disk.full_after(writes);
            let Err(failed) = log.log.append(&entry, at(0)) else {
                return false;
            };
            assert!(matches!(failed, AppendError::StorageFull(_)), "after {writes} writes");
            assert_eq!((log.log.log_end(), log.log.last_entry(), log.bases(0)), before);
            true
        });
        assert!(refused.count() > 1);
        disk.has_room();
        assert_eq!(log.bases(0), [0, 3, 6, 9, 10]);
        log.restart();
        assert_eq!(log.bases(0), [0, 3, 6, 9, 10]);
    }
}
