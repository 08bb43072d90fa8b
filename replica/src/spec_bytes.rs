//! What a shard must know of a partition before the cluster's metadata can be read, as bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thalweg_log::LogConfig;
use thalweg_model::{BrokerId, PartitionIndex, ReplicaId, Uuid};

use crate::PartitionSpec;

/// Version of the encoding.
const VERSION: u8 = 1;

/// The bytes are not a partition's description, or of a later release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored partition description cannot be read")]
pub struct SpecError;

impl PartitionSpec {
    /// Identity, members and directory; the settings come from the metadata.
    pub(crate) fn to_bytes(&self, directory: &str) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(VERSION);
        out.put_slice(self.topic.as_bytes());
        out.put_i32(self.partition.0);
        out.put_u64(self.replica.0);
        let count = u16::try_from(self.voters.len()).expect("a partition has few replicas");
        out.put_u16(count);
        for (replica, broker) in &self.voters {
            out.put_u64(replica.0);
            out.put_i32(broker.0);
        }
        let name_bytes =
            u16::try_from(self.topic_name.len()).expect("a name has 249 bytes at most");
        out.put_u16(name_bytes);
        out.put_slice(self.topic_name.as_bytes());
        out.put_slice(directory.as_bytes());
        out.freeze()
    }

    /// The partition and its directory.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Result<(Self, String), SpecError> {
        let mut rest = bytes.clone();
        Self::read(&mut rest).ok_or(SpecError)
    }

    fn read(rest: &mut Bytes) -> Option<(Self, String)> {
        if rest.try_get_u8().ok()? != VERSION {
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
        Some((spec, directory))
    }
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
        let bytes = spec.to_bytes("orders-3");
        assert_eq!(
            PartitionSpec::from_bytes(&bytes),
            Ok((spec, "orders-3".to_owned()))
        );
        for length in 0..bytes.len() - "orders-3".len() {
            assert_eq!(
                PartitionSpec::from_bytes(&bytes.slice(..length)),
                Err(SpecError)
            );
        }
    }
}
