//! Removing what is old.

use thalweg_log::LogConfig;
use thalweg_log::partition::ReadError;
use thalweg_model::{LeaderEpoch, Term};

use crate::fixture::{
    EVERY_ENTRY, Fixture, at, batch, idempotent, index, offset, small_segments, stamp, sync,
};

fn log_files(names: &[String]) -> usize {
    names.iter().filter(|name| name.ends_with(".log")).count()
}

on_both_disks! {
    fn files_go_only_after_the_manifest_knows(disk, home) {
        let config = LogConfig { retention_ms: Some(100), ..small_segments() };
        let mut log = Fixture::new(disk, home, config);
        log.fill(20);
        log.checkpoint();
        let before = log_files(&log.names());
        let removed = log.log.retention(at(1_103), (offset(60), EVERY_ENTRY)).unwrap();
        assert_eq!(removed.segments, before, "all are older than 100 ms");
        assert_eq!(log.log.log_start(), offset(60));
        assert_eq!((log.log.size_bytes(), log.log.segments().count()), (0, 0));
        assert_eq!(log_files(&log.names()), before);
        log.checkpoint();
        assert_eq!(log_files(&log.names()), 0);
        assert_eq!(log.log.last_entry().index, index(20));
        assert_eq!(log.log.term_at(index(20)).unwrap(), Some(Term(1)));
        log.append(vec![batch(&[5_000], 10)]);
        log.restart();
        assert_eq!(log.bases(60), [60]);
    }

    fn a_crash_between_manifest_and_removal_leaves_nothing_behind(disk, home) {
        let config = LogConfig { retention_ms: Some(100), ..small_segments() };
        let mut log = Fixture::new(disk, home, config);
        log.fill(20);
        log.log.retention(at(1_103), (offset(60), EVERY_ENTRY)).unwrap();
        let checkpoint = log.log.checkpoint().unwrap();
        let state = sync(disk, &checkpoint);
        log.reopen(&state);
        assert!(log.log.is_changed(), "there is something to remove");
        let checkpoint = log.log.checkpoint().unwrap();
        let state = sync(disk, &checkpoint);
        for path in log.log.checkpointed(&state) {
            disk.remove_file(&path).ok();
        }
        assert_eq!(log_files(&log.names()), 0);
    }

    fn nothing_above_the_high_watermark_goes(disk, home) {
        let config = LogConfig { retention_ms: Some(100), ..small_segments() };
        let mut log = Fixture::new(disk, home, config);
        log.fill(20);
        let second = log.log.segments().nth(1).unwrap().next_offset;
        log.log.retention(at(90_000), (offset(second.value() + 1), EVERY_ENTRY)).unwrap();
        assert_eq!(log.log.log_start(), second);
    }

    fn size_keeps_as_many_of_the_newest_bytes_as_asked(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(20);
        let segments: Vec<_> = log.log.segments().collect();
        let keep = segments[segments.len() - 3..].iter().map(|s| s.bytes).sum();
        let config = LogConfig { retention_bytes: Some(keep), retention_ms: None, ..small_segments() };
        log.log.set_config(config.clone());
        log.log.retention(at(0), (offset(60), EVERY_ENTRY)).unwrap();
        assert_eq!(log.log.segments().count(), 3);
        log.log.set_config(LogConfig { delete_enabled: false, retention_bytes: Some(0), ..config });
        log.log.retention(at(0), (offset(60), EVERY_ENTRY)).unwrap();
        assert_eq!(log.log.segments().count(), 3, "the policy is not delete");
    }

    fn deleted_records_cannot_be_read_and_their_segments_go(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(20);
        let first = log.log.segments().next().unwrap();
        log.log.delete_records_before(offset(first.next_offset.value() + 1)).unwrap();
        let gone = log.log.read(offset(0), 1, offset(60), true);
        assert!(matches!(gone, Err(ReadError::OffsetOutOfRange { .. })));
        let kept = first.next_offset.value();
        assert_eq!(log.bases(kept + 1)[0], kept, "the batch is whole");
        log.log.retention(at(0), (offset(60), EVERY_ENTRY)).unwrap();
        let entry = index(u64::try_from(kept / 3).unwrap());
        assert_eq!(log.log.before_first_entry().index, entry);
        let compacted = log.log.entries(entry, index(20), 1);
        assert!(matches!(compacted, Err(ReadError::Compacted { .. })));
        assert_eq!(log.log.term_at(entry).unwrap(), Some(Term(1)));
        let beyond = log.log.delete_records_before(offset(61));
        assert!(matches!(beyond, Err(ReadError::OffsetOutOfRange { .. })));
        log.log.delete_records_before(offset(60)).unwrap();
        log.restart();
        assert_eq!(log.log.log_start(), offset(60));
        assert_eq!(log.log.end_of_epoch(LeaderEpoch::from_wire(1).unwrap()).unwrap().end, offset(60));
    }

    fn producers_outlive_their_records(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        for id in 0..20 {
            log.append(vec![idempotent(10, stamp(id, 0, 0), false)]);
        }
        log.log.delete_records_before(offset(200)).unwrap();
        log.log.retention(at(0), (offset(200), EVERY_ENTRY)).unwrap();
        assert_eq!(log.log.segments().count(), 0);
        let before: Vec<_> = log.log.producers().active().map(|(id, s)| (id, *s)).collect();
        let state = log.checkpoint();
        log.reopen(&state);
        let after: Vec<_> = log.log.producers().active().map(|(id, s)| (id, *s)).collect();
        assert_eq!(after, before);
        assert_eq!(after.len(), 20);
    }

    fn a_deleted_partition_leaves_nothing(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.fill(5);
        let (dir, removed) = log.log.removal().unwrap().perform();
        removed.unwrap();
        assert!(dir.starts_with(home));
        assert_eq!(disk.list(home).unwrap().len(), 0);
    }
}
