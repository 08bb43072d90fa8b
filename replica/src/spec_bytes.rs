//! What a shard must know of a partition before the cluster's metadata can be read, as bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thalweg_consensus::Membership;
use thalweg_log::LogConfig;
use thalweg_model::{BrokerId, LogIndex, PartitionIndex, ReplicaId, Uuid};

use crate::PartitionSpec;

/// Version of the encoding of a partition whose group has the members that it began with.
const FOUNDED: u8 = 1;

/// Version of the encoding with members that came later.
const CHANGED: u8 = 2;

/// What was stored of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSpec {
    pub(crate) spec: PartitionSpec,
    pub(crate) directory: String,
    /// The members and the entry that made them so, if they are not those that the group began with.
    pub(crate) members: Option<(LogIndex, Membership)>,
}

/// The bytes are not a partition's description, or of a later release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored partition description cannot be read")]
pub struct SpecError;

impl PartitionSpec {
    /// Identity, members and directory; the settings come from the metadata.
    pub(crate) fn to_bytes(&self, directory: &str, members: (LogIndex, &Membership)) -> Bytes {
        let (index, members) = members;
        let mut out = BytesMut::new();
        out.put_u8(if index == LogIndex(0) {
            FOUNDED
        } else {
            CHANGED
        });
        out.put_slice(self.topic.as_bytes());
        out.put_i32(self.partition.0);
        out.put_u64(self.replica.0);
        put_count(&mut out, self.voters.len());
        for (replica, broker) in &self.voters {
            out.put_u64(replica.0);
            out.put_i32(broker.0);
        }
        if index > LogIndex(0) {
            out.put_u64(index.0);
            out.put_u8(u8::from(members.auto_leave));
            for ids in [
                &members.voters,
                &members.learners,
                &members.voters_outgoing,
                &members.learners_next,
            ] {
                put_count(&mut out, ids.len());
                ids.iter().for_each(|id| out.put_u64(id.0));
            }
        }
        let name_bytes =
            u16::try_from(self.topic_name.len()).expect("a name has 249 bytes at most");
        out.put_u16(name_bytes);
        out.put_slice(self.topic_name.as_bytes());
        out.put_slice(directory.as_bytes());
        out.freeze()
    }

    /// The partition, its directory and its members.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Result<StoredSpec, SpecError> {
        let mut rest = bytes.clone();
        Self::read(&mut rest).ok_or(SpecError)
    }

    fn read(rest: &mut Bytes) -> Option<StoredSpec> {
        let version = rest.try_get_u8().ok()?;
        if ![FOUNDED, CHANGED].contains(&version) {
            return None;
        }
        let mut topic = [0; 16];
        rest.try_copy_to_slice(&mut topic).ok()?;
        let partition = PartitionIndex(rest.try_get_i32().ok()?);
        let replica = ReplicaId(rest.try_get_u64().ok()?);
        let mut voters = Vec::new();
        for _ in 0..rest.try_get_u16().ok()? {
            let replica = ReplicaId(rest.try_get_u64().ok()?);
            voters.push((replica, BrokerId(rest.try_get_i32().ok()?)));
        }
        let members = if version == CHANGED {
            Some(read_members(rest)?)
        } else {
            None
        };
        let name_bytes = usize::from(rest.try_get_u16().ok()?);
        if rest.len() < name_bytes {
            return None;
        }
        let topic_name = String::from_utf8(rest.split_to(name_bytes).to_vec()).ok()?;
        let directory = String::from_utf8(rest.to_vec()).ok()?;
        let spec = Self {
            topic: Uuid::from_bytes(topic),
            topic_name,
            partition,
            replica,
            voters,
            config: LogConfig::default(),
            min_insync_replicas: 1,
        };
        Some(StoredSpec {
            spec,
            directory,
            members,
        })
    }
}

fn put_count(out: &mut BytesMut, count: usize) {
    out.put_u16(u16::try_from(count).expect("a partition has few replicas"));
}

fn read_members(rest: &mut Bytes) -> Option<(LogIndex, Membership)> {
    let index = LogIndex(rest.try_get_u64().ok()?);
    let auto_leave = rest.try_get_u8().ok()? != 0;
    let mut ids = || {
        let count = rest.try_get_u16().ok()?;
        let ids = (0..count).map(|_| rest.try_get_u64().ok().map(ReplicaId));
        ids.collect::<Option<Vec<_>>>()
    };
    let members = Membership {
        voters: ids()?,
        learners: ids()?,
        voters_outgoing: ids()?,
        learners_next: ids()?,
        auto_leave,
    };
    Some((index, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_survives_its_bytes_and_shorter_ones_are_refused() {
        let spec = PartitionSpec {
            topic: Uuid::from_bytes([7; 16]),
            topic_name: "orders".to_owned(),
            partition: PartitionIndex(3),
            replica: ReplicaId(9),
            voters: vec![(ReplicaId(9), BrokerId(1)), (ReplicaId(10), BrokerId(2))],
            config: LogConfig::default(),
            min_insync_replicas: 1,
        };
        let changed = Membership {
            voters: vec![ReplicaId(9), ReplicaId(10)],
            learners: vec![ReplicaId(11)],
            voters_outgoing: vec![ReplicaId(8)],
            learners_next: vec![],
            auto_leave: true,
        };
        for index in [0, 7].map(LogIndex) {
            let bytes = spec.to_bytes("orders-3", (index, &changed));
            let stored = StoredSpec {
                spec: spec.clone(),
                directory: "orders-3".to_owned(),
                members: (index.0 > 0).then(|| (index, changed.clone())),
            };
            assert_eq!(PartitionSpec::from_bytes(&bytes), Ok(stored));
            for length in 0..bytes.len() - "orders-3".len() {
                assert_eq!(
                    PartitionSpec::from_bytes(&bytes.slice(..length)),
                    Err(SpecError)
                );
            }
        }
    }
}
