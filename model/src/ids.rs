//! Identities: who, and which partition.

use std::fmt;

use crate::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// Node id of a broker.
    BrokerId,
    i32
);
id!(
    /// Number of a partition within its topic.
    PartitionIndex,
    i32
);
id!(
    /// Identity of an idempotent or transactional producer; never negative.
    ProducerId,
    i64
);
id!(
    /// Epoch of a producer id; a lower one is fenced.
    ProducerEpoch,
    i16
);
id!(
    /// Identity of one copy of a partition within its Raft group; a lost disk returns under a new one.
    ReplicaId,
    u64
);

/// One incarnation of a topic's partition: a topic created again under its old name has another id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Id of the topic's incarnation.
    pub topic: Uuid,
    /// Number of the partition.
    pub partition: PartitionIndex,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}
