//! What a manifest says.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::GroupManifest;
use super::change::Record;
use crate::GroupId;
use crate::journal::BlockSequence;

/// What a manifest said when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestState {
    /// Whether all was checkpointed before the end: there is nothing to recover.
    pub clean_shutdown: bool,
    /// The manifest vouches for what the journal holds up to this block.
    pub checkpoint: BlockSequence,
    /// All groups of the shard.
    pub groups: BTreeMap<GroupId, GroupManifest>,
}

/// The manifest's content as records, from which the file can be written anew.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) clean_shutdown: bool,
    pub(super) checkpoint: BlockSequence,
    pub(super) groups: BTreeMap<GroupId, Bytes>,
    /// Sum of the groups' bytes.
    group_bytes: usize,
}

impl Records {
    pub(super) fn apply(&mut self, record: Record) {
        self.clean_shutdown = false;
        match record {
            Record::Group(id, group) => {
                self.group_bytes += group.len();
                let before = self.groups.insert(id, group);
                self.group_bytes -= before.map_or(0, |group| group.len());
            }
            Record::Removed(id) => {
                let before = self.groups.remove(&id);
                self.group_bytes -= before.map_or(0, |group| group.len());
            }
            Record::Checkpoint(up_to) => self.checkpoint = up_to,
            Record::CleanShutdown => self.clean_shutdown = true,
            Record::Opened => {}
        }
    }

    /// Bytes that a file with nothing but this takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.group_bytes + 16 * self.groups.len()
    }

    /// All of it, as the body of one frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.bytes() + 64);
        for (id, group) in &self.groups {
            Record::Group(*id, group.clone()).encode(&mut body);
        }
        Record::Checkpoint(self.checkpoint).encode(&mut body);
        if self.clean_shutdown {
            Record::CleanShutdown.encode(&mut body);
        }
        body
    }

    /// All of it, understood; `None` if a group is not what this version writes.
    pub(super) fn state(&self) -> Option<ManifestState> {
        let groups = self
            .groups
            .iter()
            .map(|(id, group)| Some((*id, GroupManifest::decode(group)?)));
        Some(ManifestState {
            clean_shutdown: self.clean_shutdown,
            checkpoint: self.checkpoint,
            groups: groups.collect::<Option<_>>()?,
        })
    }
}
