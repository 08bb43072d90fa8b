//! Bad histories of producers and consumers, at least three for each promise.

use thalweg_sim::history::{Acks, Call, Invariant, Outcome};

use crate::made::{
    at, breaks, delete, drain, in_turn, is_good, numbered, partition, place, poll, send,
};

const OK: fn(i64) -> Outcome<i64> = Outcome::Ok;

#[test]
fn an_offset_holds_one_record() {
    let i1 = Invariant::OffsetAgreement;
    // Two producers are told the same offset.
    let told = [at(1, 9, send(&["a"], OK(0))), at(1, 9, send(&["b"], OK(0)))];
    breaks(&told, i1, &[0, 1]);
    // Two batches overlap.
    let overlap = [
        at(1, 9, send(&["a", "b"], OK(0))),
        at(1, 9, send(&["c"], OK(1))),
    ];
    breaks(&overlap, i1, &[0, 1]);
    // Two consumers see different things.
    let seen = [
        at(1, 9, send(&["a"], Outcome::Unknown)),
        at(1, 9, send(&["b"], Outcome::Unknown)),
        at(10, 11, poll("c", 0, 1, &[(0, "a")])),
        at(10, 11, poll("d", 0, 1, &[(0, "b")])),
    ];
    breaks(&seen, i1, &[2, 3]);
    // What is read is not what the producer was told.
    let read = in_turn([
        send(&["a"], OK(0)),
        send(&["b"], Outcome::Unknown),
        poll("c", 0, 1, &[(0, "b")]),
    ]);
    breaks(&read, i1, &[0, 2]);
}

#[test]
fn a_record_is_there_once() {
    let i2 = Invariant::Uniqueness;
    // An idempotent producer's repetition is appended again.
    let again = in_turn([
        numbered(Some((1, 0)), &["a"], Outcome::Unknown),
        numbered(Some((1, 0)), &["a"], Outcome::Unknown),
        poll("c", 0, 2, &[(0, "a"), (1, "a")]),
    ]);
    breaks(&again, i2, &[2]);
    // A record that was sent once is there twice.
    let twice = in_turn([
        send(&["a"], Outcome::Unknown),
        drain(0, 2, &[(0, "a"), (1, "a")]),
    ]);
    breaks(&twice, i2, &[1]);
    // A record is where its producer was told, and elsewhere.
    let elsewhere = in_turn([send(&["a"], OK(0)), poll("c", 0, 2, &[(0, "a"), (1, "a")])]);
    breaks(&elsewhere, i2, &[0, 1]);
    // Attempts that failed for good leave nothing.
    let failed = in_turn([
        send(&["a"], Outcome::Failed),
        send(&["a"], Outcome::Unknown),
        poll("c", 0, 2, &[(0, "a"), (1, "a")]),
    ]);
    breaks(&failed, i2, &[2]);
    // A plain producer that repeated may see its record twice.
    is_good(&in_turn([
        send(&["a"], Outcome::Unknown),
        send(&["a"], OK(1)),
        drain(0, 2, &[(0, "a"), (1, "a")]),
    ]));
}

#[test]
fn what_is_read_was_sent() {
    let i3 = Invariant::NoPhantom;
    breaks(&in_turn([poll("c", 0, 1, &[(0, "a")])]), i3, &[0]);
    // The bytes changed.
    let mut changed = in_turn([send(&["a"], Outcome::Unknown), drain(0, 1, &[(0, "a")])]);
    if let Call::Drain { found, .. } = &mut changed[1].call {
        found.records[0].body += 1;
    }
    breaks(&changed, i3, &[0, 1]);
    // It was read before it was sent.
    let early = in_turn([poll("c", 0, 1, &[(0, "a")]), send(&["a"], Outcome::Unknown)]);
    breaks(&early, i3, &[0, 1]);
    // It was sent to another partition.
    let mut other = in_turn([send(&["a"], Outcome::Unknown), poll("c", 0, 1, &[(0, "a")])]);
    if let Call::Send { partition, .. } = &mut other[0].call {
        partition.number = 1;
    }
    breaks(&other, i3, &[1]);
}

#[test]
fn what_was_refused_is_not_read() {
    let i4 = Invariant::NoFailedRead;
    let read = in_turn([send(&["a"], Outcome::Failed), poll("c", 0, 1, &[(0, "a")])]);
    breaks(&read, i4, &[0, 1]);
    let late = in_turn([send(&["a"], Outcome::Failed), drain(0, 1, &[(0, "a")])]);
    breaks(&late, i4, &[0, 1]);
    let repeated = in_turn([
        send(&["a"], Outcome::Failed),
        send(&["a"], Outcome::Failed),
        drain(0, 1, &[(0, "a")]),
    ]);
    breaks(&repeated, i4, &[0, 2]);
}

#[test]
fn what_was_acknowledged_is_there() {
    let i5 = Invariant::NoLostWrite;
    let gone = in_turn([send(&["a"], OK(0)), drain(0, 0, &[])]);
    // The mark that the acknowledgement proves is gone with it.
    let broken = thalweg_sim::history::check(&gone);
    assert_eq!(broken[0].invariant, i5);
    assert_eq!(broken[1].invariant, Invariant::RealTime);
    // A hole.
    let hole = in_turn([
        send(&["a"], OK(0)),
        send(&["b"], OK(1)),
        send(&["c"], OK(2)),
        drain(0, 3, &[(0, "a"), (2, "c")]),
    ]);
    let broken = thalweg_sim::history::check(&hole);
    assert_eq!(broken[0].invariant, i5, "{broken:#?}");
    // The log begins behind what nobody deleted.
    let retained = in_turn([
        send(&["a"], OK(0)),
        send(&["b"], OK(1)),
        drain(1, 2, &[(1, "b")]),
    ]);
    breaks(&retained, i5, &[0, 3 - 1]);
    // More went than was deleted.
    let more = in_turn([
        send(&["a"], OK(0)),
        send(&["b"], OK(1)),
        send(&["c"], OK(2)),
        delete(1, OK(1)),
        drain(2, 3, &[(2, "c")]),
    ]);
    breaks(&more, i5, &[1, 4]);
    // Deletion, and an acknowledgement by the leader alone, excuse.
    is_good(&in_turn([
        send(&["a"], OK(0)),
        delete(1, Outcome::Unknown),
        drain(1, 1, &[]),
    ]));
    let mut alone = in_turn([send(&["a"], OK(0)), drain(0, 0, &[])]);
    if let Call::Send { acks, .. } = &mut alone[0].call {
        *acks = Acks::Leader;
    }
    is_good(&alone);
}

#[test]
fn a_consumer_sees_every_record_in_order() {
    let i6 = Invariant::PollOrder;
    let sent = || send(&["a", "b", "c"], OK(0));
    // Backwards within a poll, and between polls.
    let within = in_turn([sent(), poll("c", 0, 3, &[(0, "a"), (2, "c"), (1, "b")])]);
    breaks(&within, i6, &[0, 1]);
    let between = in_turn([
        sent(),
        poll("c", 0, 3, &[(0, "a"), (1, "b")]),
        poll("c", 1, 3, &[(1, "b"), (2, "c")]),
    ]);
    breaks(&between, i6, &[1, 2]);
    // A record is passed over.
    let skipped = in_turn([
        sent(),
        poll("c", 0, 3, &[(0, "a")]),
        poll("c", 1, 3, &[(2, "c")]),
    ]);
    breaks(&skipped, i6, &[0, 1, 2]);
    // The first one is.
    let first = in_turn([sent(), poll("c", 0, 3, &[(1, "b")])]);
    breaks(&first, i6, &[0, 1]);
    // Another session may begin anywhere, and what is deleted is passed over.
    is_good(&in_turn([
        sent(),
        poll("c/1", 0, 3, &[(0, "a")]),
        poll("c/2", 2, 3, &[(2, "c")]),
        delete(2, OK(2)),
        poll("c/1", 1, 3, &[(2, "c")]),
    ]));
}

#[test]
fn an_idempotent_producer_keeps_its_order() {
    let i7 = Invariant::SendOrder;
    let one = |sequence, value: &str, outcome| numbered(Some((1, sequence)), &[value], outcome);
    // Both under way at once, and the second overtook.
    let overtook = [at(1, 9, one(0, "a", OK(1))), at(2, 8, one(1, "b", OK(0)))];
    breaks(&overtook, i7, &[0, 1]);
    let seen = [
        at(1, 9, one(0, "a", Outcome::Unknown)),
        at(2, 8, one(1, "b", Outcome::Unknown)),
        at(10, 12, drain(0, 2, &[(0, "b"), (1, "a")])),
    ];
    breaks(&seen, i7, &[2]);
    let last = [
        at(1, 9, one(0, "a", OK(0))),
        at(2, 9, one(1, "b", OK(2))),
        at(3, 9, one(2, "c", OK(1))),
    ];
    breaks(&last, i7, &[1, 2]);
    // Another producer's numbers are another matter.
    is_good(&[
        at(1, 9, one(0, "a", OK(1))),
        at(2, 8, numbered(Some((2, 1)), &["b"], OK(0))),
    ]);
}

#[test]
fn time_is_respected() {
    let i8 = Invariant::RealTime;
    let later = in_turn([send(&["a"], OK(1)), send(&["b"], OK(0))]);
    breaks(&later, i8, &[0, 1]);
    let latest = |offset| Call::Latest {
        partition: partition(),
        outcome: Outcome::Ok(offset),
    };
    let falls = in_turn([poll("c", 0, 5, &[]), poll("d", 0, 4, &[])]);
    breaks(&falls, i8, &[0, 1]);
    let lookup = in_turn([latest(5), latest(4)]);
    breaks(&lookup, i8, &[0, 1]);
    let told = in_turn([send(&["a", "b"], OK(0)), poll("c", 0, 1, &[(0, "a")])]);
    breaks(&told, i8, &[0, 1]);
    // At the same time nothing is promised.
    is_good(&[
        at(1, 9, send(&["a"], OK(1))),
        at(2, 8, send(&["b"], OK(0))),
        at(10, 20, poll("c", 0, 3, &[])),
        at(11, 19, poll("d", 0, 2, &[])),
    ]);
}

#[test]
fn lookups_agree_with_what_is_read() {
    let i26 = Invariant::OffsetLookup;
    let earliest = |offset| Call::Earliest {
        partition: partition(),
        outcome: Outcome::Ok(offset),
    };
    let by_time = |timestamp, found| Call::ByTime {
        partition: partition(),
        timestamp,
        outcome: Outcome::Ok(found),
    };
    let sent = || send(&["a", "b", "c"], OK(0));
    let read = || poll("c", 0, 3, &[(0, "a"), (1, "b"), (2, "c")]);
    // The start moved although nobody deleted.
    breaks(&in_turn([sent(), earliest(1)]), i26, &[1]);
    // The start goes back.
    let back = in_turn([
        delete(2, OK(2)),
        Call::Drain {
            partition: partition(),
            found: place(2, 2, &[]),
        },
        earliest(0),
    ]);
    breaks(&back, i26, &[1, 2]);
    // Later than what is asked for, and earlier.
    let missed = in_turn([sent(), read(), by_time(5, Some((2, 20)))]);
    breaks(&missed, i26, &[1, 2]);
    let older = in_turn([sent(), read(), by_time(15, Some((1, 10)))]);
    breaks(&older, i26, &[2]);
    let none = in_turn([sent(), read(), by_time(20, None)]);
    breaks(&none, i26, &[1, 2]);
    // An offset that somebody has read is beyond the last.
    let short = [
        at(1, 2, send(&["a"], Outcome::Unknown)),
        at(3, 4, poll("c", 0, 0, &[(0, "a")])),
        at(
            5,
            6,
            Call::Latest {
                partition: partition(),
                outcome: Outcome::Ok(0),
            },
        ),
    ];
    breaks(&short, i26, &[1, 2]);
    is_good(&in_turn([
        sent(),
        read(),
        by_time(15, Some((2, 20))),
        by_time(21, None),
        earliest(0),
    ]));
}
