//! Bad histories of groups.

use thalweg_sim::history::{Call, Invariant, Outcome};

use crate::made::{assigned, at, breaks, commit, committed, in_turn, is_good};

const OK: Outcome<()> = Outcome::Ok(());
const I17: Invariant = Invariant::GroupOffsets;

#[test]
fn a_position_is_a_register() {
    // An acknowledged commit is lost: the older one, or none, is read.
    let lost = in_turn([commit(1, 5, OK), commit(1, 6, OK), committed(Some(5))]);
    breaks(&lost, I17, &[0, 1, 2]);
    let none = in_turn([commit(1, 5, OK), committed(None)]);
    breaks(&none, I17, &[0, 1]);
    // What nobody committed is read, or what was refused.
    breaks(&in_turn([committed(Some(9))]), I17, &[0]);
    let refused = in_turn([commit(1, 5, Outcome::Failed), committed(Some(5))]);
    breaks(&refused, I17, &[1]);
    // Read, gone, and read again.
    let flicker = in_turn([
        commit(1, 5, OK),
        commit(1, 6, Outcome::Unknown),
        committed(Some(6)),
        committed(Some(5)),
    ]);
    breaks(&flicker, I17, &[0, 2, 3]);
}

#[test]
fn what_may_be_in_any_order_is_good() {
    // A commit whose fate is unknown may come into force at any time, or never.
    is_good(&in_turn([
        commit(1, 5, OK),
        commit(1, 6, Outcome::Unknown),
        committed(Some(5)),
        committed(Some(6)),
        commit(1, 7, OK),
        committed(Some(7)),
    ]));
    // Two at once end in either order.
    is_good(&[
        at(1, 9, commit(1, 5, OK)),
        at(2, 8, commit(1, 6, OK)),
        at(10, 11, committed(Some(5))),
    ]);
    // The same position twice is one position.
    is_good(&in_turn([
        commit(1, 5, OK),
        commit(1, 6, OK),
        commit(1, 5, OK),
        committed(Some(5)),
    ]));
    is_good(&in_turn([committed(None), commit(1, 5, OK)]));
}

#[test]
fn an_older_generation_moves_nothing() {
    let stale = in_turn([assigned("a", 2, &[0]), commit(1, 5, OK)]);
    breaks(&stale, I17, &[0, 1]);
    let back = in_turn([assigned("a", 2, &[0]), assigned("b", 1, &[1])]);
    breaks(&back, I17, &[0, 1]);
    let later = in_turn([
        assigned("a", 1, &[0]),
        commit(1, 4, OK),
        assigned("b", 3, &[0]),
        commit(3, 5, OK),
        commit(1, 6, OK),
    ]);
    breaks(&later, I17, &[2, 4]);
    // A commit that was on its way, that failed, or of one who is no member.
    is_good(&[
        at(1, 5, assigned("a", 2, &[0])),
        at(2, 9, commit(1, 5, OK)),
        at(10, 11, commit(1, 6, Outcome::Failed)),
        at(12, 13, commit(-1, 7, OK)),
    ]);
}

#[test]
fn a_partition_has_one_owner() {
    let two = in_turn([assigned("a", 1, &[0, 1]), assigned("b", 1, &[1])]);
    breaks(&two, I17, &[0, 1]);
    let at_once = [
        at(1, 9, assigned("a", 1, &[2])),
        at(1, 9, assigned("b", 1, &[2])),
    ];
    breaks(&at_once, I17, &[0, 1]);
    let third = in_turn([
        assigned("a", 1, &[0]),
        assigned("b", 1, &[1]),
        assigned("c", 1, &[0]),
    ]);
    breaks(&third, I17, &[0, 2]);
    // The same member twice, another generation, another group.
    let mut other = assigned("z", 1, &[0]);
    if let Call::Assigned { member, .. } = &mut other {
        member.group = "other".to_owned();
    }
    is_good(&in_turn([
        assigned("a", 1, &[0]),
        assigned("a", 1, &[0]),
        other,
        assigned("b", 2, &[0]),
    ]));
}
