//! Whether reads and writes of one register can have happened in some order, each between its question and its answer.
//!
//! Where no value is written twice this is decided exactly and fast: the operations of one value are a cluster whose zone
//! reaches from its first answer to its last question. If the zone runs forward the register held the value all that
//! time, so no two such zones may overlap and no cluster may lie wholly inside one (Gibbons and Korach, *Testing shared
//! memories*, 1997). A value that is written several times is left out, but for reads that no writing can explain.

use std::collections::BTreeMap;

use super::OperationId;

/// A write or a read, by its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) id: OperationId,
    pub(super) invoked: u64,
    /// When it was certainly over; never, for a write whose fate is unknown.
    pub(super) returned: Option<u64>,
    /// None before the first write.
    pub(super) value: Option<i64>,
    pub(super) is_write: bool,
}

/// The time in which a value was in the register for sure, or at some point.
#[derive(Clone, Copy, Debug)]
struct Zone {
    value: Option<i64>,
    /// The first answer, and whose.
    first_answer: (u64, OperationId),
    /// The last question, and whose.
    last_question: (u64, OperationId),
}

impl Zone {
    fn is_forward(&self) -> bool {
        self.first_answer.0 < self.last_question.0
    }

    fn ends(&self) -> (u64, u64) {
        let (a, b) = (self.first_answer.0, self.last_question.0);
        (a.min(b), a.max(b))
    }
}

/// Why the register cannot have behaved so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Impossible {
    pub(super) seen: String,
    pub(super) operations: Vec<OperationId>,
}

/// The first contradiction among the accesses of one register, which is empty at first.
pub(super) fn contradiction(accesses: &[Access]) -> Option<Impossible> {
    let mut clusters: BTreeMap<Option<i64>, Vec<&Access>> = BTreeMap::new();
    for access in accesses {
        clusters.entry(access.value).or_default().push(access);
    }
    let mut zones = Vec::new();
    for (value, cluster) in &clusters {
        if let Some(impossible) = unexplained(*value, cluster) {
            return Some(impossible);
        }
        let writes = cluster.iter().filter(|access| access.is_write).count();
        let is_read = cluster.iter().any(|access| !access.is_write);
        let is_known = cluster.iter().any(|access| access.returned.is_some());
        if writes <= 1 && is_known && (writes == 1 || (value.is_none() && is_read)) {
            zones.push(zone(*value, cluster));
        }
    }
    overlap(&zones)
}

/// A read of what nobody had begun to write.
fn unexplained(value: Option<i64>, cluster: &[&Access]) -> Option<Impossible> {
    value?;
    let read = cluster
        .iter()
        .filter(|access| !access.is_write)
        .find(|read| {
            let ended = read.returned.unwrap_or(u64::MAX);
            let mut writes = cluster.iter().filter(|access| access.is_write);
            !writes.any(|write| write.invoked <= ended)
        })?;
    let value = value.unwrap_or_default();
    Some(Impossible {
        seen: format!("{value} was read, and nobody had committed it"),
        operations: vec![read.id],
    })
}

fn zone(value: Option<i64>, cluster: &[&Access]) -> Zone {
    let answers = cluster
        .iter()
        .filter_map(|access| Some((access.returned?, access.id)));
    let questions = cluster.iter().map(|access| (access.invoked, access.id));
    let nobody = OperationId(0);
    Zone {
        value,
        // The empty register was there before everything.
        first_answer: match value {
            None => (0, cluster.first().map_or(nobody, |access| access.id)),
            Some(_) => answers.min().unwrap_or((u64::MAX, nobody)),
        },
        last_question: questions.max().unwrap_or((0, nobody)),
    }
}

fn overlap(zones: &[Zone]) -> Option<Impossible> {
    let mut forward: Vec<&Zone> = zones.iter().filter(|zone| zone.is_forward()).collect();
    forward.sort_by_key(|zone| zone.ends());
    let clash = |one: &Zone, other: &Zone| {
        let show =
            |value: Option<i64>| value.map_or_else(|| "nothing".to_owned(), |v| v.to_string());
        let (one_shown, other_shown) = (show(one.value), show(other.value));
        Some(Impossible {
            seen: format!(
                "{one_shown} and {other_shown} cannot have been there one after the other"
            ),
            operations: vec![
                one.first_answer.1,
                one.last_question.1,
                other.first_answer.1,
                other.last_question.1,
            ],
        })
    };
    for pair in forward.windows(2) {
        if pair[1].ends().0 < pair[0].ends().1 {
            return clash(pair[0], pair[1]);
        }
    }
    for backward in zones.iter().filter(|zone| !zone.is_forward()) {
        let (from, to) = backward.ends();
        let inside = |zone: &&&Zone| zone.ends().0 < from && to < zone.ends().1;
        if let Some(outer) = forward.iter().find(inside) {
            return clash(outer, backward);
        }
    }
    None
}
