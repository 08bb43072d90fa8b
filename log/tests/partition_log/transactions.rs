//! Transactions of a partition: what is stable, and which records are skipped.

use thalweg_log::LogConfig;
use thalweg_log::disk::Disk;
use thalweg_log::producers::{CheckContext, Marker, Outcome, ProducerError};
use thalweg_model::batch::{BatchBuilder, BatchOptions, CheckedBatch, NewRecord};
use thalweg_model::{LeaderEpoch, ProducerEpoch, ProducerId, Timestamp};

use crate::fixture::{Fixture, batch, idempotent, offset, small_segments, stamp};

fn marker(producer: i64, epoch: i16, outcome: Outcome) -> CheckedBatch {
    let (key, value) = Marker {
        outcome,
        coordinator_epoch: 3,
    }
    .encode();
    let mut builder = BatchBuilder::new(BatchOptions {
        producer: Some(stamp(producer, epoch, -1)),
        transactional: true,
        control: true,
        ..BatchOptions::default()
    });
    builder.push(&NewRecord {
        timestamp: Timestamp(1_000),
        key: Some(&key),
        value: Some(&value),
        headers: &[],
    });
    builder.finish().unwrap()
}

/// Offsets: 0-1 of producer 1, 2-3 of 2, 4 plain, 5 abort of 1, 6-7 of 1 again, 8 commit of 2,
/// 9 abort of 1.
fn two_producers<D: Disk>(log: &mut Fixture<D>) {
    log.append(vec![idempotent(2, stamp(1, 0, 0), true)]);
    log.append(vec![idempotent(2, stamp(2, 0, 0), true), batch(&[1], 5)]);
    log.append(vec![marker(1, 0, Outcome::Aborted)]);
    log.append(vec![idempotent(2, stamp(1, 0, 2), true)]);
    log.append(vec![
        marker(2, 0, Outcome::Committed),
        marker(1, 0, Outcome::Aborted),
    ]);
}

fn aborted<D: Disk>(log: &mut Fixture<D>, from: i64, up_to: i64) -> Vec<(i64, i64, i64)> {
    let found = log
        .log
        .aborted_transactions(offset(from), offset(up_to))
        .unwrap();
    let plain = found
        .iter()
        .map(|txn| (txn.producer.0, txn.first.value(), txn.last.value()));
    plain.collect()
}

on_both_disks! {
    fn the_last_stable_offset_waits_for_markers_and_for_their_commit(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        let unstable = |log: &Fixture<D>| log.log.producers().first_unstable().map(|o| o.value());
        log.append(vec![batch(&[1], 5)]);
        assert_eq!(unstable(&log), None);
        log.append(vec![idempotent(2, stamp(1, 0, 0), true)]);
        log.append(vec![idempotent(2, stamp(2, 0, 0), true)]);
        assert_eq!(unstable(&log), Some(1));
        log.append(vec![marker(1, 0, Outcome::Committed)]);
        assert_eq!(unstable(&log), Some(1), "the marker is not committed");
        log.log.producers_mut().on_high_watermark(offset(5));
        assert_eq!(unstable(&log), Some(1), "the marker is at the high watermark");
        log.log.producers_mut().on_high_watermark(offset(6));
        assert_eq!(unstable(&log), Some(3));
        log.append(vec![marker(2, 0, Outcome::Aborted)]);
        log.log.producers_mut().on_high_watermark(offset(7));
        assert_eq!(unstable(&log), None);
        assert!(!log.log.producers().has_open_transaction());
    }

    fn aborted_ranges_are_those_that_the_read_touches(disk, home) {
        for config in [LogConfig::default(), LogConfig { segment_bytes: 300, ..small_segments() }] {
            let place = home.join(config.segment_bytes.to_string());
            let mut log = Fixture::new(disk, &place, config);
            two_producers(&mut log);
            for turn in 0..3 {
                assert_eq!(aborted(&mut log, 0, 10), [(1, 0, 5), (1, 6, 9)], "turn {turn}");
                assert_eq!(aborted(&mut log, 0, 6), [(1, 0, 5)]);
                assert_eq!(aborted(&mut log, 6, 10), [(1, 6, 9)]);
                assert_eq!(aborted(&mut log, 5, 10), [(1, 0, 5), (1, 6, 9)]);
                assert_eq!(aborted(&mut log, 10, 10), []);
                if turn == 0 {
                    log.restart();
                } else {
                    let state = log.checkpoint();
                    log.reopen(&state);
                }
            }
        }
    }

    fn a_cut_opens_transactions_again(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        two_producers(&mut log);
        log.checkpoint();
        log.log.truncate_to(crate::fixture::index(4)).unwrap();
        assert_eq!(aborted(&mut log, 0, 8), [(1, 0, 5)]);
        assert_eq!(log.log.producers().first_unstable(), Some(offset(0)));
        log.log.producers_mut().on_high_watermark(offset(6));
        assert_eq!(log.log.producers().first_unstable(), Some(offset(2)));
        let open = log.log.producers().current(ProducerId(1)).unwrap().txn_first;
        assert_eq!(open, Some(offset(6)));
    }

    fn an_open_transaction_survives_a_restart(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(2, stamp(1, 0, 0), true)]);
        log.restart();
        assert_eq!(log.log.producers().first_unstable(), Some(offset(0)));
        log.append(vec![marker(1, 0, Outcome::Aborted)]);
        assert_eq!(aborted(&mut log, 0, 3), [(1, 0, 2)]);
        let state = log.checkpoint();
        log.reopen(&state);
        assert_eq!(log.log.producers().current(ProducerId(1)).unwrap().coordinator_epoch, 3);
    }

    fn markers_are_fenced_by_both_epochs(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(2, stamp(1, 4, 0), true)]);
        let check = |log: &Fixture<D>, epoch, coordinator, above| {
            let producer = ProducerId(1);
            log.log.producers().check_marker(producer, ProducerEpoch(epoch), coordinator, above)
        };
        assert_eq!(check(&log, 4, 0, false), Ok(()));
        assert!(matches!(check(&log, 3, 0, false), Err(ProducerError::InvalidEpoch { .. })));
        assert!(matches!(check(&log, 4, 0, true), Err(ProducerError::InvalidEpoch { .. })));
        assert_eq!(check(&log, 5, 0, true), Ok(()));
        log.append(vec![marker(1, 5, Outcome::Committed)]);
        assert_eq!(check(&log, 5, 3, true), Ok(()), "the repeat of a marker");
        let old = check(&log, 6, 2, true);
        assert!(matches!(old, Err(ProducerError::CoordinatorFenced { .. })));
        let zombie = idempotent(1, stamp(1, 4, 2), true).assign(offset(3), LeaderEpoch::ZERO);
        let context = CheckContext { next_offset: offset(3), starts_at_zero: true };
        let fenced = log.log.producers().check(zombie.header(), &context);
        assert!(matches!(fenced, Err(ProducerError::InvalidEpoch { .. })));
        let first = idempotent(1, stamp(1, 5, 0), true).assign(offset(3), LeaderEpoch::ZERO);
        assert!(log.log.producers().check(first.header(), &context).is_ok());
    }

    fn plain_batches_are_refused_while_a_transaction_is_open(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(2, stamp(1, 0, 0), true)]);
        let plain = idempotent(1, stamp(1, 0, 2), false).assign(offset(2), LeaderEpoch::ZERO);
        let context = CheckContext { next_offset: offset(2), starts_at_zero: false };
        let refused = log.log.producers().check(plain.header(), &context);
        assert_eq!(refused, Err(ProducerError::InvalidTxnState { producer: ProducerId(1) }));
    }
}
