//! Records to bytes and back, every length bounded.

use bytes::Bytes;
use thalweg_model::{BrokerId, LeaderEpoch, PartitionIndex, ProducerId, ReplicaId, Uuid};
use thalweg_wire::Str;
use thalweg_wire::codec::{DecodeError, Decoder, Element, EncodeError, Encoder};

use super::bodies::{
    BrokerRegistered, BrokerUnregistered, ClusterIdSet, ConfigRemoved, ConfigSet, Endpoint,
    FeatureLevelSet, PartitionLed, PartitionPlaced, ProducerIdsAllocated, Replica, TopicCreated,
    TopicRemoved,
};
use super::{MetadataRecord, Text};
use crate::config::{ConfigResource, ResourceError};
use crate::limits::RECORD_BYTES_MAX;

/// Why bytes are not a record that this release understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a later release, or damaged.
    #[error(
        "metadata record of kind {0}, which this release does not know: start the release that wrote it, or a later one"
    )]
    UnknownKind(u32),
    /// Written by a later release.
    #[error(
        "metadata record of kind {kind} in version {version}, this release reads up to {VERSION_MAX}: start the release that wrote it, or a later one"
    )]
    UnknownVersion {
        /// The kind.
        kind: u32,
        /// The version.
        version: u32,
    },
    /// The bytes break the format.
    #[error("metadata record is damaged: {0}")]
    Damaged(#[from] DecodeError),
    /// More bytes than the record has fields for.
    #[error("metadata record is damaged: {0} bytes after its end")]
    Trailing(usize),
    /// An epoch below zero.
    #[error("metadata record is damaged: {0} is no leader epoch")]
    Epoch(i32),
    /// A setting of something that has none.
    #[error("metadata record is damaged: {0}")]
    Resource(#[from] ResourceError),
    /// More bytes than any record may have.
    #[error("metadata record of {0} bytes, at most {RECORD_BYTES_MAX} are allowed")]
    TooLarge(usize),
}

/// All kinds are in their first version.
const VERSION_MAX: u32 = 0;

/// Kinds by their number; a number is never used again.
macro_rules! kinds {
    ($($number:literal $kind:ident),* $(,)?) => {
        impl MetadataRecord {
            /// The record as bytes.
            ///
            /// # Errors
            /// A text is too long for the format.
            pub fn encode(&self) -> Result<Bytes, EncodeError> {
                let mut e = Encoder::new();
                e.set_flexible(true);
                match self {
                    $(Self::$kind(body) => {
                        e.varint($number);
                        e.varint(VERSION_MAX);
                        body.write(&mut e);
                    })*
                }
                e.no_tagged_fields();
                Ok(e.finish()?.freeze())
            }

            /// The record that these bytes are.
            ///
            /// # Errors
            /// They are damaged, or were written by a later release.
            pub fn decode(bytes: &Bytes) -> Result<Self, RecordError> {
                if bytes.len() > RECORD_BYTES_MAX {
                    return Err(RecordError::TooLarge(bytes.len()));
                }
                let mut d = Decoder::new(bytes);
                d.set_flexible(true);
                let kind = d.varint()?;
                let version = d.varint()?;
                let record = match kind {
                    $($number => {
                        known_version(kind, version)?;
                        Self::$kind($kind::read(&mut d)?)
                    })*
                    _ => return Err(RecordError::UnknownKind(kind)),
                };
                d.skip_tagged_fields()?;
                match d.remaining() {
                    0 => Ok(record),
                    more => Err(RecordError::Trailing(more)),
                }
            }
        }
    };
}

kinds! {
    1 ClusterIdSet,
    2 FeatureLevelSet,
    3 BrokerRegistered,
    4 BrokerUnregistered,
    5 TopicCreated,
    6 PartitionPlaced,
    7 PartitionLed,
    8 TopicRemoved,
    9 ConfigSet,
    10 ConfigRemoved,
    11 ProducerIdsAllocated,
}

fn known_version(kind: u32, version: u32) -> Result<(), RecordError> {
    if version > VERSION_MAX {
        return Err(RecordError::UnknownVersion { kind, version });
    }
    Ok(())
}

type Read<T> = Result<T, RecordError>;

/// The fields of one kind.
trait Body: Sized {
    fn read(d: &mut Decoder<'_>) -> Read<Self>;
    fn write(&self, e: &mut Encoder);
}

fn text(d: &mut Decoder<'_>) -> Read<Text> {
    Ok(Text::from(d.str()?))
}

fn put_text(e: &mut Encoder, text: &str) {
    e.string(&Str::from(text));
}

fn brokers(d: &mut Decoder<'_>) -> Read<Vec<BrokerId>> {
    Ok(d.array::<i32>(0)?.into_iter().map(BrokerId).collect())
}

fn put_brokers(e: &mut Encoder, brokers: &[BrokerId]) {
    let ids: Vec<i32> = brokers.iter().map(|broker| broker.0).collect();
    e.array(&ids, 0);
}

impl Body for ClusterIdSet {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self { id: text(d)? })
    }

    fn write(&self, e: &mut Encoder) {
        put_text(e, &self.id);
    }
}

impl Body for FeatureLevelSet {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            name: text(d)?,
            level: d.i16()?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        put_text(e, &self.name);
        e.i16(self.level);
    }
}

impl Element for Endpoint {
    const MIN_WIRE_SIZE: usize = 7;

    fn read(d: &mut Decoder<'_>, _version: i16) -> Result<Self, DecodeError> {
        let endpoint = Self {
            listener: Text::from(d.str()?),
            host: Text::from(d.str()?),
            port: d.u16()?,
            security_protocol: d.i16()?,
        };
        d.skip_tagged_fields()?;
        Ok(endpoint)
    }

    fn write(&self, e: &mut Encoder, _version: i16) {
        put_text(e, &self.listener);
        put_text(e, &self.host);
        e.u16(self.port);
        e.i16(self.security_protocol);
        e.no_tagged_fields();
    }
}

impl Body for BrokerRegistered {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            id: BrokerId(d.i32()?),
            incarnation: d.uuid()?,
            endpoints: d.array(0)?,
            rack: d.nullable_str()?.map(Text::from),
            directories: d.array::<Uuid>(0)?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        e.i32(self.id.0);
        e.uuid(self.incarnation);
        e.array(&self.endpoints, 0);
        let rack = self.rack.as_deref().map(Str::from);
        e.nullable_string(rack.as_ref());
        e.array(&self.directories, 0);
    }
}

impl Body for BrokerUnregistered {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            id: BrokerId(d.i32()?),
        })
    }

    fn write(&self, e: &mut Encoder) {
        e.i32(self.id.0);
    }
}

impl Body for TopicCreated {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            name: text(d)?,
            id: d.uuid()?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        put_text(e, &self.name);
        e.uuid(self.id);
    }
}

impl Element for Replica {
    const MIN_WIRE_SIZE: usize = 29;

    fn read(d: &mut Decoder<'_>, _version: i16) -> Result<Self, DecodeError> {
        let replica = Self {
            id: ReplicaId(d.i64()?.cast_unsigned()),
            broker: BrokerId(d.i32()?),
            directory: d.uuid()?,
        };
        d.skip_tagged_fields()?;
        Ok(replica)
    }

    fn write(&self, e: &mut Encoder, _version: i16) {
        e.i64(self.id.0.cast_signed());
        e.i32(self.broker.0);
        e.uuid(self.directory);
        e.no_tagged_fields();
    }
}

impl Body for PartitionPlaced {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            topic: d.uuid()?,
            partition: PartitionIndex(d.i32()?),
            replicas: d.array(0)?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        e.uuid(self.topic);
        e.i32(self.partition.0);
        e.array(&self.replicas, 0);
    }
}

impl Body for PartitionLed {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        let topic = d.uuid()?;
        let partition = PartitionIndex(d.i32()?);
        let leader = d.i32()?;
        let epoch = d.i32()?;
        Ok(Self {
            topic,
            partition,
            leader: (leader >= 0).then_some(BrokerId(leader)),
            epoch: LeaderEpoch::from_wire(epoch).ok_or(RecordError::Epoch(epoch))?,
            in_sync: brokers(d)?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        e.uuid(self.topic);
        e.i32(self.partition.0);
        e.i32(self.leader.map_or(-1, |leader| leader.0));
        e.i32(self.epoch.value());
        put_brokers(e, &self.in_sync);
    }
}

impl Body for TopicRemoved {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self { id: d.uuid()? })
    }

    fn write(&self, e: &mut Encoder) {
        e.uuid(self.id);
    }
}

/// Kafka's number of the resource's type, and its name.
fn resource(d: &mut Decoder<'_>) -> Read<ConfigResource> {
    let kind = d.i8()?;
    let name = d.str()?;
    Ok(ConfigResource::from_wire(kind, name)?)
}

fn put_resource(e: &mut Encoder, resource: &ConfigResource) {
    e.i8(resource.wire_type());
    put_text(e, &resource.wire_name());
}

impl Body for ConfigSet {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            resource: resource(d)?,
            key: text(d)?,
            value: text(d)?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        put_resource(e, &self.resource);
        put_text(e, &self.key);
        put_text(e, &self.value);
    }
}

impl Body for ConfigRemoved {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            resource: resource(d)?,
            key: text(d)?,
        })
    }

    fn write(&self, e: &mut Encoder) {
        put_resource(e, &self.resource);
        put_text(e, &self.key);
    }
}

impl Body for ProducerIdsAllocated {
    fn read(d: &mut Decoder<'_>) -> Read<Self> {
        Ok(Self {
            broker: BrokerId(d.i32()?),
            next: ProducerId(d.i64()?),
        })
    }

    fn write(&self, e: &mut Encoder) {
        e.i32(self.broker.0);
        e.i64(self.next.0);
    }
}
