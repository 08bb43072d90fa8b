//! The state that the log folds to.

use std::collections::BTreeMap;

use thalweg_model::PartitionIndex;

use super::{CommittedOffset, Record, StoredGroup};
use crate::{GroupId, TopicName};

/// A group's positions.
pub type GroupOffsets = BTreeMap<(TopicName, PartitionIndex), CommittedOffset>;

/// Groups and positions as committed; equal after the same records, whatever else happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DurableState {
    groups: BTreeMap<GroupId, StoredGroup>,
    offsets: BTreeMap<GroupId, GroupOffsets>,
}

impl DurableState {
    /// Applies one committed record: the only way this state changes.
    pub fn replay(&mut self, record: &Record) {
        match record {
            Record::Group { group, value } => match value {
                Some(value) => {
                    self.groups.insert(group.clone(), value.clone());
                }
                None => {
                    self.groups.remove(group);
                }
            },
            Record::Offset {
                group,
                topic,
                partition,
                value,
            } => {
                let key = (topic.clone(), *partition);
                match value {
                    Some(value) => {
                        let offsets = self.offsets.entry(group.clone()).or_default();
                        offsets.insert(key, value.clone());
                    }
                    None => self.forget_offset(group, &key),
                }
            }
        }
    }

    fn forget_offset(&mut self, group: &GroupId, key: &(TopicName, PartitionIndex)) {
        if let Some(offsets) = self.offsets.get_mut(group) {
            offsets.remove(key);
            if offsets.is_empty() {
                self.offsets.remove(group);
            }
        }
    }

    /// The stored membership of a group.
    #[must_use]
    pub fn group(&self, group: &GroupId) -> Option<&StoredGroup> {
        self.groups.get(group)
    }

    /// The position of a group in a partition.
    #[must_use]
    pub fn offset(
        &self,
        group: &GroupId,
        topic: &TopicName,
        partition: PartitionIndex,
    ) -> Option<&CommittedOffset> {
        self.offsets.get(group)?.get(&(topic.clone(), partition))
    }

    pub(crate) fn offsets_of(&self, group: &GroupId) -> Option<&GroupOffsets> {
        self.offsets.get(group)
    }

    /// The positions of each group.
    pub fn offset_groups(&self) -> impl Iterator<Item = (&GroupId, &GroupOffsets)> {
        self.offsets.iter()
    }

    /// The stored membership of each group.
    pub fn stored_groups(&self) -> impl Iterator<Item = (&GroupId, &StoredGroup)> {
        self.groups.iter()
    }
}
