//! Records as bytes: Kafka's own formats, which other tools read.

use bytes::Bytes;
use thalweg_model::{LeaderEpoch, PartitionIndex, Timestamp};
use thalweg_wire::codec::EncodeError;
use thalweg_wire::messages::group_metadata_value::MemberMetadata;
use thalweg_wire::messages::{
    GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue,
};
use thalweg_wire::record::{RecordError, decode_value, encode_key, encode_value, key_type};
use thalweg_wire::{Message, RecordKey, Str};

use super::{CommittedOffset, Record, StoredGroup, StoredMember};
use crate::Generation;

/// Type of the keys that the oldest brokers wrote; the rest of the key is the same.
const OFFSET_KEY_TYPE_OLD: i16 = 0;
/// Version of positions that expire on their own: the only one with that field.
const OFFSET_VERSION_EXPIRING: i16 = 1;
/// Version of all other positions, as Kafka 4.3 writes them.
const OFFSET_VERSION: i16 = 4;
/// Version of groups, as Kafka 4.3 writes them.
const GROUP_VERSION: i16 = 3;

/// A stored record is not what its key says.
pub type StoredError = RecordError;

impl Record {
    /// Key and value as stored; no value makes a tombstone.
    ///
    /// # Errors
    /// A name is too long for the format. The doors of the shard let none in, but a foreign log may
    /// have held one.
    pub fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
        encode(self)
    }

    /// Reads a stored record; none if its key is of another kind of group, or unknown.
    ///
    /// # Errors
    /// The bytes are not what the key says, or there is no key.
    pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Option<Self>, StoredError> {
        // Copied, so that what is kept does not keep the log's buffers in memory.
        let key = Bytes::copy_from_slice(key.unwrap_or_default());
        let value = value.map(Bytes::copy_from_slice);
        decode(&key, value.as_ref())
    }
}

fn encode(record: &Record) -> Result<(Bytes, Option<Bytes>), EncodeError> {
    match record {
        Record::Offset {
            group,
            topic,
            partition,
            value,
        } => {
            let key = encode_key(&OffsetCommitKey {
                group: group.as_str().into(),
                topic: topic.as_str().into(),
                partition: partition.0,
            })?;
            Ok((key, value.as_ref().map(encode_offset).transpose()?))
        }
        Record::Group { group, value } => {
            let key = encode_key(&GroupMetadataKey {
                group: group.as_str().into(),
            })?;
            Ok((key, value.as_ref().map(encode_group).transpose()?))
        }
    }
}

fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Option<Record>, StoredError> {
    let kind = key_type(key)?;
    let body = key.slice(2..);
    match kind {
        OFFSET_KEY_TYPE_OLD | OffsetCommitKey::TYPE => {
            let key = OffsetCommitKey::from_bytes(&body, 0)?;
            Ok(Some(Record::Offset {
                group: key.group.as_str().into(),
                topic: key.topic.as_str().into(),
                partition: PartitionIndex(key.partition),
                value: value.map(decode_offset).transpose()?,
            }))
        }
        GroupMetadataKey::TYPE => {
            let key = GroupMetadataKey::from_bytes(&body, 0)?;
            Ok(Some(Record::Group {
                group: key.group.as_str().into(),
                value: value.map(decode_group).transpose()?,
            }))
        }
        _ => Ok(None),
    }
}

fn encode_offset(offset: &CommittedOffset) -> Result<Bytes, EncodeError> {
    let value = OffsetCommitValue {
        offset: offset.offset,
        leader_epoch: LeaderEpoch::to_wire(offset.leader_epoch),
        metadata: (&*offset.metadata).into(),
        commit_timestamp: offset.committed_at.0,
        expire_timestamp: offset.expires_at.unwrap_or(Timestamp::NONE).0,
        topic_id: offset.topic_id,
    };
    if offset.expires_at.is_some() {
        return encode_value(&value, OFFSET_VERSION_EXPIRING);
    }
    encode_value(&value, OFFSET_VERSION)
}

fn decode_offset(value: &Bytes) -> Result<CommittedOffset, StoredError> {
    let value: OffsetCommitValue = decode_value(value)?;
    Ok(CommittedOffset {
        offset: value.offset,
        leader_epoch: LeaderEpoch::from_wire(value.leader_epoch),
        metadata: value.metadata.as_str().into(),
        committed_at: Timestamp(value.commit_timestamp),
        expires_at: stored_time(value.expire_timestamp),
        topic_id: value.topic_id,
    })
}

fn encode_group(group: &StoredGroup) -> Result<Bytes, EncodeError> {
    let value = GroupMetadataValue {
        protocol_type: group.protocol_type.as_deref().unwrap_or_default().into(),
        generation: group.generation.0,
        protocol: group.protocol_name.as_deref().map(Str::from),
        leader: group.leader.as_ref().map(|id| Str::from(id.as_str())),
        current_state_timestamp: group.state_since.unwrap_or(Timestamp::NONE).0,
        members: group.members.iter().map(member_to_wire).collect(),
    };
    encode_value(&value, GROUP_VERSION)
}

fn member_to_wire(member: &StoredMember) -> MemberMetadata {
    MemberMetadata {
        member_id: member.member.as_str().into(),
        group_instance_id: member.instance.as_ref().map(|id| Str::from(id.as_str())),
        client_id: (&*member.client_id).into(),
        client_host: (&*member.client_host).into(),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: member.subscription.clone(),
        assignment: member.assignment.clone(),
    }
}

fn decode_group(value: &Bytes) -> Result<StoredGroup, StoredError> {
    let value: GroupMetadataValue = decode_value(value)?;
    Ok(StoredGroup {
        protocol_type: Some(&*value.protocol_type)
            .filter(|name| !name.is_empty())
            .map(Into::into),
        generation: Generation(value.generation),
        protocol_name: value.protocol.as_deref().map(Into::into),
        leader: value.leader.as_deref().map(Into::into),
        state_since: stored_time(value.current_state_timestamp),
        members: value.members.iter().map(member_from_wire).collect(),
    })
}

fn member_from_wire(member: &MemberMetadata) -> StoredMember {
    // The oldest version has no rebalance timeout: then the session timeout is it.
    let rebalance_timeout_ms = match member.rebalance_timeout {
        -1 => member.session_timeout,
        timeout => timeout,
    };
    StoredMember {
        member: member.member_id.as_str().into(),
        instance: member.group_instance_id.as_deref().map(Into::into),
        client_id: member.client_id.as_str().into(),
        client_host: member.client_host.as_str().into(),
        rebalance_timeout_ms,
        session_timeout_ms: member.session_timeout,
        subscription: member.subscription.clone(),
        assignment: member.assignment.clone(),
    }
}

fn stored_time(value: i64) -> Option<Timestamp> {
    (value != Timestamp::NONE.0).then_some(Timestamp(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use thalweg_model::Uuid;

    fn offset(expires_at: Option<Timestamp>) -> Record {
        Record::Offset {
            group: "g".into(),
            topic: "t".into(),
            partition: PartitionIndex(7),
            value: Some(CommittedOffset {
                offset: 5,
                leader_epoch: Some(LeaderEpoch::ZERO),
                metadata: "m".into(),
                committed_at: Timestamp(9),
                expires_at,
                topic_id: Uuid::NIL,
            }),
        }
    }

    #[test]
    fn positions_are_written_as_kafka_writes_them() {
        let (key, value) = offset(None).encode().unwrap();
        assert_eq!(&key[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x07");
        let expected = b"\0\x04\0\0\0\0\0\0\0\x05\0\0\0\0\x02m\0\0\0\0\0\0\0\x09\0";
        assert_eq!(value.as_deref(), Some(&expected[..]));
        // Only version 1 can say when a position expires; it cannot say the leader's epoch.
        let (_, value) = offset(Some(Timestamp(11))).encode().unwrap();
        let expected = b"\0\x01\0\0\0\0\0\0\0\x05\0\x01m\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x0b";
        assert_eq!(value.as_deref(), Some(&expected[..]));
    }

    #[test]
    fn a_group_of_the_oldest_version_is_read() {
        let key = Bytes::from_static(b"\0\x02\0\x01g");
        let value = Bytes::from_static(
            b"\0\0\0\x08consumer\0\0\0\x03\0\x01r\0\x01m\
              \0\0\0\x01\0\x01m\0\x01c\0\x01h\0\0\0\x64\0\0\0\x01s\0\0\0\x01a",
        );
        let Some(Record::Group { value, .. }) = Record::decode(Some(&key), Some(&value)).unwrap()
        else {
            panic!("a group is read");
        };
        let group = value.unwrap();
        assert_eq!(group.generation, Generation(3));
        assert_eq!(group.state_since, None);
        assert_eq!(group.members[0].rebalance_timeout_ms, 100);
    }

    #[test]
    fn old_keys_are_read_other_groups_passed_over_and_garbage_refused() {
        let old = Bytes::from_static(b"\0\0\0\x01g\0\x01t\0\0\0\x07");
        let record = Record::decode(Some(&old), None).unwrap().unwrap();
        let Record::Offset {
            partition, value, ..
        } = record
        else {
            panic!("a position is read");
        };
        assert_eq!((partition, value), (PartitionIndex(7), None));
        let consumer_group = Bytes::from_static(b"\0\x03\0\x01g");
        assert_eq!(Record::decode(Some(&consumer_group), None), Ok(None));
        assert!(Record::decode(None, None).is_err());
        for garbage in [&b""[..], b"\0", b"\0\x01\0\x05g"] {
            assert!(Record::decode(Some(garbage), None).is_err());
        }
        let key = Bytes::from_static(b"\0\x02\0\x01g");
        let value = Bytes::from_static(b"\0\x03\0\x08con");
        assert!(Record::decode(Some(&key), Some(&value)).is_err());
    }
}
