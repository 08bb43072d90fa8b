//! The records every producer writes: a pure function of the record's number, with every shape Kafka allows.

use std::collections::BTreeSet;

use crate::lack::Lack;
use crate::record::{Field, Record};

/// One topic of the matrix and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) topic: String,
    pub(crate) partitions: usize,
    pub(crate) count: usize,
    pub(crate) timestamp_base_ms: i64,
    /// What the writer cannot express.
    pub(crate) lacks: BTreeSet<Lack>,
}

impl Workload {
    /// Partition and offset of record `number`: records go round the partitions.
    pub(crate) fn place(&self, number: usize) -> (usize, usize) {
        (number % self.partitions, number / self.partitions)
    }

    /// Number of the record at a place: the inverse of `place`.
    pub(crate) fn number(&self, partition: usize, offset: usize) -> usize {
        offset * self.partitions + partition
    }

    /// Records that one partition holds.
    pub(crate) fn partition_count(&self, partition: usize) -> usize {
        (self.count + self.partitions - 1 - partition) / self.partitions
    }

    /// Record `number` as its writer can express it.
    pub(crate) fn record(&self, number: usize) -> Record {
        let mut record = full_record(number, self.timestamp_base_ms);
        for lack in &self.lacks {
            lack.apply(&mut record);
        }
        record
    }

    /// Input lines of the records `numbers`, ready for a producing client.
    pub(crate) fn input(&self, numbers: std::ops::Range<usize>) -> Vec<u8> {
        let mut lines = String::new();
        for number in numbers {
            lines.push_str(&self.record(number).to_input(self.place(number).0));
            lines.push('\n');
        }
        lines.into_bytes()
    }
}

/// Periods are coprime where it matters, so that keys, values and headers meet in every combination.
fn full_record(number: usize, timestamp_base_ms: i64) -> Record {
    let step = i64::try_from(number).expect("record counts are far below 2^63");
    Record {
        // Three milliseconds apart, and every fifth one goes back: timestamps need not ascend.
        timestamp: Some(timestamp_base_ms + 3 * step - 40 * (step % 5)),
        key: key(number),
        value: value(number),
        headers: headers(number),
    }
}

fn key(number: usize) -> Field {
    match number % 8 {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(noise(number, 12)),
        _ => Some(format!("key-{}", number % 97).into_bytes()),
    }
}

fn value(number: usize) -> Field {
    match number % 11 {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(noise(number, 64)),
        3 => Some(format!("{number:08} ").repeat(100).into_bytes()),
        _ => Some(
            format!("{{\"number\":{number},\"text\":\"Grüße aus dem Flussbett\"}}").into_bytes(),
        ),
    }
}

fn headers(number: usize) -> Vec<(String, Field)> {
    let text = |value: &str| Some(value.as_bytes().to_vec());
    let pairs: Vec<(&str, Field)> = match number % 7 {
        0 => vec![("trace", text(&format!("id-{number}")))],
        1 => vec![("tag", text("a")), ("tag", text("b")), ("tag", text("a"))],
        2 => vec![("null", None), ("empty", text(""))],
        3 => vec![("z", text("1")), ("a", text("2")), ("z", None)],
        4 => vec![
            ("flüsse", text("Donau")),
            ("binary", Some(vec![255, 0, 128, 7])),
        ],
        _ => Vec::new(),
    };
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Bytes that no codec can shorten: the splitmix64 generator, seeded by the number.
fn noise(number: usize, length: usize) -> Vec<u8> {
    let mut state = u64::try_from(number).expect("usize is at most 64 bits here");
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(lacks: &[Lack]) -> Workload {
        Workload {
            topic: "t".to_owned(),
            partitions: 3,
            count: 1000,
            timestamp_base_ms: 1_700_000_000_000,
            lacks: lacks.iter().copied().collect(),
        }
    }

    #[test]
    fn places_and_numbers_are_inverse_and_fill_the_partitions() {
        let workload = workload(&[]);
        for number in 0..workload.count {
            let (partition, offset) = workload.place(number);
            assert_eq!(workload.number(partition, offset), number);
            assert!(offset < workload.partition_count(partition));
        }
        let total: usize = (0..3).map(|p| workload.partition_count(p)).sum();
        assert_eq!(total, workload.count);
    }

    #[test]
    fn every_shape_of_record_occurs() {
        let workload = workload(&[]);
        let any = |wanted: fn(&Record) -> bool| {
            assert!((0..workload.count).any(|number| wanted(&workload.record(number))));
        };
        any(|record| record.key.is_none() && record.value.is_none());
        any(|record| record.key == Some(Vec::new()) && record.value.is_none());
        any(|record| record.key.is_none() && record.value == Some(Vec::new()));
        any(|record| record.headers.is_empty());
        any(|record| record.headers.iter().any(|(_, value)| value.is_none()));
        any(|record| {
            record
                .headers
                .iter()
                .filter(|(name, _)| name == "tag")
                .count()
                == 3
        });
    }

    #[test]
    fn lacks_leave_nothing_that_the_library_cannot_say() {
        let workload = workload(&[
            Lack::RepeatedHeaderNames,
            Lack::NullHeaderValues,
            Lack::EmptyFields,
        ]);
        for number in 0..workload.count {
            let record = workload.record(number);
            assert_ne!(record.key, Some(Vec::new()));
            assert_ne!(record.value, Some(Vec::new()));
            let mut names: Vec<_> = record.headers.iter().map(|(name, _)| name).collect();
            names.sort();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all);
            assert!(record.headers.iter().all(|(_, value)| value.is_some()));
        }
    }
}
