//! Records gathered into batches, in order within each partition.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::BATCH_BYTES_MAX;
use crate::record::Draft;

/// Records of one partition that go into one batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) drafts: Vec<Draft>,
    bytes: usize,
}

/// What is to be sent: for each partition, batches one after the other.
#[derive(Debug, Default)]
pub(super) struct Backlog(BTreeMap<i32, VecDeque<Gathered>>);

impl Backlog {
    /// Puts a record behind the others of its partition.
    pub(super) fn push(&mut self, partition: i32, draft: Draft) {
        let bytes = draft.byte_len();
        let batches = self.0.entry(partition).or_default();
        match batches.back_mut() {
            Some(last) if last.bytes + bytes <= BATCH_BYTES_MAX => {
                last.bytes += bytes;
                last.drafts.push(draft);
            }
            _ => batches.push_back(Gathered {
                drafts: vec![draft],
                bytes,
            }),
        }
    }

    /// Takes the next batch of every partition that has one.
    pub(super) fn next(&mut self) -> BTreeMap<i32, Gathered> {
        let heads = self.0.iter_mut();
        let heads =
            heads.filter_map(|(partition, batches)| Some((*partition, batches.pop_front()?)));
        heads.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(bytes: usize) -> Draft {
        Draft {
            value: Some(vec![0; bytes]),
            ..Draft::default()
        }
    }

    #[test]
    fn a_batch_ends_before_it_is_too_large_and_order_is_kept() {
        let mut backlog = Backlog::default();
        for bytes in [BATCH_BYTES_MAX - 100, 10, 100, 2 * BATCH_BYTES_MAX, 1] {
            backlog.push(0, draft(bytes));
        }
        backlog.push(5, draft(3));
        let sizes = |round: &BTreeMap<i32, Gathered>, partition| {
            let drafts = round.get(&partition).map(|gathered| &gathered.drafts);
            let drafts = drafts.into_iter().flatten();
            drafts
                .map(|draft| draft.value.as_ref().unwrap().len())
                .collect::<Vec<_>>()
        };
        let first = backlog.next();
        assert_eq!(sizes(&first, 0), [BATCH_BYTES_MAX - 100, 10]);
        assert_eq!(sizes(&first, 5), [3]);
        assert_eq!(sizes(&backlog.next(), 0), [100]);
        assert_eq!(sizes(&backlog.next(), 0), [2 * BATCH_BYTES_MAX]);
        assert_eq!(sizes(&backlog.next(), 0), [1]);
        assert!(backlog.next().is_empty());
    }
}
