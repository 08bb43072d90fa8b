//! What idempotent producers may and may not do.

use proptest::prelude::*;
use thalweg_log::LogConfig;
use thalweg_log::disk::{Disk, RealDisk};
use thalweg_log::producers::{CheckContext, ProducerError, ProducerStates, Verdict};
use thalweg_model::batch::StoredBatch;
use thalweg_model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Tick, Timestamp};

use crate::fixture::{Fixture, idempotent, offset, stamp};

/// A batch at an offset.
fn at(base: i64, count: usize, (id, epoch, sequence): (i64, i16, i32)) -> StoredBatch {
    idempotent(count, stamp(id, epoch, sequence), false).assign(offset(base), LeaderEpoch::ZERO)
}

fn context(next: i64) -> CheckContext {
    CheckContext {
        next_offset: offset(next),
        starts_at_zero: false,
    }
}

/// Checks the batch that would be next and, if it is to be appended, assigns it.
fn offer(
    states: &mut ProducerStates,
    base: i64,
    count: usize,
    who: (i64, i16, i32),
) -> Result<Verdict, ProducerError> {
    let batch = at(base, count, who);
    let verdict = states.check(batch.header(), &context(base));
    if verdict == Ok(Verdict::Append) {
        states.assign(&batch);
    }
    verdict
}

fn out_of_order(verdict: Result<Verdict, ProducerError>) -> bool {
    matches!(verdict, Err(ProducerError::OutOfOrderSequence { .. }))
}

#[test]
fn the_first_sequence_of_an_unknown_producer() {
    let mut states = ProducerStates::default();
    // A partition that never held a record: a higher sequence overtook the first one.
    assert!(out_of_order(offer(&mut states, 0, 1, (1, 0, 17))));
    assert_eq!(offer(&mut states, 0, 1, (1, 0, 0)), Ok(Verdict::Append));
    // Elsewhere the state may have gone with old records (KIP-360).
    assert_eq!(offer(&mut states, 1, 1, (2, 5, 17)), Ok(Verdict::Append));
    // A client that bumps its epoch with every transaction begins at 0.
    let strict = CheckContext {
        starts_at_zero: true,
        ..context(2)
    };
    let batch = at(2, 1, (3, 0, 17));
    assert!(out_of_order(states.check(batch.header(), &strict)));
}

#[test]
fn gaps_are_refused_and_repeats_are_answered_as_before() {
    let mut states = ProducerStates::default();
    for (base, sequence) in [(0, 0), (3, 3), (6, 6), (9, 9), (12, 12), (15, 15)] {
        assert_eq!(
            offer(&mut states, base, 3, (1, 0, sequence)),
            Ok(Verdict::Append)
        );
    }
    assert!(out_of_order(offer(&mut states, 18, 3, (1, 0, 21))));
    for (first, last) in [(3, 5), (9, 11), (15, 17)] {
        let sequence = i32::try_from(first).unwrap();
        assert_eq!(
            offer(&mut states, 18, 3, (1, 0, sequence)),
            Ok(Verdict::Duplicate {
                first: offset(first),
                last: offset(last),
                timestamp: Timestamp(1_000),
            })
        );
    }
    assert!(
        out_of_order(offer(&mut states, 18, 3, (1, 0, 0))),
        "the sixth batch back is not remembered"
    );
    assert!(
        out_of_order(offer(&mut states, 18, 2, (1, 0, 15))),
        "the same first sequence with another count is no repeat"
    );
}

#[test]
fn epochs_fence_and_begin_at_zero() {
    let mut states = ProducerStates::default();
    assert_eq!(offer(&mut states, 0, 2, (1, 3, 0)), Ok(Verdict::Append));
    assert_eq!(
        offer(&mut states, 2, 1, (1, 2, 2)),
        Err(ProducerError::InvalidEpoch {
            producer: ProducerId(1),
            epoch: ProducerEpoch(2),
            current: ProducerEpoch(3),
        })
    );
    assert!(out_of_order(offer(&mut states, 2, 1, (1, 4, 2))));
    assert_eq!(offer(&mut states, 2, 2, (1, 4, 0)), Ok(Verdict::Append));
    assert!(
        matches!(
            offer(&mut states, 4, 2, (1, 3, 0)),
            Err(ProducerError::InvalidEpoch { .. })
        ),
        "a repeat from before the new epoch is fenced, not answered"
    );
}

#[test]
fn sequences_wrap_after_the_largest() {
    let mut states = ProducerStates::default();
    let near = i32::MAX - 1;
    assert_eq!(offer(&mut states, 5, 3, (1, 0, near)), Ok(Verdict::Append));
    assert_eq!(offer(&mut states, 8, 2, (1, 0, 1)), Ok(Verdict::Append));
    let repeat = offer(&mut states, 10, 3, (1, 0, near));
    assert!(matches!(repeat, Ok(Verdict::Duplicate { first, .. }) if first == offset(5)));
    assert_eq!(
        offer(&mut states, 10, 1, (2, 0, i32::MAX)),
        Ok(Verdict::Append)
    );
    assert_eq!(offer(&mut states, 11, 1, (2, 0, 0)), Ok(Verdict::Append));
}

on_both_disks! {
    fn batches_count_from_their_assignment_and_are_forgotten_with_leadership(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(2, stamp(1, 0, 0), false)]);
        let assigned = at(2, 2, (1, 0, 2));
        log.log.producers_mut().assign(&assigned);
        let next = at(4, 1, (1, 0, 4));
        let check = |log: &Fixture<D>, batch: &StoredBatch, end| {
            log.log.producers().check(batch.header(), &context(end))
        };
        assert_eq!(check(&log, &next, 4), Ok(Verdict::Append));
        assert!(matches!(check(&log, &assigned, 4), Ok(Verdict::Duplicate { .. })));
        log.log.producers_mut().forget_assigned();
        assert!(out_of_order(check(&log, &next, 2)));
        assert_eq!(check(&log, &assigned, 2), Ok(Verdict::Append));
        log.log.producers_mut().assign(&assigned);
        log.append(vec![idempotent(2, stamp(1, 0, 2), false)]);
        assert_eq!(check(&log, &next, 4), Ok(Verdict::Append));
    }

    fn a_snapshot_at_a_roll_does_not_know_what_is_only_assigned(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        log.append(vec![idempotent(2, stamp(1, 0, 0), false)]);
        log.log.producers_mut().assign(&at(2, 2, (1, 0, 2)));
        log.log.force_roll(crate::fixture::at(0)).unwrap();
        let state = log.checkpoint();
        log.reopen(&state);
        let verdict = log.log.producers().check(at(2, 2, (1, 0, 2)).header(), &context(2));
        assert_eq!(verdict, Ok(Verdict::Append));
    }

    fn all_five_recent_batches_survive_a_restart(disk, home) {
        let mut log = Fixture::new(disk, home, LogConfig::default());
        for id in 0..12 {
            for sequence in 0..6 {
                log.append(vec![idempotent(1, stamp(id, 0, sequence), false)]);
            }
        }
        log.restart();
        assert!(log.names().iter().any(|name| name.ends_with(".snapshot")));
        for sequence in 1..6 {
            let repeat = at(72, 1, (11, 0, sequence));
            let verdict = log.log.producers().check(repeat.header(), &context(72));
            let first = offset(66 + i64::from(sequence));
            assert!(matches!(verdict, Ok(Verdict::Duplicate { first: f, .. }) if f == first));
        }
    }
}

#[test]
fn silent_producers_are_forgotten_unless_they_have_work() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Fixture::new(&RealDisk, dir.path(), LogConfig::default());
    log.append(vec![idempotent(1, stamp(1, 0, 0), false)]);
    log.append(vec![idempotent(1, stamp(2, 0, 0), true)]);
    let start = Tick(7);
    log.log.producers_mut().expire(start, 501);
    log.log.producers_mut().expire(start.after_ms(500), 501);
    assert_eq!(log.log.producers().len(), 2);
    log.log.producers_mut().expire(start.after_ms(501), 501);
    let left: Vec<_> = log.log.producers().active().map(|(id, _)| id.0).collect();
    assert_eq!(left, [2], "the one with an open transaction stays");
}

/// Found by mixed load: records without a timestamp, and a look at retention between a batch and its repetition.
#[test]
fn a_producer_of_old_records_is_remembered_while_it_works() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Fixture::new(&RealDisk, dir.path(), LogConfig::default());
    let day_ms = 86_400_000;
    for sequence in 0..5 {
        let batch = idempotent(1, stamp(1, 0, sequence), false);
        log.append(vec![batch]);
        let now = Tick(0).after_ms(day_ms * u64::try_from(sequence).unwrap());
        log.log.producers_mut().expire(now, day_ms);
        let repeat = at(5, 1, (1, 0, sequence));
        let verdict = log.log.producers().check(repeat.header(), &context(5));
        assert!(
            matches!(verdict, Ok(Verdict::Duplicate { .. })),
            "{verdict:?}"
        );
    }
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Fixture::new(&RealDisk, dir.path(), LogConfig::default());
    log.append(vec![idempotent(1, stamp(1, 0, 0), false)]);
    let good = log.log.producers().to_snapshot();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert!(ProducerStates::from_snapshot(&bad).is_err(), "byte {at}");
        assert!(
            ProducerStates::from_snapshot(&good[..at]).is_err(),
            "cut at {at}"
        );
    }
}

/// What a client that sees every answer but may lose some does: the log must have each batch once.
fn appended_once<D: Disk>(log: &mut Fixture<D>, lost_answers: &[bool], restarts: &[bool]) {
    let mut sequence = 0;
    for (&lost, &restart) in lost_answers.iter().zip(restarts) {
        let tries = if lost { 2 } else { 1 };
        for attempt in 0..tries {
            let end = log.log.log_end();
            let batch = at(end.value(), 2, (7, 0, sequence));
            let verdict = log
                .log
                .producers()
                .check(batch.header(), &context(end.value()));
            if attempt == 0 {
                assert_eq!(verdict, Ok(Verdict::Append));
                log.append(vec![idempotent(2, stamp(7, 0, sequence), false)]);
            } else {
                let first = Offset::new(end.value() - 2);
                assert!(matches!(verdict, Ok(Verdict::Duplicate { first: f, .. }) if f == first));
            }
            if restart {
                log.restart();
            }
        }
        sequence += 2;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_retry_never_appends_twice(
        lost in prop::collection::vec(any::<bool>(), 12),
        restarts in prop::collection::vec(any::<bool>(), 12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Fixture::new(&RealDisk, dir.path(), LogConfig::default());
        appended_once(&mut log, &lost, &restarts);
    }
}
