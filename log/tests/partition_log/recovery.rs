//! Bringing entries back from the journal.

use bytes::Bytes;
use thalweg_log::LogConfig;
use thalweg_log::disk::{Disk, DiskFile, OpenMode, RealDisk};
use thalweg_log::limits::SNAPSHOT_INTERVAL_BYTES;
use thalweg_log::partition::{RecoverError, Recovered, RecoveredEntry, StoredEntry};
use thalweg_log::producers::ProducerState;
use thalweg_model::{Offset, ProducerId, Term};

use crate::fixture::{Fixture, at, batch, idempotent, index, small_segments, stamp};

/// Offers an entry as the journal would.
fn recover<D: Disk>(log: &mut Fixture<D>, entry: &StoredEntry) -> Result<Recovered, RecoverError> {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &entry.payload);
    let table = RecoveredEntry {
        index: entry.index,
        term: entry.term,
        base_offset: entry.base_offset,
        length: u32::try_from(entry.payload.len()).unwrap(),
        checksum: u32::try_from(crc).unwrap(),
    };
    let payload = entry.payload.clone();
    log.log.recover_append(&table, at(20_000), || Ok(payload))
}

/// All that is known of producers.
fn producers<D: Disk>(log: &Fixture<D>) -> Vec<(ProducerId, ProducerState)> {
    let producers = log.log.producers().active();
    producers.map(|(id, state)| (id, *state)).collect()
}

fn all<D: Disk>(log: &mut Fixture<D>) -> Vec<StoredEntry> {
    let end = log.log.last_entry().index.next();
    log.log.entries(index(1), end, u64::MAX).unwrap()
}

/// A log with a checkpoint after ten entries and twenty more after it.
fn thirty<D: Disk>(log: &mut Fixture<D>) -> (thalweg_log::partition::LogState, Vec<StoredEntry>) {
    log.fill(10);
    let state = log.checkpoint();
    for at in 0..10 {
        log.append(vec![idempotent(3, stamp(1, 0, at * 3), false)]);
    }
    log.log
        .append_internal(index(21), Term(2), Bytes::from_static(b"members"));
    for _ in 0..9 {
        log.append_in(2, vec![batch(&[2_000], 80), batch(&[1_999], 80)]);
    }
    (state, all(log))
}

on_both_disks! {
    fn bytes_that_are_there_are_used(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        let (state, entries) = thirty(&mut log);
        let segments: Vec<_> = log.log.segments().collect();
        let before = producers(&log);
        log.open(&state);
        for entry in &entries {
            let expected = match entry.index.0 {
                ..=10 => Recovered::Known,
                21 => Recovered::Noted,
                _ => Recovered::Intact,
            };
            assert_eq!(recover(&mut log, entry).unwrap(), expected, "{}", entry.index);
        }
        log.log.finish_recovery().unwrap();
        assert_eq!(all(&mut log), entries);
        assert_eq!(log.log.segments().collect::<Vec<_>>(), segments, "rolls are found again");
        assert_eq!(producers(&log), before);
    }

    fn producers_come_back_with_the_entries(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        log.append(vec![idempotent(3, stamp(1, 0, 0), false), idempotent(2, stamp(2, 0, 0), true)]);
        let large = usize::try_from(SNAPSHOT_INTERVAL_BYTES).unwrap();
        log.append(vec![batch(&[1], large)]);
        let state = log.checkpoint();
        assert_eq!(state.producers.at, state.next_offset, "they are known as of the checkpoint");
        for at in 1..12 {
            log.append(vec![idempotent(3, stamp(1, 0, at * 3), false), idempotent(2, stamp(3, 1, at * 2 - 2), true)]);
        }
        let known = (producers(&log), log.log.producers().first_unstable());
        let entries = all(&mut log);
        let snapshots = |log: &Fixture<D>| {
            let names = log.names().into_iter();
            names.filter(|name| name.ends_with(".snapshot")).collect::<Vec<_>>()
        };
        let written = snapshots(&log);
        // What follows was cut off again in the journal; what was cut off may be anything.
        for cut in [None, Some(9), Some(2)] {
            log.open(&state);
            let of_checkpoint = format!("{:020}", state.next_offset.value());
            for name in snapshots(&log).iter().filter(|name| name.as_str() > of_checkpoint.as_str()) {
                disk.remove_file(&log.home.dir().join(name)).unwrap();
            }
            for entry in &entries {
                recover(&mut log, entry).unwrap();
            }
            if let Some(cut) = cut {
                log.log.recover_truncate(index(cut)).unwrap();
                for entry in &entries {
                    recover(&mut log, entry).unwrap();
                }
            }
            log.log.finish_recovery().unwrap();
            assert_eq!((producers(&log), log.log.producers().first_unstable()), known, "{cut:?}");
            assert_eq!(snapshots(&log), written);
            // They are right as well: a cut in the middle goes back to one.
            log.log.truncate_to(index(8)).unwrap();
            let shorter = producers(&log);
            log.restart();
            assert_eq!(producers(&log), shorter);
            assert_eq!(shorter[0].1.last_sequence(), Some(3 * 7 - 1), "the sixth after the checkpoint");
        }
    }

    fn bytes_that_are_gone_or_wrong_come_from_the_journal(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        let (state, entries) = thirty(&mut log);
        let active = log.log.segments().last().unwrap().base;
        for name in log.names() {
            let path = log.home.dir().join(&name);
            let Some(base) = name.strip_suffix(".log") else {
                continue;
            };
            let base = Offset::new(base.parse().unwrap());
            if state.segments.iter().any(|segment| segment.base == base) {
                // What the checkpoint vouches for stays.
                let kept = state.segments.iter().find(|s| s.base == base).unwrap().bytes;
                let file = disk.open(&path, OpenMode::Write).unwrap();
                if file.len().unwrap() > kept {
                    file.set_len(kept + 100).unwrap();
                }
            } else if base == active {
                disk.remove_file(&path).unwrap();
            } else {
                disk.open(&path, OpenMode::Write).unwrap().write_all_at(&[9; 8], 100).unwrap();
            }
        }
        log.open(&state);
        let mut repaired = 0;
        for entry in &entries {
            repaired += i32::from(recover(&mut log, entry).unwrap() == Recovered::Repaired);
        }
        assert!(repaired > 2, "{repaired} repaired");
        log.log.finish_recovery().unwrap();
        assert_eq!(all(&mut log), entries);
        log.append_in(2, vec![batch(&[1], 5)]);
        log.restart();
        assert_eq!(all(&mut log)[..30], entries);
    }

    fn an_entry_of_another_term_replaces_the_rest(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        let (_, entries) = thirty(&mut log);
        let state = log.checkpoint();
        log.open(&state);
        let mut other = Fixture::new(disk, &home.join("other"), small_segments());
        other.fill(14);
        other.append_in(7, vec![batch(&[5], 44)]);
        let replacing = all(&mut other).pop().unwrap();
        assert_eq!(recover(&mut log, &replacing).unwrap(), Recovered::Repaired);
        assert_eq!(log.log.last_entry().index, index(15));
        assert_eq!(all(&mut log)[..14], entries[..14]);
        assert_eq!(all(&mut log)[14], replacing);
    }

    fn what_cannot_follow_is_passed_over_and_what_is_damaged_is_not(disk, home) {
        let mut log = Fixture::new(disk, home, small_segments());
        let (state, entries) = thirty(&mut log);
        log.open(&state);
        assert_eq!(recover(&mut log, &entries[11]).unwrap(), Recovered::Stale);
        let moved = StoredEntry {
            base_offset: Some(Offset::new(31)),
            ..entries[10].clone()
        };
        assert_eq!(recover(&mut log, &moved).unwrap(), Recovered::Stale);
        // The segment has other bytes, and the journal's are not the ones that its table names.
        let mut bad = entries[10].payload.to_vec();
        bad[70] ^= 1;
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &bad);
        let table = RecoveredEntry {
            index: index(11),
            term: Term(1),
            base_offset: Some(Offset::new(30)),
            length: u32::try_from(bad.len()).unwrap(),
            checksum: u32::try_from(crc).unwrap(),
        };
        let good = entries[10].payload.clone();
        let refused = log.log.recover_append(&table, at(0), || Ok(good));
        assert!(matches!(refused, Err(RecoverError::Payload { .. })));
        let refused = log.log.recover_append(&table, at(0), || Ok(Bytes::from(bad)));
        assert!(matches!(refused, Err(RecoverError::Batch { .. })));
    }
}

#[test]
fn a_damaged_sidecar_is_named_with_the_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Fixture::new(&RealDisk, dir.path(), LogConfig::default());
    // More than a manifest remembers: these are in the sidecar.
    log.fill(200);
    let state = log.checkpoint();
    let path = log.home.dir().join("00000000000000000000.raft");
    let good = std::fs::read(&path).unwrap();
    assert_eq!(good.len(), 200 * 44);
    let mut flipped = good.clone();
    flipped[44 * 150] ^= 1;
    for bad in [&flipped[..], &good[..44 * 150 + 7], &[]] {
        std::fs::write(&path, bad).unwrap();
        log.reopen(&state);
        let error = log.log.entry_at(index(151)).unwrap_err();
        let named = format!("{} is damaged at {}: ", path.display(), 44 * 150);
        assert!(error.to_string().starts_with(&named), "{error}");
    }
}
