//! Checkpoints: how little is synced, and that it is enough.

use bytes::Bytes;
use thalweg_log::LogConfig;
use thalweg_log::disk::{DiskFile, OpenMode};
use thalweg_log::partition::LogState;
use thalweg_model::{LeaderEpoch, Term};

use crate::fixture::{Fixture, batch, idempotent, index, offset, small_segments, stamp};
use crate::full_disk::FullDisk;

on_both_disks! {
    fn a_checkpoint_of_a_busy_partition_syncs_one_file(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(3, stamp(1, 0, 0), false)]);
        assert_eq!(log.log.checkpoint().unwrap().dirs.len(), 2, "a new directory");
        log.fill(10);
        assert!(log.log.is_changed());
        let checkpoint = log.log.checkpoint().unwrap();
        assert_eq!((checkpoint.files.len(), checkpoint.dirs.len()), (1, 0));
        assert!(!log.log.is_changed());
        let checkpoint = log.log.checkpoint().unwrap();
        assert_eq!((checkpoint.files.len(), checkpoint.dirs.len()), (0, 0));
    }

    fn an_entry_outside_the_journal_waits_for_no_checkpoint(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.fill(1);
        let checkpoint = log.log.checkpoint().unwrap();
        log.fill(1);
        let dirs = |log: &mut Fixture<_>| log.log.sync_of_last_append().unwrap().1;
        assert_eq!(dirs(&mut log), checkpoint.dirs, "it may come to its syncs later");
        log.log.checkpointed(&checkpoint.state);
        log.fill(1);
        assert!(dirs(&mut log).is_empty());
    }

    fn a_checkpoint_waits_for_no_entry_outside_the_journal(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.fill(1);
        let (_, dirs) = log.log.sync_of_last_append().unwrap();
        assert_eq!(log.log.checkpoint().unwrap().dirs, dirs, "its block may not be written yet");
        assert!(log.log.checkpoint().unwrap().dirs.is_empty());
    }

    fn an_opened_log_is_the_one_that_was(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.log.append_internal(index(1), Term(1), Bytes::new());
        log.fill(50);
        log.log.append_internal(index(52), Term(3), Bytes::from_static(b"members"));
        log.log.begin_epoch(LeaderEpoch::from_wire(3).unwrap());
        let entries = log.log.entries(index(1), index(53), u64::MAX).unwrap();
        let segments: Vec<_> = log.log.segments().collect();
        for turn in 0..3 {
            if turn == 1 {
                log.restart();
            } else {
                let state = log.checkpoint();
                log.reopen(&state);
            }
            assert_eq!(log.log.entries(index(1), index(53), u64::MAX).unwrap(), entries);
            assert_eq!(log.log.segments().collect::<Vec<_>>(), segments);
            assert_eq!(log.log.last_entry().term, Term(3));
            let end = log.log.end_of_epoch(LeaderEpoch::from_wire(1).unwrap()).unwrap();
            assert_eq!(end.end, offset(150));
        }
    }

    fn opening_reads_nothing_of_a_partition_without_producers(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(30);
        let state = log.checkpoint();
        log.reopen(&state);
        assert_eq!(log.cache.open_files(), 0);
    }

    fn a_failed_checkpoint_forgets_no_sync(disk, home) {
        let disk = FullDisk::new(disk.clone());
        let mut log = Fixture::new(&disk, home, LogConfig::default());
        log.fill(140);
        for writes in 0..2 {
            disk.full_after(writes);
            assert!(log.log.checkpoint().is_err(), "batches or sidecar cannot be written");
        }
        disk.has_room();
        let checkpoint = log.log.checkpoint().unwrap();
        assert_eq!((checkpoint.files.len(), checkpoint.dirs.len()), (2, 2));
    }

    fn what_lies_behind_the_end_of_a_file_is_cut_off(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.fill(3);
        let state = log.checkpoint();
        let size = log.log.size_bytes();
        let path = home.join("topic-0/00000000000000000000.log");
        let file = disk.open(&path, OpenMode::Write).unwrap();
        file.write_all_at(&[0xaa; 5_000], size).unwrap();
        log.reopen(&state);
        assert_eq!(log.bases(0), [0, 3, 6]);
        log.append(vec![batch(&[1], 5)]);
        log.log.write_out().unwrap();
        let file = disk.open(&path, OpenMode::Read).unwrap();
        assert_eq!(file.len().unwrap(), log.log.size_bytes());
        assert_eq!(log.bases(0), [0, 3, 6, 9]);
    }

    fn a_wrong_index_is_not_believed(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig { index_interval_bytes: 100, ..LogConfig::default() });
        log.fill(50);
        log.restart();
        let path = home.join("topic-0/00000000000000000000.index");
        let file = disk.open(&path, OpenMode::Write).unwrap();
        let length = usize::try_from(file.len().unwrap()).unwrap();
        assert!(length > 100);
        for entry in (0..length).step_by(8) {
            file.write_all_at(&[0, 0, 0, 7], u64::try_from(entry + 4).unwrap()).unwrap();
        }
        for from in 0..150 {
            let read = log.log.read(offset(from), 1, offset(150), true).unwrap();
            assert_eq!(crate::fixture::bases(&read), [from / 3 * 3]);
        }
    }
}

#[test]
fn a_malformed_state_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Fixture::new(&thalweg_log::disk::RealDisk, dir.path(), small_segments());
    log.fill(20);
    log.append(vec![idempotent(3, stamp(1, 0, 0), false)]);
    let mut good = Vec::new();
    log.checkpoint().encode(&mut good);
    for cut in 0..good.len() {
        let part = Bytes::copy_from_slice(&good[..cut]);
        assert!(LogState::decode(&part).is_err(), "cut at {cut}");
    }
    good.push(0);
    assert!(LogState::decode(&Bytes::from(good)).is_err());
}
