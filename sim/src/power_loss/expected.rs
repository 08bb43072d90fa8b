//! What must be found on an image, and whether it is.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use thalweg_log::disk::SimDisk;
use thalweg_model::TopicPartition;
use thalweg_model::batch::StoredBatch;
use thalweg_replica::PartitionSpec;

use super::voyage::journal;
use crate::call::checked;
use crate::quiet_node::QuietNode;
use crate::truth::same_bytes;
use crate::violation::Violation;

/// A batch as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) bytes: Bytes,
    pub(super) records: i64,
}

impl Sent {
    pub(super) fn new(bytes: Bytes) -> Self {
        let records = i64::from(checked(&bytes).record_count());
        Self { bytes, records }
    }
}

/// What must be found in one partition.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Acknowledged batches by base offset.
    pub(super) batches: BTreeMap<i64, Sent>,
    pub(super) next: i64,
    pub(super) log_start: i64,
}

impl Expected {
    pub(super) const NOTHING: Self = Self {
        batches: BTreeMap::new(),
        next: 0,
        log_start: 0,
    };
}

/// What an operation under way may have done already.
#[derive(Clone)]
pub(super) enum UnderWay {
    Nothing,
    Append(usize, Bytes),
    Delete(usize, i64),
    Remove(usize),
}

impl fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("a checkpoint"),
            Self::Append(at, bytes) => write!(f, "{} bytes to topic{at}", bytes.len()),
            Self::Delete(at, up_to) => write!(f, "deletion in topic{at} up to {up_to}"),
            Self::Remove(at) => write!(f, "another topic{at}"),
        }
    }
}

/// Starts from an image: what was acknowledged is there, what was under way is there or not. How many batches were there.
pub(super) fn compare(
    disk: &SimDisk,
    specs: &[PartitionSpec],
    before: &[Expected],
    under_way: &UnderWay,
) -> Result<u64, Violation> {
    // A topic that was being replaced is known to the metadata under its new id already.
    let mut node = QuietNode::open(disk, journal(), specs)?;
    let nothing = Expected::NOTHING;
    let mut batches_read = 0;
    for (at, spec) in specs.iter().enumerate() {
        let expected = match under_way {
            UnderWay::Remove(to) if *to == at => &nothing,
            UnderWay::Append(..) | UnderWay::Delete(..) | UnderWay::Remove(_) => &before[at],
            UnderWay::Nothing => &before[at],
        };
        let (mut low, mut maybe) = (expected.log_start, None);
        match under_way {
            UnderWay::Append(to, bytes) if *to == at => maybe = Some(bytes),
            UnderWay::Delete(to, up_to) if *to == at => low = *up_to,
            UnderWay::Append(..) | UnderWay::Delete(..) | UnderWay::Remove(_) => {}
            UnderWay::Nothing => {}
        }
        let range = expected.log_start..=low.max(expected.log_start);
        let partition = spec.topic_partition();
        let (start, batches) = node.read_all(partition, expected.log_start)?;
        if !range.contains(&start) {
            let seen = format!("{partition} begins at {start}, not in {range:?}");
            return Err(Violation::new("only what was deleted goes", seen));
        }
        compare_batches(partition, start, expected, maybe, &batches)?;
        batches_read += u64::try_from(batches.len()).unwrap_or(u64::MAX);
    }
    Ok(batches_read)
}

fn compare_batches(
    partition: TopicPartition,
    start: i64,
    expected: &Expected,
    maybe: Option<&Bytes>,
    found: &[StoredBatch],
) -> Result<(), Violation> {
    let due = expected
        .batches
        .iter()
        .filter(|(base, sent)| **base + sent.records > start);
    let mut found = found.iter();
    for (base, sent) in due {
        let batch = found.next();
        let same = batch.is_some_and(|batch| {
            batch.header().base_offset == *base && same_bytes(&sent.bytes, batch.bytes())
        });
        if !same {
            let header = batch.map(|batch| *batch.header());
            let seen = format!("{partition} at {base}: {header:?}");
            return Err(Violation::new("nothing acknowledged is lost", seen));
        }
    }
    match (found.next(), maybe) {
        (None, _) => Ok(()),
        (Some(batch), Some(bytes))
            if batch.header().base_offset == expected.next
                && same_bytes(bytes, batch.bytes())
                && found.next().is_none() =>
        {
            Ok(())
        }
        (Some(batch), _) => {
            let seen = format!("{partition}: {:?}", batch.header());
            Err(Violation::new("nobody reads what nobody sent", seen))
        }
    }
}
