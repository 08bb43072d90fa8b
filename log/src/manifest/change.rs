//! Changes of the manifest, and their bytes in a frame.

use bytes::Bytes;

use super::GroupManifest;
use crate::GroupId;
use crate::fields::{Fields, PutFields};
use crate::journal::BlockSequence;

/// One change of what the manifest says. Those of one commit happen together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestChange {
    /// A group is as given: it is new, or it was checkpointed.
    Group(GroupId, Box<GroupManifest>),
    /// A group is gone.
    Removed(GroupId),
    /// The manifest vouches for what the journal holds up to a block.
    Checkpoint(BlockSequence),
    /// All is checkpointed and nothing will be written any more.
    CleanShutdown,
}

/// A change as it is in the file: a group is not looked into.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Group(GroupId, Bytes),
    Removed(GroupId),
    Checkpoint(BlockSequence),
    CleanShutdown,
    /// The manifest is in use again.
    Opened,
}

impl From<&ManifestChange> for Record {
    fn from(change: &ManifestChange) -> Self {
        match change {
            ManifestChange::Group(id, group) => Self::Group(*id, group.encode().into()),
            ManifestChange::Removed(id) => Self::Removed(*id),
            ManifestChange::Checkpoint(up_to) => Self::Checkpoint(*up_to),
            ManifestChange::CleanShutdown => Self::CleanShutdown,
        }
    }
}

impl Record {
    /// Appends the record: kind, a number, the length of what follows, what follows.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let (kind, number, body): (u8, u64, &[u8]) = match self {
            Self::Group(id, group) => (1, id.0, group),
            Self::Removed(id) => (2, id.0, &[]),
            Self::Checkpoint(up_to) => (3, up_to.0, &[]),
            Self::CleanShutdown => (4, 0, &[]),
            Self::Opened => (5, 0, &[]),
        };
        out.put_u8(kind);
        out.put_u64(number);
        out.put_u32(u32::try_from(body.len()).expect("a group takes some hundred bytes"));
        out.extend_from_slice(body);
    }

    /// Takes one record off the front of `fields`, which lie in `file`.
    fn decode(fields: &mut Fields<'_>, file: &Bytes) -> Option<Self> {
        let kind = fields.u8()?;
        let number = fields.u64()?;
        let len = usize::try_from(fields.u32()?).ok()?;
        let body = fields.take(len)?;
        match kind {
            1 => Some(Self::Group(GroupId(number), file.slice_ref(body))),
            2 => Some(Self::Removed(GroupId(number))),
            3 => Some(Self::Checkpoint(BlockSequence(number))),
            4 => Some(Self::CleanShutdown),
            5 => Some(Self::Opened),
            _ => None,
        }
    }

    /// The records of a frame's body, which lies in `file`.
    pub(super) fn decode_all(body: &[u8], file: &Bytes) -> Option<Vec<Self>> {
        let mut fields = Fields(body);
        let mut records = Vec::new();
        while !fields.0.is_empty() {
            records.push(Self::decode(&mut fields, file)?);
        }
        Some(records)
    }
}
