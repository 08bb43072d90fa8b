//! What the manifest knows of one group.

use bytes::Bytes;
use thalweg_model::{LogIndex, PartitionIndex, ReplicaId, Term, Uuid};

use crate::fields::{Fields, PutFields};
use crate::journal::HardState;
use crate::partition::LogState;

/// One partition replica at the last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupManifest {
    /// The topic's incarnation.
    pub topic: Uuid,
    /// The topic's name.
    pub topic_name: String,
    /// Which partition.
    pub partition: PartitionIndex,
    /// Name of the partition's directory.
    pub directory: String,
    /// Which replica this is.
    pub replica: ReplicaId,
    /// Raft's hard state.
    pub hard_state: HardState,
    /// The group's members, opaque.
    pub membership: Bytes,
    /// The partition's log.
    pub log: LogState,
}

const VERSION: u8 = 1;

impl GroupManifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.put_u8(VERSION);
        bytes.extend_from_slice(self.topic.as_bytes());
        bytes.put_u32(self.partition.0.cast_unsigned());
        bytes.put_u64(self.replica.0);
        bytes.put_u64(self.hard_state.term.0);
        bytes.put_u64(self.hard_state.commit.0);
        bytes.put_u8(u8::from(self.hard_state.vote.is_some()));
        bytes.put_u64(self.hard_state.vote.map_or(0, |vote| vote.0));
        put_bytes(&mut bytes, self.topic_name.as_bytes());
        put_bytes(&mut bytes, self.directory.as_bytes());
        put_bytes(&mut bytes, &self.membership);
        self.log.encode(&mut bytes);
        bytes
    }

    /// The group of a record, whose bytes it shares.
    pub(super) fn decode(record: &Bytes) -> Option<Self> {
        let mut fields = Fields(record);
        if fields.u8()? != VERSION {
            return None;
        }
        let topic = fields.uuid()?;
        let partition = PartitionIndex(fields.u32()?.cast_signed());
        let replica = ReplicaId(fields.u64()?);
        let term = Term(fields.u64()?);
        let commit = LogIndex(fields.u64()?);
        let has_vote = fields.u8()? != 0;
        let vote = ReplicaId(fields.u64()?);
        let topic_name = std::str::from_utf8(take_bytes(&mut fields)?).ok()?;
        let directory = std::str::from_utf8(take_bytes(&mut fields)?).ok()?;
        let membership = record.slice_ref(take_bytes(&mut fields)?);
        let log = record.slice_ref(fields.0);
        Some(Self {
            topic,
            topic_name: topic_name.to_owned(),
            partition,
            directory: directory.to_owned(),
            replica,
            hard_state: HardState {
                term,
                vote: has_vote.then_some(vote),
                commit,
            },
            membership,
            log: LogState::decode(&log).ok()?,
        })
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32(u32::try_from(bytes.len()).expect("names and members are short"));
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(fields.u32()?).ok()?;
    fields.take(len)
}
