//! Stored records: keys behind their type, values behind their version.

use bytes::{Buf, Bytes};
use thiserror::Error;

use crate::Message;
use crate::codec::{DecodeError, EncodeError, Encoder};

/// Keys have one version each; what tells them apart is the type before them.
const KEY_VERSION: i16 = 0;

/// The key of a coordinator's record.
pub trait RecordKey: Message {
    /// The record type that stands before the key.
    const TYPE: i16;
}

/// Why a stored record was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Fewer than the two bytes of a type or version.
    #[error("a stored record of {0} bytes has no type or version")]
    Short(usize),
    /// A key of another type.
    #[error("a record key of type {found} where {wanted} is expected")]
    Type {
        /// The type expected.
        wanted: i16,
        /// The type found.
        found: i16,
    },
    /// The rest is not the message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// The type of a key, which says what the rest of it is.
///
/// # Errors
/// There are fewer than two bytes.
pub fn key_type(key: &[u8]) -> Result<i16, RecordError> {
    split_prefix(key).map(|(prefix, _)| prefix)
}

/// Reads a key behind its type.
///
/// # Errors
/// It has another type or is malformed.
pub fn decode_key<K: RecordKey>(key: &Bytes) -> Result<K, RecordError> {
    let (found, body) = take_prefix(key)?;
    if found != K::TYPE {
        return Err(RecordError::Type {
            wanted: K::TYPE,
            found,
        });
    }
    Ok(K::from_bytes(&body, KEY_VERSION)?)
}

/// Writes a key behind its type.
///
/// # Errors
/// A string in it is too long.
pub fn encode_key<K: RecordKey>(key: &K) -> Result<Bytes, EncodeError> {
    prefixed(K::TYPE, key, KEY_VERSION)
}

/// Reads a value behind its version.
///
/// # Errors
/// The version is unknown, or the value is malformed.
pub fn decode_value<V: Message>(value: &Bytes) -> Result<V, RecordError> {
    let (version, body) = take_prefix(value)?;
    Ok(V::from_bytes(&body, version)?)
}

/// Reads a value behind its version, taking versions later than the newest known one for that one.
///
/// This is how the consumer protocol's metadata is read: later versions only add fields at the end.
///
/// # Errors
/// The version is negative or too old, or the value is malformed.
pub fn decode_value_lenient<V: Message>(value: &Bytes) -> Result<V, RecordError> {
    let (version, body) = take_prefix(value)?;
    Ok(V::from_bytes(&body, version.min(V::MAX_VERSION))?)
}

/// Writes a value behind its version.
///
/// # Errors
/// A string, bytes or an array in it is too long.
///
/// # Panics
/// If there is no such version.
pub fn encode_value<V: Message>(value: &V, version: i16) -> Result<Bytes, EncodeError> {
    prefixed(version, value, version)
}

fn prefixed<M: Message>(prefix: i16, message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut e = Encoder::new();
    e.i16(prefix);
    message.encode(&mut e, version);
    Ok(e.finish()?.freeze())
}

fn split_prefix(bytes: &[u8]) -> Result<(i16, &[u8]), RecordError> {
    match bytes.split_first_chunk() {
        Some((prefix, body)) => Ok((i16::from_be_bytes(*prefix), body)),
        None => Err(RecordError::Short(bytes.len())),
    }
}

fn take_prefix(bytes: &Bytes) -> Result<(i16, Bytes), RecordError> {
    let (prefix, _) = split_prefix(bytes)?;
    let mut body = bytes.clone();
    body.advance(2);
    Ok((prefix, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Malformed;
    use crate::messages::{
        ConsumerGroupMemberMetadataValue, ConsumerProtocolSubscription, GroupMetadataKey,
        OffsetCommitKey, OffsetCommitValue,
    };

    fn key() -> OffsetCommitKey {
        OffsetCommitKey {
            group: "g".into(),
            topic: "t".into(),
            partition: 7,
        }
    }

    #[test]
    fn a_key_stands_behind_its_type() {
        let bytes = encode_key(&key()).unwrap();
        assert_eq!(&bytes[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x07");
        assert_eq!(key_type(&bytes), Ok(1));
        assert_eq!(decode_key::<OffsetCommitKey>(&bytes), Ok(key()));
        assert_eq!(
            decode_key::<GroupMetadataKey>(&bytes),
            Err(RecordError::Type {
                wanted: 2,
                found: 1
            })
        );
        assert_eq!(key_type(b"\0"), Err(RecordError::Short(1)));
    }

    #[test]
    fn a_value_stands_behind_its_version() {
        let value = OffsetCommitValue {
            offset: 5,
            leader_epoch: 2,
            metadata: "m".into(),
            commit_timestamp: 9,
            ..OffsetCommitValue::default()
        };
        let bytes = encode_value(&value, 3).unwrap();
        assert_eq!(
            &bytes[..],
            b"\0\x03\0\0\0\0\0\0\0\x05\0\0\0\x02\0\x01m\0\0\0\0\0\0\0\x09"
        );
        assert_eq!(decode_value::<OffsetCommitValue>(&bytes), Ok(value));
        let unknown = Bytes::from_static(b"\0\x09");
        assert!(matches!(
            decode_value::<OffsetCommitValue>(&unknown),
            Err(RecordError::Decode(DecodeError::UnsupportedVersion {
                version: 9,
                ..
            }))
        ));
    }

    #[test]
    fn a_struct_that_is_null_in_a_tagged_field_has_a_marker_of_its_own() {
        // Kafka's own encoder wrote these bytes: tag 0, one byte, 0 for null.
        let bytes =
            Bytes::from_static(b"\0\0\x01\x01\x01\x01\x01\x01\xff\xff\xff\xff\x01\x01\0\x01\0");
        let value: ConsumerGroupMemberMetadataValue = decode_value(&bytes).unwrap();
        let expected = ConsumerGroupMemberMetadataValue {
            classic_member_metadata: None,
            ..ConsumerGroupMemberMetadataValue::default()
        };
        assert_eq!(value, expected);
        assert_eq!(encode_value(&value, 0), Ok(bytes));
    }

    #[test]
    fn a_later_subscription_is_read_as_the_newest_known() {
        let bytes = encode_value(&ConsumerProtocolSubscription::default(), 3).unwrap();
        let mut later = bytes.to_vec();
        later[1] = 9;
        later.extend(b"more");
        let later = Bytes::from(later);
        assert_eq!(
            decode_value_lenient(&later),
            Ok(ConsumerProtocolSubscription::default())
        );
        let negative = Bytes::from_static(b"\xff\xff\0");
        assert!(decode_value_lenient::<ConsumerProtocolSubscription>(&negative).is_err());
        let short = Bytes::from_static(b"\0\0\0");
        assert_eq!(
            decode_value_lenient::<ConsumerProtocolSubscription>(&short),
            Err(RecordError::Decode(DecodeError::Malformed {
                reason: Malformed::Short,
                at: 0
            }))
        );
    }
}
