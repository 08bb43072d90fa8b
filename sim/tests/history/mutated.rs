//! Good histories with one thing changed: the promise that this breaks is named.

use proptest::prelude::*;
use thalweg_sim::history::{Call, Invariant, Observed, Operation, Outcome, check};

use crate::good::{history, steps};
use crate::made::{assigned, at, commit, committed};

/// A change, and the promise that it breaks; none if the history has nothing that can be changed so.
type Mutation = fn(&mut Vec<Operation>, usize) -> Option<Invariant>;

const MUTATIONS: &[Mutation] = &[
    two_records_trade_places,
    another_record_was_told,
    a_record_comes_back_changed,
    an_unknown_record_is_read,
    a_record_is_read_before_its_time,
    the_writer_was_refused,
    an_acknowledged_record_is_gone,
    a_record_is_there_again,
    a_poll_goes_back,
    a_poll_passes_over_a_record,
    sequences_are_exchanged,
    the_high_watermark_falls,
    the_last_offset_is_short,
    the_first_offset_moves,
    a_lookup_is_older,
    a_position_is_invented,
    an_old_generation_commits,
    a_partition_has_two_owners,
];

fn drained(history: &mut [Operation]) -> &mut Vec<Observed> {
    match &mut history.last_mut().unwrap().call {
        Call::Drain { found, .. } => &mut found.records,
        _ => unreachable!("a history ends with the last look"),
    }
}

/// The positions of the operations that fit.
fn all(history: &[Operation], fits: impl Fn(&Call) -> bool) -> Vec<usize> {
    let found = history
        .iter()
        .enumerate()
        .filter(|(_, operation)| fits(&operation.call));
    found.map(|(at, _)| at).collect()
}

fn pick<T: Copy>(list: &[T], dice: usize) -> Option<T> {
    (!list.is_empty()).then(|| list[dice % list.len()])
}

/// Offsets that were told to a producer and are still there.
fn kept(history: &mut [Operation]) -> Vec<i64> {
    let there: Vec<i64> = drained(history)
        .iter()
        .map(|record| record.offset)
        .collect();
    let told = history
        .iter()
        .filter_map(|operation| match &operation.call {
            Call::Send {
                records,
                outcome: Outcome::Ok(base),
                ..
            } => Some(*base..*base + i64::try_from(records.len()).unwrap()),
            _ => None,
        });
    let deleted = history
        .iter()
        .filter_map(|operation| match &operation.call {
            Call::DeleteRecords {
                before, outcome, ..
            } if *outcome != Outcome::Failed => Some(*before),
            _ => None,
        });
    let deleted = deleted.max().unwrap_or(0);
    told.flatten()
        .filter(|offset| there.contains(offset) && *offset >= deleted)
        .collect()
}

fn two_records_trade_places(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let offset = pick(&kept(history), dice)?;
    let records = drained(history);
    let one = records.iter().position(|record| record.offset == offset)?;
    let other = (one + 1) % records.len();
    if one == other {
        return None;
    }
    let (a, b) = (records[one].offset, records[other].offset);
    records.swap(one, other);
    (records[one].offset, records[other].offset) = (a, b);
    Some(Invariant::OffsetAgreement)
}

fn another_record_was_told(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let sends = all(
        history,
        |call| matches!(call, Call::Send { outcome: Outcome::Ok(base), .. } if *base > 0),
    );
    let at = pick(&sends, dice)?;
    let Call::Send {
        records, outcome, ..
    } = &mut history[at].call
    else {
        return None;
    };
    *outcome = Outcome::Ok(0);
    let told = records[0].value.clone();
    let first = drained(history).first()?;
    let is_other = first.offset == 0 && first.value != told;
    is_other.then_some(Invariant::OffsetAgreement)
}

fn a_record_comes_back_changed(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let records = drained(history);
    let at = dice % records.len().max(1);
    records.get_mut(at)?.body ^= 1;
    Some(Invariant::NoPhantom)
}

fn an_unknown_record_is_read(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    let records = drained(history);
    let mut last = records.last()?.clone();
    last.offset += 1;
    last.value = "nobody's".to_owned();
    records.push(last);
    Some(Invariant::NoPhantom)
}

fn a_record_is_read_before_its_time(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    let value = drained(history).first()?.value.clone();
    for operation in history.iter_mut() {
        let is_it = match &operation.call {
            Call::Send { records, .. } => records.iter().any(|sent| sent.value == value),
            _ => false,
        };
        if is_it {
            operation.invoked = 1_000_000;
            operation.returned = None;
        }
    }
    Some(Invariant::NoPhantom)
}

fn the_writer_was_refused(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let records = drained(history);
    let value = records.get(dice % records.len().max(1))?.value.clone();
    for operation in history.iter_mut() {
        if let Call::Send {
            records, outcome, ..
        } = &mut operation.call
            && records.iter().any(|sent| sent.value == value)
        {
            *outcome = Outcome::Failed;
        }
    }
    Some(Invariant::NoFailedRead)
}

fn an_acknowledged_record_is_gone(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let offset = pick(&kept(history), dice)?;
    drained(history).retain(|record| record.offset != offset);
    Some(Invariant::NoLostWrite)
}

fn a_record_is_there_again(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let numbered = all(history, |call| {
        matches!(
            call,
            Call::Send {
                producer: Some(_),
                outcome: Outcome::Ok(_),
                ..
            }
        )
    });
    let at = pick(&numbered, dice)?;
    let Call::Send { records, .. } = &history[at].call else {
        return None;
    };
    let value = records[0].value.clone();
    let found = drained(history);
    let mut again = found.iter().find(|record| record.value == value)?.clone();
    again.offset = found.last()?.offset + 1;
    found.push(again);
    Some(Invariant::Uniqueness)
}

fn polls_with(history: &[Operation], records: usize) -> Vec<usize> {
    all(
        history,
        |call| matches!(call, Call::Poll { outcome: Outcome::Ok(place), .. } if place.records.len() >= records),
    )
}

fn polled(operation: &mut Operation) -> &mut Vec<Observed> {
    match &mut operation.call {
        Call::Poll {
            outcome: Outcome::Ok(place),
            ..
        } => &mut place.records,
        _ => unreachable!("only polls are picked"),
    }
}

fn a_poll_goes_back(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let at = pick(&polls_with(history, 1), dice)?;
    let records = polled(&mut history[at]);
    records.push(records[0].clone());
    Some(Invariant::PollOrder)
}

fn a_poll_passes_over_a_record(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let at = pick(&polls_with(history, 3), dice)?;
    let offset = polled(&mut history[at])[1].offset;
    if !kept(history).contains(&offset) {
        return None;
    }
    polled(&mut history[at]).remove(1);
    Some(Invariant::PollOrder)
}

fn sequences_are_exchanged(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let numbered = all(
        history,
        |call| matches!(call, Call::Send { producer: Some(one), outcome: Outcome::Ok(_), .. } if one.id == 1),
    );
    let first = dice % numbered.len().max(1);
    let (one, other) = (*numbered.get(first)?, *numbered.get(first + 1)?);
    let sequence = |operation: &Operation| match &operation.call {
        Call::Send { producer, .. } => producer.unwrap().sequence,
        _ => 0,
    };
    let (a, b) = (sequence(&history[one]), sequence(&history[other]));
    for operation in history.iter_mut() {
        if let Call::Send {
            producer: Some(producer),
            ..
        } = &mut operation.call
            && producer.id == 1
        {
            producer.sequence = match producer.sequence {
                found if found == a => b,
                found if found == b => a,
                found => found,
            };
        }
    }
    Some(Invariant::SendOrder)
}

fn the_high_watermark_falls(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    let last = history.last_mut()?;
    let Call::Drain { found, .. } = &mut last.call else {
        return None;
    };
    found.high_watermark -= 1;
    found.records.pop();
    let mark = found.high_watermark + 1;
    let told = history.iter().any(|operation| match &operation.call {
        Call::Poll {
            outcome: Outcome::Ok(place),
            ..
        } => place.high_watermark == mark,
        _ => false,
    });
    told.then_some(Invariant::RealTime)
}

fn the_last_offset_is_short(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    let high = drained(history).last()?.offset;
    let call = Call::Latest {
        partition: crate::made::partition(),
        outcome: Outcome::Ok(high),
    };
    history.push(at(2_000_000, 2_000_001, call));
    Some(Invariant::OffsetLookup)
}

fn the_first_offset_moves(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    let call = Call::Earliest {
        partition: crate::made::partition(),
        outcome: Outcome::Ok(1_000),
    };
    history.insert(0, at(1, 2, call));
    Some(Invariant::OffsetLookup)
}

fn a_lookup_is_older(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let lookups = all(history, |call| {
        matches!(
            call,
            Call::ByTime {
                outcome: Outcome::Ok(Some(_)),
                ..
            }
        )
    });
    let at = pick(&lookups, dice)?;
    if let Call::ByTime {
        timestamp,
        outcome: Outcome::Ok(Some((_, time))),
        ..
    } = &mut history[at].call
    {
        *time = *timestamp - 1;
    }
    Some(Invariant::OffsetLookup)
}

fn a_position_is_invented(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    history.push(at(2_000_000, 2_000_001, committed(Some(-7))));
    Some(Invariant::GroupOffsets)
}

fn an_old_generation_commits(history: &mut Vec<Operation>, _: usize) -> Option<Invariant> {
    history.push(at(2_000_000, 2_000_001, assigned("new", 1_000, &[])));
    let late = commit(999, 5_000, Outcome::Ok(()));
    history.push(at(2_000_002, 2_000_003, late));
    Some(Invariant::GroupOffsets)
}

fn a_partition_has_two_owners(history: &mut Vec<Operation>, dice: usize) -> Option<Invariant> {
    let given = all(history, |call| matches!(call, Call::Assigned { .. }));
    let one = pick(&given, dice)?;
    let mut other = history[one].clone();
    if let Call::Assigned { member, .. } = &mut other.call {
        member.member = "another".to_owned();
    }
    history.insert(one, other);
    Some(Invariant::GroupOffsets)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_changed_history_is_found_out(steps in steps(), kind in 0..MUTATIONS.len(), dice: usize) {
        let mut history = history(&steps);
        if let Some(invariant) = MUTATIONS[kind](&mut history, dice) {
            let broken = check(&history);
            prop_assert!(
                broken.iter().any(|broken| broken.invariant == invariant),
                "{invariant} is not among {broken:#?}"
            );
        }
    }
}

#[test]
fn every_change_is_possible() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    for (kind, mutation) in MUTATIONS.iter().enumerate() {
        let possible = (0..300).any(|dice| {
            let steps = steps().new_tree(&mut runner).unwrap().current();
            mutation(&mut history(&steps), dice).is_some()
        });
        assert!(possible, "mutation {kind}");
    }
}
