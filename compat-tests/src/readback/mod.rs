//! Compares what a client reported with what the topics hold.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

use crate::lack::Lack;
use crate::record::Consumed;
use crate::workload::Workload;

/// Checks the output of `consume`: every partition of every topic from offset 0 to its end, in order,
/// without a gap, a repetition or a changed byte.
///
/// # Errors
/// The first difference, with the record that was expected and the one that came.
pub(crate) fn check_consumed(
    output: &str,
    workloads: &[&Workload],
    reader_lacks: &BTreeSet<Lack>,
) -> Result<()> {
    let by_topic: BTreeMap<&str, &Workload> = workloads
        .iter()
        .map(|workload| (workload.topic.as_str(), *workload))
        .collect();
    let mut next: BTreeMap<(String, usize), usize> = BTreeMap::new();
    for line in output.lines() {
        let consumed = Consumed::parse(line)?;
        let workload = by_topic
            .get(consumed.topic.as_str())
            .with_context(|| format!("record of a foreign topic: {}", consumed.topic))?;
        let expected = next
            .entry((consumed.topic.clone(), consumed.partition))
            .or_default();
        ensure!(
            consumed.offset == *expected,
            "{}[{}]: offset {} came where {expected} was due",
            consumed.topic,
            consumed.partition,
            consumed.offset
        );
        check_record(&consumed, workload, reader_lacks)?;
        *expected += 1;
    }
    for workload in workloads {
        for partition in 0..workload.partitions {
            let seen = next.remove(&(workload.topic.clone(), partition));
            let (seen, due) = (
                seen.unwrap_or_default(),
                workload.partition_count(partition),
            );
            ensure!(
                seen == due,
                "{}[{partition}]: {seen} of {due} records came",
                workload.topic
            );
        }
    }
    match next.into_keys().next() {
        Some((topic, partition)) => bail!("{topic}[{partition}] should not exist"),
        None => Ok(()),
    }
}

/// Checks one record's contents against its place.
///
/// # Errors
/// The difference.
pub(crate) fn check_record(
    consumed: &Consumed,
    workload: &Workload,
    reader_lacks: &BTreeSet<Lack>,
) -> Result<()> {
    let place = format!(
        "{}[{}]@{}",
        consumed.topic, consumed.partition, consumed.offset
    );
    ensure!(
        consumed.partition < workload.partitions,
        "{place}: no such partition was created"
    );
    let number = workload.number(consumed.partition, consumed.offset);
    ensure!(
        number < workload.count,
        "{place}: beyond the records that were written"
    );
    let mut expected = workload.record(number);
    let mut actual = consumed.record.clone();
    // What the writer or the reader cannot express is the same on both sides after this.
    for lack in workload.lacks.union(reader_lacks) {
        lack.apply(&mut expected);
        lack.apply(&mut actual);
    }
    ensure!(
        actual == expected,
        "{place} (record {number}): expected {expected}, came {actual}"
    );
    Ok(())
}

/// Checks the output of `produce`: partition and offset of every acknowledgement, in input order.
///
/// # Errors
/// The first acknowledgement that differs.
pub(crate) fn check_acknowledged(output: &str, workload: &Workload, first: usize) -> Result<()> {
    let mut number = first;
    for line in output.lines() {
        let (partition, offset) = workload.place(number);
        ensure!(
            line == format!("{partition}\t{offset}"),
            "record {number} of {} was acknowledged as {line:?}, due was {partition}\\t{offset}",
            workload.topic
        );
        number += 1;
    }
    ensure!(
        number == workload.count,
        "{} of {} records were acknowledged",
        number - first,
        workload.count - first
    );
    Ok(())
}

#[cfg(test)]
mod tests;
