//! Which partition of `__consumer_offsets` a group lives in.

use thalweg_model::PartitionIndex;

use crate::GroupId;

/// The partition of a group: Java's string hash, made positive, modulo the partitions.
///
/// Tools compute the same, so it can never change.
///
/// # Panics
/// If there are no partitions, or more than 2^31.
#[must_use]
pub fn group_partition(group: &GroupId, partitions: usize) -> PartitionIndex {
    let partitions = i32::try_from(partitions).expect("partitions are counted in 32 bits");
    assert!(partitions > 0, "the offsets topic has partitions");
    // `i32::MIN` has no positive counterpart; Kafka takes 0 for it.
    let positive = java_hash(group.as_str()).checked_abs().unwrap_or(0);
    PartitionIndex(positive % partitions)
}

/// `java.lang.String.hashCode`: a base-31 polynomial over UTF-16 code units.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_javas() {
        for (text, hash) in [
            ("", 0),
            ("hello", 99_162_322),
            ("console-consumer-12345", 158_455_506),
            ("polygenelubricants", i32::MIN),
            ("\u{1F600}", 1_772_899),
        ] {
            assert_eq!(java_hash(text), hash, "{text}");
        }
    }

    #[test]
    fn every_group_has_a_partition() {
        assert_eq!(group_partition(&"hello".into(), 50), PartitionIndex(22));
        assert_eq!(
            group_partition(&"polygenelubricants".into(), 50),
            PartitionIndex(0)
        );
    }
}
