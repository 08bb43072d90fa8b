//! I17: positions of groups are registers, generations fence, and a partition has one owner.

use std::collections::BTreeMap;

use super::register::{Access, contradiction};
use super::view::View;
use super::{Broken, Call, Invariant, Member, Operation, OperationId, Outcome, Partition};

pub(super) fn check(view: &View<'_>, broken: &mut Vec<Broken>) {
    registers(view, broken);
    fences(view, broken);
    owners(view, broken);
}

fn operations<'h>(view: &View<'h>) -> impl Iterator<Item = (OperationId, &'h Operation)> {
    (0..).map(OperationId).zip(view.history)
}

fn registers(view: &View<'_>, broken: &mut Vec<Broken>) {
    let mut registers: BTreeMap<(&str, &Partition), Vec<Access>> = BTreeMap::new();
    for (id, operation) in operations(view) {
        let (key, value, is_write, is_over) = match &operation.call {
            Call::Commit {
                member,
                partition,
                offset,
                outcome,
            } if *outcome != Outcome::Failed => {
                let key = (member.group.as_str(), partition);
                (key, Some(*offset), true, outcome.ok().is_some())
            }
            Call::Committed {
                group,
                partition,
                outcome: Outcome::Ok(position),
            } => ((group.as_str(), partition), *position, false, true),
            Call::Commit { .. }
            | Call::Committed { .. }
            | Call::Send { .. }
            | Call::Poll { .. }
            | Call::Drain { .. }
            | Call::DeleteRecords { .. }
            | Call::Earliest { .. }
            | Call::Latest { .. }
            | Call::ByTime { .. }
            | Call::Assigned { .. } => continue,
        };
        registers.entry(key).or_default().push(Access {
            id,
            invoked: operation.invoked,
            returned: operation.returned.filter(|_| is_over),
            value,
            is_write,
        });
    }
    for ((group, partition), accesses) in registers {
        if let Some(impossible) = contradiction(&accesses) {
            let seen = format!("group {group}, {partition}: {}", impossible.seen);
            let operations = impossible.operations;
            broken.push(Broken::new(Invariant::GroupOffsets, seen, operations));
        }
    }
}

/// Members with what they were given.
fn assignments<'h>(
    view: &View<'h>,
) -> impl Iterator<Item = (OperationId, &'h Operation, &'h Member, &'h [Partition])> {
    operations(view).filter_map(|(id, operation)| match &operation.call {
        Call::Assigned { member, partitions } => Some((id, operation, member, &partitions[..])),
        Call::Send { .. }
        | Call::Poll { .. }
        | Call::Drain { .. }
        | Call::DeleteRecords { .. }
        | Call::Earliest { .. }
        | Call::Latest { .. }
        | Call::ByTime { .. }
        | Call::Commit { .. }
        | Call::Committed { .. } => None,
    })
}

/// Once a generation has begun an older one commits nothing, and none comes back.
fn fences(view: &View<'_>, broken: &mut Vec<Broken>) {
    for (id, operation, member, _) in assignments(view) {
        let stale = operations(view).find_map(|(other, later)| {
            let (of, what) = match &later.call {
                Call::Commit {
                    member, outcome, ..
                } if outcome.ok().is_some() && member.generation >= 0 => (member, "committed"),
                Call::Assigned { member, .. } => (member, "was given partitions"),
                Call::Commit { .. }
                | Call::Committed { .. }
                | Call::Send { .. }
                | Call::Poll { .. }
                | Call::Drain { .. }
                | Call::DeleteRecords { .. }
                | Call::Earliest { .. }
                | Call::Latest { .. }
                | Call::ByTime { .. } => return None,
            };
            let is_stale = of.group == member.group
                && of.generation < member.generation
                && operation.precedes(later);
            is_stale.then_some((other, of, what))
        });
        if let Some((other, of, what)) = stale {
            let seen = format!(
                "group {}: generation {} {what} after generation {} had begun",
                of.group, of.generation, member.generation
            );
            broken.push(Broken::new(Invariant::GroupOffsets, seen, [id, other]));
        }
    }
}

fn owners(view: &View<'_>, broken: &mut Vec<Broken>) {
    let mut owners: BTreeMap<(&str, i32, &Partition), (OperationId, &str)> = BTreeMap::new();
    for (id, _, member, partitions) in assignments(view) {
        for partition in partitions {
            let key = (member.group.as_str(), member.generation, partition);
            let (first, owner) = *owners.entry(key).or_insert((id, &member.member));
            if owner != member.member {
                let seen = format!(
                    "group {}, generation {}: {partition} is given to {owner} and to {}",
                    member.group, member.generation, member.member
                );
                broken.push(Broken::new(Invariant::GroupOffsets, seen, [first, id]));
            }
        }
    }
}
